//! A node that remembers what it was asked, and answers what it is told to.

use std::future;
use std::io::{Seek as _, Write as _};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::api::server::{Answer, Node};
use crate::api::types::{
    Allowed, Contact, ContactChange, ContactState, Decision, Direction, DoorState, ErrorCode, Event, Handle,
    HandleState, Invitation, InvitationState, MarkRead, Message, MessageState, NewContact, NewInvitation, NewMessage,
    NewNote, NewServer, Note, OwnPresence, PassphraseChange, Presence, PresenceSource, ProfileChange, Reason, Request,
    Search, Server, ServerState, Status, Terms, TorStatus, What,
};
use crate::fault::Fault;
use crate::profile::Passphrase;
use crate::profile::backup::Backup;

#[derive(Default)]
pub(super) struct Fake {
    state: Mutex<State>,
    newest: watch::Sender<i64>,
}

#[derive(Default)]
struct State {
    asked: Vec<String>,
    fault: Option<Fault>,
    silent: bool,
    events: Vec<Event>,
    /// What happens as soon as an empty page was read, one by one.
    after_reading: Vec<String>,
    /// How many events were handed out, to all readers together.
    handed_out: usize,
}

impl Fake {
    /// From now on every command is refused.
    pub(super) fn refuse(&self, code: ErrorCode) {
        self.state.lock().unwrap().fault = Some(Fault::new(code, "because of secret.onion"));
    }

    /// From now on no command is answered.
    pub(super) fn fall_silent(&self) {
        self.state.lock().unwrap().silent = true;
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(super) fn handed_out(&self) -> usize {
        self.state.lock().unwrap().handed_out
    }

    /// Makes something happen. The numbers rise by three.
    pub(super) fn happen(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        let seq = state.events.last().map_or(3, |event| event.seq + 3);
        let what = What::ContactRemoved { id: "1f".repeat(32), name: name.into() };
        state.events.push(Event { seq, at: 1_700_000_000_000, what });
        drop(state);
        self.newest.send_replace(seq);
    }

    /// Makes something happen just after somebody has read that nothing did.
    pub(super) fn happen_after_reading(&self, name: &str) {
        self.state.lock().unwrap().after_reading.push(name.into());
    }

    fn answer<T: Send + 'static>(&self, asked: String, answer: T) -> Answer<'_, T> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(asked);
        if state.silent {
            return Box::pin(future::pending());
        }
        Box::pin(future::ready(state.fault.clone().map_or(Ok(answer), Err)))
    }
}

impl Node for Arc<Fake> {
    fn status(&self) -> Answer<'_, Status> {
        self.answer("status".into(), status())
    }

    fn invite(&self, new: NewInvitation) -> Answer<'_, Invitation> {
        self.answer(format!("invite {:?} {:?}", new.uses, new.expires_in), invitation())
    }

    fn invitations(&self) -> Answer<'_, Vec<Invitation>> {
        self.answer("invitations".into(), vec![invitation()])
    }

    fn revoke<'a>(&'a self, id: &'a str) -> Answer<'a, Invitation> {
        self.answer(format!("revoke {id}"), invitation())
    }

    fn add_contact(&self, new: NewContact) -> Answer<'_, Contact> {
        self.answer(format!("add {} {:?} {:?}", new.link, new.name, new.message), contact())
    }

    fn contacts(&self) -> Answer<'_, Vec<Contact>> {
        self.answer("contacts".into(), vec![contact()])
    }

    fn contact<'a>(&'a self, who: &'a str) -> Answer<'a, Contact> {
        self.answer(format!("contact {who}"), contact())
    }

    fn change_contact<'a>(&'a self, who: &'a str, change: ContactChange) -> Answer<'a, Contact> {
        self.answer(format!("change {who} {:?} {:?} {:?}", change.name, change.verified, change.blocked), contact())
    }

    fn remove_contact<'a>(&'a self, who: &'a str) -> Answer<'a, ()> {
        self.answer(format!("remove {who}"), ())
    }

    fn send<'a>(&'a self, who: &'a str, new: NewMessage) -> Answer<'a, Message> {
        self.answer(format!("send {who} {} {:?} {:?}", new.text, new.id, new.expires_in), message())
    }

    fn history<'a>(&'a self, who: &'a str, limit: u32, before: Option<&'a str>) -> Answer<'a, Vec<Message>> {
        self.answer(format!("history {who} {limit} {before:?}"), vec![message()])
    }

    fn conversations(&self) -> Answer<'_, Vec<Message>> {
        self.answer("conversations".into(), vec![message()])
    }

    fn search(&self, search: Search) -> Answer<'_, Vec<Message>> {
        let Search { text, contact, limit, before } = search;
        self.answer(format!("search {text} {contact:?} {limit} {before:?}"), vec![message()])
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        self.answer(format!("message {id}"), message())
    }

    fn cancel<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        self.answer(format!("cancel {id}"), message())
    }

    fn mark_read<'a>(&'a self, who: &'a str, mark: MarkRead) -> Answer<'a, Contact> {
        self.answer(format!("read {who} {:?}", mark.up_to), contact())
    }

    fn servers(&self) -> Answer<'_, Vec<Server>> {
        self.answer("servers".into(), vec![server()])
    }

    fn add_server(&self, new: NewServer) -> Answer<'_, Server> {
        self.answer(format!("add server {} {:?}", new.address, new.token), server())
    }

    fn remove_server<'a>(&'a self, address: &'a str) -> Answer<'a, ()> {
        self.answer(format!("remove server {address}"), ())
    }

    fn set_presence(&self, presence: OwnPresence) -> Answer<'_, Status> {
        self.answer(format!("presence {presence:?}"), status())
    }

    fn handles(&self) -> Answer<'_, Vec<Handle>> {
        self.answer("handles".into(), vec![handle()])
    }

    fn claim_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, Handle> {
        self.answer(format!("claim {handle}"), self::handle())
    }

    fn release_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, ()> {
        self.answer(format!("release {handle}"), ())
    }

    fn requests(&self) -> Answer<'_, Vec<Request>> {
        self.answer("requests".into(), vec![asking()])
    }

    fn answer_request<'a>(&'a self, id: &'a str, decision: Decision) -> Answer<'a, ()> {
        self.answer(format!("answer {id} {decision:?}"), ())
    }

    fn change_profile(&self, change: ProfileChange) -> Answer<'_, Status> {
        self.answer(format!("profile {:?}", change.name), status())
    }

    fn events(&self, after: i64, limit: u32) -> Answer<'_, Vec<Event>> {
        let mut state = self.state.lock().unwrap();
        let limit = usize::try_from(limit).unwrap();
        let page: Vec<_> = state.events.iter().filter(|event| event.seq > after).take(limit).cloned().collect();
        state.handed_out += page.len();
        let happens_now = if page.is_empty() { state.after_reading.pop() } else { None };
        drop(state);
        if let Some(name) = happens_now {
            self.happen(&name);
        }
        self.answer(format!("events {after} {limit}"), page)
    }

    fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    fn notes(&self) -> Answer<'_, Vec<Note>> {
        self.answer("notes".into(), vec![note()])
    }

    fn put_note<'a>(&'a self, key: &'a str, new: NewNote) -> Answer<'a, ()> {
        self.answer(format!("note {key} {}", new.text), ())
    }

    fn change_passphrase(&self, change: PassphraseChange) -> Answer<'_, ()> {
        self.answer(format!("passphrase {} {}", change.old, change.new), ())
    }

    fn backup(&self, _: Passphrase) -> Answer<'_, Backup> {
        let mut database = tempfile::tempfile().unwrap();
        database.write_all(&vec![7; 100_000]).unwrap();
        database.rewind().unwrap();
        self.answer("backup".into(), Backup { head: vec![1, 2, 3], database, length: 100_003 })
    }

    fn wipe(&self) -> Answer<'_, ()> {
        self.answer("wipe".into(), ())
    }
}

pub(super) fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        name: "Ada".into(),
        started_at: 1_700_000_000_000,
        tor: TorStatus { ready: false, percent: 40, summary: Reason::TorConnecting, stalled: Some(Reason::TorOffline) },
        front_door: DoorState::Closed,
        endpoint: DoorState::Starting,
        contacts: 2,
        online: 1,
        waiting: 3,
        presence: OwnPresence::Away,
        servers: 2,
        servers_reachable: 1,
        requests: 1,
        last_event: 9,
    }
}

pub(super) fn server() -> Server {
    Server {
        address: format!("{}.onion", "a".repeat(56)),
        state: ServerState::Untrusted,
        reason: Some(Reason::ServerWentBack),
        announced_at: Some(1),
        checked_at: None,
        records: Some(3),
        has_token: true,
    }
}

pub(super) fn handle() -> Handle {
    Handle { handle: "ada@a.onion".into(), state: HandleState::Active, reason: None, expires_at: Some(7) }
}

pub(super) fn asking() -> Request {
    Request {
        id: "1f".repeat(32),
        name: "Bob".into(),
        message: Some("it is me".into()),
        handle: "ada@a.onion".into(),
        received_at: 3,
    }
}

pub(super) fn invitation() -> Invitation {
    Invitation {
        id: "2a".repeat(16),
        link: Some("chive:abc".into()),
        state: InvitationState::Active,
        uses: 1,
        used: 0,
        created_at: 1,
        expires_at: 2,
    }
}

pub(super) fn contact() -> Contact {
    Contact {
        id: "1f".repeat(32),
        name: "Bob".into(),
        shared_name: Some("Bob \u{1f41a}\n".into()),
        state: ContactState::Accepted,
        reason: None,
        presence: Presence::Online,
        presence_source: Some(PresenceSource::Server),
        presence_reason: None,
        since: Some(5),
        presence_hidden: false,
        verified: true,
        safety_number: None,
        waiting: 0,
        unread: 2,
        terms: Terms {
            ours: Allowed { disappear_after: 60, read_receipts: true },
            theirs: Allowed { disappear_after: 90, read_receipts: false },
            in_force: Allowed { disappear_after: 90, read_receipts: false },
            confirmed: true,
        },
        retain: Some(3600),
        created_at: 4,
    }
}

pub(super) fn note() -> Note {
    Note { key: "ui.theme".into(), text: "dark".into() }
}

pub(super) fn message() -> Message {
    Message {
        id: "3b".repeat(16),
        contact: "Bob".into(),
        contact_id: "1f".repeat(32),
        direction: Direction::Sent,
        text: "hi\r\n\ndata: no\u{0}".into(),
        state: MessageState::Queued,
        reason: Some(Reason::NotConnected { cause: Reason::Connecting.boxed() }),
        created_at: 6,
        sent_at: None,
        delivered_at: None,
        expires_at: None,
        missing_before: 0,
        late: false,
        read_at: None,
        disappear_after: Some(60),
        disappears_at: None,
    }
}
