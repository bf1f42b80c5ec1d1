//! Rendezvous servers: which tasks there must be, what they tell, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chive_shared::blinding::{PresenceKey, PresenceSecret};
use chive_shared::server::ServerId;
use chive_shared::status::{Hint, State};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::actor::{Node, refuse};
use super::{Report, events};
use crate::api;
use crate::api::types::{ErrorCode, NewServer, Presence, PresenceSource, Server, ServerState, Status, What};
use crate::fault::Fault;
use crate::identity::{PeerId, derive};
use crate::limits::{MAX_FORWARDS, MAX_READ_SERVERS, MAX_SERVERS, MAX_TOKEN, TIMES};
use crate::model::{ContactId, ContactStatus, OutboxKind, OwnPresence, Reason, UnixMillis};
use crate::presence::{Announcement, News, Subject};
use crate::rendezvous::reader::{Reader, ReaderNews};
use crate::rendezvous::writer::{Told, Writer, WriterNews};
use crate::rendezvous::{IsolationPool, ServerError, Way};
use crate::store::contacts::{self, ContactRow};
use crate::store::servers::ServerRow;
use crate::store::{StoreError, Tx, messages, owner, servers};

/// What the presence of one person is sealed with for one contact alone, until that has our newest card.
const FORWARD_LABEL: &[u8] = b"chive/v1/forward";

/// All servers that concern us.
pub(super) struct Servers {
    all: BTreeMap<ServerId, Known>,
    isolation: IsolationPool,
    own: OwnPresence,
    /// Since when we are what our servers say.
    since: UnixMillis,
}

/// One of them.
struct Known {
    /// Whether we announce ourselves there.
    ours: bool,
    has_token: bool,
    /// How it took our last record, and how it could be read last.
    written: Outcome,
    read: Outcome,
    announced_at: Option<UnixMillis>,
    checked_at: Option<UnixMillis>,
    records: Option<u64>,
    writer: Option<watch::Sender<Arc<Told>>>,
    reader: Option<(watch::Sender<Arc<Vec<Subject>>>, DropGuard)>,
    seen: BTreeMap<ContactId, News>,
}

impl Known {
    fn new() -> Self {
        Self {
            ours: false,
            has_token: false,
            written: Outcome::default(),
            read: Outcome::default(),
            announced_at: None,
            checked_at: None,
            records: None,
            writer: None,
            reader: None,
            seen: BTreeMap::new(),
        }
    }

    /// The worse of both: a server that takes our records may hide its board, and the reverse.
    fn outcome(&self) -> &Outcome {
        std::cmp::max_by_key(&self.written, &self.read, |outcome| outcome.state)
    }

    fn state(&self) -> ServerState {
        self.outcome().state
    }

    fn show(&self, id: ServerId) -> Server {
        let Outcome { state, reason } = self.outcome().clone();
        Server {
            address: id.to_address(),
            state,
            reason,
            announced_at: self.announced_at.map(i64::from),
            checked_at: self.checked_at.map(i64::from),
            records: self.records,
            has_token: self.has_token,
        }
    }
}

/// How something went with a server.
#[derive(Clone, PartialEq)]
struct Outcome {
    state: ServerState,
    /// Why.
    reason: Option<Reason>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { state: ServerState::Starting, reason: None }
    }
}

impl Outcome {
    fn good() -> Self {
        Self { state: ServerState::Reachable, reason: None }
    }

    fn failed(error: &ServerError) -> Self {
        tracing::debug!(%error, "a server did not do what it was asked");
        let state = match error {
            ServerError::Refused(_) | ServerError::Dear(_) => ServerState::Refused,
            ServerError::Lie(_) => ServerState::Untrusted,
            _ => ServerState::Unreachable,
        };
        Self { state, reason: Some(error.reason()) }
    }
}

/// What a task that talks with a server tells the node.
pub(super) enum ServerNews {
    Writer(WriterNews),
    Reader(ReaderNews),
}

/// Whether a contact is there, and how that is known.
pub(super) struct Shown {
    pub(super) presence: Presence,
    pub(super) source: Option<PresenceSource>,
    pub(super) since: Option<UnixMillis>,
    pub(super) reason: Option<Reason>,
}

impl Servers {
    pub(super) fn new(own: OwnPresence, now: UnixMillis) -> Self {
        Self { all: BTreeMap::new(), isolation: IsolationPool::default(), own, since: now }
    }

    pub(super) fn own(&self) -> OwnPresence {
        self.own
    }

    /// Ours, and those of them that the last request reached.
    pub(super) fn count(&self) -> (u32, u32) {
        let ours = self.all.values().filter(|known| known.ours);
        let reachable = ours.clone().filter(|known| known.state() == ServerState::Reachable);
        [ours.count(), reachable.count()].map(|count| u32::try_from(count).unwrap_or(u32::MAX)).into()
    }

    /// The newest that any server showed of a contact, dead or alive.
    fn newest(&self, contact: ContactId) -> Option<&News> {
        let believed = self.all.values().filter(|known| known.state() != ServerState::Untrusted);
        believed.filter_map(|known| known.seen.get(&contact)).max_by_key(|news| news.written)
    }
}

impl Node {
    /// Brings the tasks that talk with servers in line with our servers, our contacts and our card.
    pub(super) async fn refresh_servers(&mut self) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let ours = servers::all(&mut tx).await?;
        let subjects = self.subjects(&mut tx).await?;
        let told = if ours.is_empty() { None } else { Some(Arc::new(self.told(&mut tx).await?)) };
        drop(tx);
        let wanted: BTreeSet<ServerId> = ours.iter().map(|row| row.id).chain(subjects.keys().copied()).collect();
        self.servers.all.retain(|id, _| wanted.contains(id));
        let own: BTreeMap<ServerId, ServerRow> = ours.into_iter().map(|row| (row.id, row)).collect();
        for id in wanted {
            let token = own.get(&id).and_then(|row| row.token.as_deref());
            let way = self.way(id, token);
            let known = self.servers.all.entry(id).or_insert_with(Known::new);
            (known.ours, known.has_token) = (own.contains_key(&id), token.is_some());
            if let Some(told) = told.clone().filter(|_| known.ours) {
                self.tell_writer(way.clone(), told);
            } else {
                (known.writer, known.written) = (None, Outcome::default());
            }
            self.tell_reader(way, subjects.get(&id).cloned().unwrap_or_default());
        }
        Ok(())
    }

    pub(super) fn way(&self, server: ServerId, token: Option<&str>) -> Way {
        let (transport, isolation) = (Arc::clone(&self.transport), self.servers.isolation.clone());
        Way { server, token: token.map(Into::into), transport, isolation }
    }

    fn tell_writer(&mut self, way: Way, told: Arc<Told>) {
        let server = way.server;
        let Some(known) = self.servers.all.get_mut(&server) else { return };
        if let Some(writer) = &known.writer {
            writer.send_replace(told);
            return;
        }
        let (writer, told) = watch::channel(told);
        known.writer = Some(writer);
        let task = Writer {
            way,
            owner: self.host.identity.presence_key().clone(),
            told,
            clock: self.clock.clone(),
            rng: StdRng::from_rng(&mut self.rng),
        };
        let (host, stop) = (self.host.clone(), self.links_stop.clone());
        self.tasks.spawn(async move {
            let report = async |news| host.report(Report::Server { server, news: ServerNews::Writer(news) }).await;
            stop.run_until_cancelled(task.run(report)).await;
        });
    }

    fn tell_reader(&mut self, way: Way, subjects: Vec<Subject>) {
        let server = way.server;
        let Some(known) = self.servers.all.get_mut(&server) else { return };
        known.seen.retain(|contact, _| subjects.iter().any(|subject| subject.contact == *contact));
        // Ours are read also where no contact is: whether they work is to be seen.
        if subjects.is_empty() && !known.ours {
            known.reader = None;
            return;
        }
        if let Some((reader, _)) = &known.reader {
            let same = |one: &Subject, other: &Subject| {
                (one.contact, one.key, one.secret.0) == (other.contact, other.key, other.secret.0)
            };
            reader.send_if_modified(|before| {
                let changed = before.len() != subjects.len() || !before.iter().zip(&subjects).all(|(a, b)| same(a, b));
                if changed {
                    *before = Arc::new(subjects);
                }
                changed
            });
            return;
        }
        let (reader, subjects) = watch::channel(Arc::new(subjects));
        let stop = self.stop.child_token();
        known.reader = Some((reader, stop.clone().drop_guard()));
        let task = Reader { way, subjects, clock: self.clock.clone(), rng: StdRng::from_rng(&mut self.rng) };
        let host = self.host.clone();
        self.tasks.spawn(async move {
            let report = async |news| host.report(Report::Server { server, news: ServerNews::Reader(news) }).await;
            stop.run_until_cancelled(task.run(report)).await;
        });
    }

    /// Whom to look for, at which servers.
    async fn subjects(&self, tx: &mut Tx) -> Result<BTreeMap<ServerId, Vec<Subject>>, StoreError> {
        let mut all: BTreeMap<ServerId, Vec<Subject>> = BTreeMap::new();
        for row in contacts::all(tx).await? {
            let (Some(keys), Some(published)) = (row.keys()?, row.presence()?) else { continue };
            let Ok(key) = PresenceKey::from_bytes(&keys.identity.presence) else { continue };
            if row.blocked || row.state != ContactStatus::Accepted {
                continue;
            }
            for server in published.servers.into_iter().take(MAX_SERVERS) {
                if all.len() >= MAX_READ_SERVERS && !all.contains_key(&server) {
                    continue;
                }
                let subjects = all.entry(server).or_default();
                for secret in [published.secret.clone(), forward(&keys.pair, row.peer_id)] {
                    subjects.push(Subject { contact: row.id, key, secret });
                }
            }
        }
        Ok(all)
    }

    /// What our servers are to tell: to all contacts, and to each that has not heard of our newest card.
    async fn told(&self, tx: &mut Tx) -> Result<Told, StoreError> {
        let card = self.own_card(tx, None).await?;
        let state = match self.servers.own {
            OwnPresence::On => Some(State::Online),
            OwnPresence::Away => Some(State::Away),
            OwnPresence::Invisible => None,
        };
        let hint = card.onion().map(|onion| Hint { revision: card.revision, endpoint: onion.0 });
        let says = |secret| Announcement { secret, state, since: self.servers.since.0, hint };
        let mut announcements = vec![says(PresenceSecret(card.presence_secret))];
        for row in self.uninformed(tx).await? {
            if let Some(keys) = row.keys()? {
                announcements.push(says(forward(&keys.pair, self.own_id())));
            }
        }
        Ok(Told { announcements, last: false })
    }

    /// Contacts that may look for us where we are no longer.
    async fn uninformed(&self, tx: &mut Tx) -> Result<Vec<ContactRow>, StoreError> {
        let mut all = vec![];
        for row in contacts::all(tx).await? {
            let reads = row.state == ContactStatus::Accepted && !row.blocked && row.decoy.is_none();
            if reads && all.len() < MAX_FORWARDS && messages::waits(tx, row.id, OutboxKind::Card).await? {
                all.push(row);
            }
        }
        Ok(all)
    }

    /// Everybody finds us gone: the last word before the end.
    pub(super) fn say_farewell(&mut self) {
        let now = self.clock.now();
        for known in self.servers.all.values_mut() {
            if let Some(writer) = known.writer.take() {
                writer.send_modify(|told| *told = Arc::new(told.farewell(now.0)));
            }
        }
    }

    /// A task that talks with a server tells something.
    pub(super) async fn server_news(&mut self, server: ServerId, news: ServerNews) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(known) = self.servers.all.get_mut(&server) else { return Ok(()) };
        // Who lied once is not believed again until the node starts anew.
        if known.state() == ServerState::Untrusted {
            return Ok(());
        }
        let before = known.outcome().clone();
        let mut seen = None;
        match news {
            ServerNews::Writer(WriterNews::Announced) => {
                known.announced_at = Some(now);
                known.written = Outcome::good();
            }
            ServerNews::Reader(ReaderNews::Read(records)) => {
                (known.checked_at, known.records) = (Some(now), Some(records));
                known.read = Outcome::good();
            }
            ServerNews::Reader(ReaderNews::Seen(news)) => {
                seen = Some(news);
                known.seen.insert(news.contact, news);
            }
            ServerNews::Writer(WriterNews::Failed(error)) => known.written = Outcome::failed(&error),
            ServerNews::Reader(ReaderNews::Failed(error)) => known.read = Outcome::failed(&error),
        }
        let (ours, news) = (known.ours, before != *known.outcome());
        let shown = known.show(server);
        if ours && news {
            self.announce(&What::Server { server: shown }).await;
        }
        if let Some(news) = seen {
            return self.contact_seen(news).await;
        }
        if news { self.show_all_presences().await } else { Ok(()) }
    }

    async fn contact_seen(&mut self, news: News) -> Result<(), StoreError> {
        if let Some(hint) = news.status.hint {
            let mut tx = self.store.begin().await?;
            if contacts::take_hint(&mut tx, news.contact, hint.revision, &hint.endpoint).await? {
                self.commit(tx).await?;
                self.reload(news.contact).await?;
            }
        }
        if let Some(peer) = self.peers.get_mut(&news.contact)
            && news.status.state != State::Offline
            && peer.link.is_none()
        {
            peer.hurry();
        }
        self.show_presence(news.contact).await
    }

    /// Tells those who listen when a contact is no longer what it was.
    pub(super) async fn show_presence(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let shown = self.presence_of(contact);
        let now = (shown.presence, shown.source);
        let Some(peer) = self.peers.get_mut(&contact) else { return Ok(()) };
        if std::mem::replace(&mut peer.shown, now) == now {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        if let Some(row) = contacts::by_id(&mut tx, contact).await? {
            let id = row.peer_id.to_hex();
            let what = What::Presence { id, name: row.name, presence: now.0, source: now.1 };
            events::note(&mut tx, &what, self.clock.now()).await?;
        }
        self.commit(tx).await
    }

    /// What was known by a server that is away, or by a record that has died, is not known any more.
    pub(super) async fn show_all_presences(&mut self) -> Result<(), StoreError> {
        let all: Vec<ContactId> = self.peers.keys().copied().collect();
        for contact in all {
            self.show_presence(contact).await?;
        }
        Ok(())
    }

    /// Whether a contact is there: by the link, else by the newer of what a server shows and the link's end.
    pub(super) fn presence_of(&self, contact: ContactId) -> Shown {
        let unknown = |reason| Shown { presence: Presence::Unknown, source: None, since: None, reason };
        let Some(peer) = self.peers.get(&contact) else { return unknown(None) };
        let by_link =
            |presence| Shown { presence, source: Some(PresenceSource::Link), since: peer.since, reason: None };
        if peer.link.is_some() {
            return by_link(Presence::Online);
        }
        let left = (peer.presence != Presence::Unknown).then_some(peer.since).flatten();
        match self.servers.newest(contact) {
            // A record tells the minute in which it was written.
            Some(news) if left.is_none_or(|left| news.written + chive_shared::limits::MINUTE > left.0) => {
                if news.dies <= self.clock.now().0 {
                    return unknown(Some(Reason::PresenceExpired));
                }
                let presence = match news.status.state {
                    State::Online => Presence::Online,
                    State::Away => Presence::Away,
                    State::Offline => Presence::Offline,
                };
                let (source, since) = (
                    Some(PresenceSource::Server),
                    Some(news.status.since).filter(|since| TIMES.contains(since)).map(UnixMillis),
                );
                Shown { presence, source, since, reason: None }
            }
            _ if left.is_some() => by_link(Presence::Offline),
            _ => unknown(peer.accepted.is_some().then(|| self.why_unknown(contact))),
        }
    }

    fn why_unknown(&self, contact: ContactId) -> Reason {
        let reads = |known: &&Known| {
            known.reader.as_ref().is_some_and(|(reader, _)| reader.borrow().iter().any(|one| one.contact == contact))
        };
        let mut at = self.servers.all.values().filter(reads).peekable();
        if at.peek().is_none() {
            return Reason::PresenceWithoutServer;
        }
        if at.clone().any(|known| known.state() == ServerState::Reachable) {
            return Reason::PresenceWithoutRecord;
        }
        let reason = at.find_map(|known| known.outcome().reason.clone());
        Reason::PresenceServer { cause: reason.unwrap_or(Reason::ServerNotAsked).boxed() }
    }

    pub(super) async fn servers(&mut self) -> Result<Vec<Server>, Fault> {
        let mut tx = self.begin().await?;
        let rows = servers::all(&mut tx).await?;
        Ok(rows.iter().map(|row| self.show_server(row)).collect())
    }

    fn show_server(&self, row: &ServerRow) -> Server {
        let starting = || Server { has_token: row.token.is_some(), ..Known::new().show(row.id) };
        self.servers.all.get(&row.id).map_or_else(starting, |known| known.show(row.id))
    }

    pub(super) async fn add_server(&mut self, new: NewServer) -> Result<Server, Fault> {
        let id = parse_server(&new.address)?;
        let token = new.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        if token.is_some_and(|token| token.len() > MAX_TOKEN || token.bytes().any(|byte| !byte.is_ascii_graphic())) {
            return refuse(ErrorCode::OutOfRange, format!("a token has at most {MAX_TOKEN} printable characters"));
        }
        let mut tx = self.begin().await?;
        if servers::all(&mut tx).await?.len() >= MAX_SERVERS {
            return refuse(ErrorCode::OutOfRange, format!("a profile has at most {MAX_SERVERS} servers"));
        }
        if !servers::add(&mut tx, id, token, self.clock.now()).await? {
            return refuse(ErrorCode::ServerKnown, "this server is one of yours already: `chive server list`");
        }
        let row = ServerRow { id, token: token.map(str::to_owned) };
        self.revise_card(tx).await?;
        let shown = self.show_server(&row);
        self.announce(&What::Server { server: shown.clone() }).await;
        Ok(shown)
    }

    pub(super) async fn remove_server(&mut self, address: &str) -> Result<(), Fault> {
        let id = parse_server(address)?;
        let mut tx = self.begin().await?;
        if !servers::remove(&mut tx, id).await? {
            return refuse(ErrorCode::UnknownServer, "this server is none of yours: `chive server list`");
        }
        // It is told that we are gone before it is told no more.
        if let Some(writer) = self.servers.all.get_mut(&id).and_then(|known| known.writer.take()) {
            let now = self.clock.now();
            writer.send_modify(|told| *told = Arc::new(told.farewell(now.0)));
        }
        Ok(self.revise_card(tx).await?)
    }

    /// Something on our card changed: contacts are told.
    pub(super) async fn revise_card(&mut self, mut tx: Tx) -> Result<(), StoreError> {
        owner::revise_card(&mut tx).await?;
        self.put_cards(&mut tx).await?;
        self.commit(tx).await?;
        self.after_moving(true).await
    }

    pub(super) async fn set_own_presence(&mut self, presence: api::types::OwnPresence) -> Result<Status, Fault> {
        let presence = OwnPresence::from(presence);
        if presence != self.servers.own {
            let mut tx = self.begin().await?;
            servers::set_own_presence(&mut tx, presence).await?;
            self.commit(tx).await?;
            (self.servers.own, self.servers.since) = (presence, self.clock.now());
            self.refresh_servers().await?;
        }
        self.status().await
    }
}

/// What the presence of `owner` is sealed with for the other of a pair alone.
fn forward(pair: &[u8; 32], owner: PeerId) -> PresenceSecret {
    PresenceSecret(*derive(pair, FORWARD_LABEL, &owner.0))
}

pub(super) fn parse_server(address: &str) -> Result<ServerId, Fault> {
    let address = address.trim().to_ascii_lowercase();
    let host = address.strip_prefix("http://").unwrap_or(&address).trim_end_matches('/');
    let full = format!("{}.onion", host.strip_suffix(".onion").unwrap_or(host));
    full.parse()
        .or_else(|error: chive_shared::server::NotAnAddress| refuse(ErrorCode::InvalidServer, error.to_string()))
}
