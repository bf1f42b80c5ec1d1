//! Turns the API's objects into text for people, and makes all text from others harmless. No I/O.

use std::collections::HashMap;
use std::fmt::Write as _;

use chive::api::types::{
    Contact, ContactState, Conversation, ConversationSettings, Direction, Event, Handle,
    HandleState, Invitation, InvitationState, Message, MessageState, OwnPresence, Policy, Presence,
    PresenceSource, Request, Server, ServerState, ServiceState, Status, TorStatus, What,
};
use chive::text::{for_one_line, for_terminal};

use crate::reason::say;
use crate::time::{day_and_time, short, span, time_of_day};

/// How the node is, one thing a line.
pub(crate) fn status(status: &Status) -> String {
    format!(
        "name        {}\ntor         {}\nfront door  {}\nendpoint    {}\ncontacts    {}, {} \
        online\nwaiting     {}\npresence    {}\nservers     {}\nrequests    {}\nrunning     since \
        {}, version {}",
        for_one_line(&status.name),
        tor(&status.tor),
        service_state(status.front_door),
        service_state(status.endpoint),
        status.contacts,
        status.online,
        count(status.waiting, "message"),
        own_presence(status),
        our_servers(status),
        waiting_requests(status.requests),
        day_and_time(status.started_at),
        for_one_line(&status.version),
    )
}

/// What our servers say of us.
pub(crate) fn own_presence(status: &Status) -> &'static str {
    match status.presence {
        OwnPresence::On => "on: contacts find us online at our servers",
        OwnPresence::Away => "away: contacts find us away at our servers",
        OwnPresence::Invisible => "invisible: contacts find nothing at our servers",
    }
}

fn our_servers(status: &Status) -> String {
    match status.servers {
        0 => "none: `chive server add ADDRESS` lets contacts see you without a link".to_owned(),
        servers => format!("{servers}, {} reachable", status.servers_reachable),
    }
}

fn waiting_requests(requests: u32) -> String {
    if requests == 0 {
        "none".to_owned()
    } else {
        format!("{requests} to answer: `chive requests`")
    }
}

/// Servers, one a line.
pub(crate) fn servers(servers: &[Server]) -> String {
    if servers.is_empty() {
        return "no servers yet: `chive server add ADDRESS` lets contacts see you without a link"
            .to_owned();
    }
    servers.iter().map(server).collect::<Vec<_>>().join("\n")
}

pub(crate) fn server(server: &Server) -> String {
    let state = match server.state {
        ServerState::Starting => "not asked yet",
        ServerState::Reachable => "reachable",
        ServerState::Unreachable => "unreachable",
        ServerState::Refused => "does not take our records",
        ServerState::Untrusted => "NOT TRUSTED",
    };
    let mut line = format!("{}  {state}", for_one_line(&server.address));
    if let Some(reason) = &server.reason {
        let _ = write!(line, " ({})", say(reason));
    }

    if let Some(at) = server.announced_at {
        let _ = write!(line, ", announced {}", day_and_time(at));
    }

    if let Some(records) = server.records {
        let _ = write!(line, ", {records} records");
    }

    line
}

/// Handles, one a line.
pub(crate) fn handles(handles: &[Handle]) -> String {
    if handles.is_empty() {
        return "no handles yet: `chive handle claim NAME@SERVER` lets others find you by a word"
            .to_owned();
    }
    handles.iter().map(handle).collect::<Vec<_>>().join("\n")
}

pub(crate) fn handle(handle: &Handle) -> String {
    let state = match handle.state {
        HandleState::Claiming => "being claimed",
        HandleState::Active => "yours",
        HandleState::Failed => "refused",
        HandleState::Releasing => "being given back",
    };
    let mut line = format!("{}  {state}", for_one_line(&handle.handle));
    if let Some(reason) = &handle.reason {
        let _ = write!(line, " ({})", say(reason));
    }
    if let Some(at) = handle.expires_at {
        let _ = write!(line, ", kept until {}", day_and_time(at));
    }
    line
}

/// Requests, one a line.
pub(crate) fn requests(requests: &[Request]) -> String {
    if requests.is_empty() {
        return "nobody waits for your answer".to_owned();
    }
    requests.iter().map(request).collect::<Vec<_>>().join("\n")
}

fn request(request: &Request) -> String {
    let message = request
        .message
        .as_deref()
        .map(|text| format!(": {}", for_one_line(text)))
        .unwrap_or_default();
    format!(
        "{}  calls itself “{}”, by {}, {}{message}",
        short_id(&request.id),
        for_one_line(&request.name),
        for_one_line(&request.handle),
        day_and_time(request.received_at),
    )
}

/// The way to the Tor network.
pub(crate) fn tor(tor: &TorStatus) -> String {
    let stalled =
        tor.stalled.as_ref().map(|why| format!(" (stalled: {})", say(why))).unwrap_or_default();
    if tor.ready && stalled.is_empty() {
        return "connected".to_owned();
    }
    format!("{} %: {}{stalled}", tor.percent, say(&tor.summary))
}

/// Whether others reach an onion service.
pub(crate) fn service_state(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Closed => "closed (no invitation needs it)",
        ServiceState::Starting => "starting",
        ServiceState::Reachable => "reachable",
        ServiceState::Unreachable => "unreachable, being relaunched",
    }
}

/// Who can use an invitation, till when.
pub(crate) fn invitation_limits(invitation: &Invitation) -> String {
    let who = if invitation.uses == 1 {
        "One person".to_owned()
    } else {
        format!("{} people", invitation.uses)
    };
    format!(
        "{who} can use it until {}. Whoever has it can: give it only to those you mean.\nTake it \
        back: chive invite revoke {}",
        day_and_time(invitation.expires_at),
        short_id(&invitation.id),
    )
}

/// Invitations, one a line.
pub(crate) fn invitations(invitations: &[Invitation]) -> String {
    if invitations.is_empty() {
        return "no invitations yet: `chive invite` makes one".to_owned();
    }
    invitations.iter().map(invitation).collect::<Vec<_>>().join("\n")
}

pub(crate) fn invitation(invitation: &Invitation) -> String {
    let state = match invitation.state {
        InvitationState::Active => "active",
        InvitationState::Used => "used",
        InvitationState::Expired => "expired",
        InvitationState::Revoked => "revoked",
    };
    let link = invitation
        .link
        .as_deref()
        .map(|link| format!("\n  {}", for_one_line(link)))
        .unwrap_or_default();
    let uses = format!("{} of {} used", invitation.used, invitation.uses);
    let until = day_and_time(invitation.expires_at);
    format!("{}  {state:<8} {uses}, until {until}{link}", short_id(&invitation.id))
}

/// Contacts, one a line, each with what there is in the conversation with them.
pub(crate) fn contacts(contacts: &[Contact], conversations: &[Conversation]) -> String {
    if contacts.is_empty() {
        return "no contacts yet: `chive invite` makes a link for somebody, `chive add LINK` opens \
               theirs".to_owned();
    }
    let width = contacts.iter().map(|c| for_one_line(&c.name).chars().count()).max().unwrap_or(0);
    let conversations: HashMap<&str, &Conversation> =
        conversations.iter().map(|one| (one.id.as_str(), one)).collect();
    let line = |contact: &Contact| {
        let conversation = conversations.get(contact.conversation.as_str());
        let counts = conversation.map(|conversation| counts(conversation)).unwrap_or_default();
        contact_line(contact, width, &counts)
    };
    contacts.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn contact(contact: &Contact) -> String {
    contact_line(contact, 0, "")
}

/// One contact, with what there is in the conversation with them.
pub(crate) fn contact_and_counts(contact: &Contact, conversation: &Conversation) -> String {
    contact_line(contact, 0, &counts(conversation))
}

fn contact_line(contact: &Contact, width: usize, counts: &str) -> String {
    let mut line = format!("{:<width$}  {}", for_one_line(&contact.name), contact_state(contact));
    if let Some(reason) = &contact.reason {
        let _ = write!(line, " ({})", say(reason));
    }
    if contact.verified {
        line += ", verified";
    }
    line += counts;
    if let Some(own) = contact.shared_name.as_deref().filter(|own| *own != contact.name) {
        let _ = write!(line, ", calls itself “{}”", for_one_line(own));
    }
    line
}

/// How many messages of a conversation are not read, and how many wait.
fn counts(conversation: &Conversation) -> String {
    let mut counts = String::new();
    for (n, state) in [(conversation.unread, "unread"), (conversation.waiting, "waiting")] {
        if n > 0 {
            let _ = write!(counts, ", {} {state}", count(n, "message"));
        }
    }
    counts
}

/// One conversation: what was said last in it, and what may happen to its messages.
pub(crate) fn whole_conversation(conversation: &Conversation, now: i64) -> String {
    format!("{}\n{}", conversation_line(conversation, 0, now), agreement(conversation))
}

/// Conversations, one a line: what is in them, and what was said last.
pub(crate) fn conversations(conversations: &[Conversation], now: i64) -> String {
    if conversations.is_empty() {
        return "no conversations yet: `chive invite` makes a link for somebody, `chive add LINK` \
               opens theirs"
            .to_owned();
    }
    let width =
        conversations.iter().map(|one| for_one_line(&one.name).chars().count()).max().unwrap_or(0);
    conversations
        .iter()
        .map(|one| conversation_line(one, width, now))
        .collect::<Vec<_>>()
        .join("\n")
}

fn conversation_line(conversation: &Conversation, width: usize, now: i64) -> String {
    let newest = conversation.newest.as_ref().map_or_else(
        || "no messages yet".to_owned(),
        |newest| {
            let who = if newest.direction == Direction::Sent { "you: " } else { "" };
            format!("{}  {who}{}", short(newest.created_at, now), excerpt(&newest.text, ""))
        },
    );
    format!("{:<width$}  {newest}{}", for_one_line(&conversation.name), counts(conversation))
}

/// All that is known of one contact, one thing a line.
pub(crate) fn whole_contact(contact: &Contact, conversation: &Conversation) -> String {
    let number =
        contact.safety_number.as_deref().map_or_else(|| "not known yet".to_owned(), for_one_line);
    format!(
        "{}\nid             {}\nsafety number  {number}\nadded          {}\n{}",
        contact_and_counts(contact, conversation),
        for_one_line(&contact.id),
        day_and_time(contact.created_at),
        agreement(conversation),
    )
}

/// What both sides let happen to messages, and what holds.
pub(crate) fn agreement(conversation: &Conversation) -> String {
    let name = for_one_line(&conversation.name);
    let ConversationSettings { ours, theirs, in_force, confirmed } = conversation.settings;
    let told = if confirmed { "" } else { " (not told yet)" };
    let mut lines = vec![
        format!(
            "messages disappear after  {}: you {}{told}, {name} {}",
            after(in_force),
            after(ours),
            after(theirs)
        ),
        format!(
            "read receipts             {}: you {}{told}, {name} {}",
            switch(in_force.read_receipts),
            switch(ours.read_receipts),
            switch(theirs.read_receipts),
        ),
        format!(
            "kept here for             {}",
            conversation.retain.map_or_else(|| "ever".to_owned(), span)
        ),
    ];
    if theirs.disappear_after > 0 && ours.disappear_after == 0 {
        let command = format!(
            "chive contact disappear {} {}",
            quoted(&conversation.name),
            one_word(theirs.disappear_after)
        );
        lines.push(format!(
            "{name} proposes that messages disappear after {}: {command}",
            after(theirs)
        ));
    }

    if theirs.read_receipts && !ours.read_receipts {
        let command = format!("chive contact receipts {} on", quoted(&conversation.name));
        lines.push(format!("{name} proposes to tell each other what was read: {command}"));
    }

    lines.join("\n")
}

fn after(policy: Policy) -> String {
    if policy.disappear_after == 0 { "never".to_owned() } else { span(policy.disappear_after) }
}

fn one_word(seconds: u64) -> String {
    span(seconds).replace(' ', "")
}

fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn contact_state(contact: &Contact) -> String {
    match contact.state {
        ContactState::Requested => "asked, no answer yet".to_owned(),
        ContactState::Refused => "refused us".to_owned(),
        ContactState::Blocked => "blocked".to_owned(),
        ContactState::Accepted => presence_of(contact),
    }
}

/// Whether a contact is there, since when, and how that is known.
pub(crate) fn presence_of(contact: &Contact) -> String {
    let mut shown = presence(contact.presence).to_owned();
    if let Some(since) = contact.since {
        let _ = write!(shown, " since {}", day_and_time(since));
    }

    match (contact.presence_source, &contact.presence_reason) {
        (Some(PresenceSource::Server), _) => shown += ", says its server",
        (None, Some(reason)) => {
            let _ = write!(shown, ": {}", say(reason));
        }
        _ => {}
    }

    if contact.presence_hidden {
        shown += ", does not see us at servers";
    }

    shown
}

/// Whether a contact is there.
pub(crate) fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Away => "away",
        Presence::Offline => "offline",
        Presence::Unknown => "not seen yet",
    }
}

/// A contact's safety number, and what it is for.
pub(crate) fn safety_number(name: &str, number: &str) -> String {
    format!(
        "The safety number with {}:\n\n    {}\n\nCompare it over another way: in person, or in a \
        call where you know the voice.",
        for_one_line(name),
        for_one_line(number),
    )
}

/// The messages of a conversation, one a line.
pub(crate) fn history(messages: &[Message], now: i64) -> String {
    if messages.is_empty() {
        return "no messages yet".to_owned();
    }
    messages.iter().map(|m| message(m, now)).collect::<Vec<_>>().join("\n")
}

/// One message as a conversation shows it.
pub(crate) fn message(message: &Message, now: i64) -> String {
    let who = match message.direction {
        Direction::Sent => "you".to_owned(),
        Direction::Received => author(message),
    };
    let gap = match message.missing_before {
        0 => String::new(),
        missing => format!("  … {} before this one not here (yet)\n", count(missing, "message")),
    };
    let text = for_terminal(&message.text).replace('\n', "\n    ");
    let line = format!("{gap}{}  {who}: {text}", short(message.created_at, now));
    let line = match message.disappears_at {
        Some(end) => format!("{line}  (disappears {})", short(end, now)),
        None => line,
    };
    match (message.direction, message.state) {
        (Direction::Received, _) => match message.delivered_at.filter(|_| message.late) {
            Some(arrived) => {
                format!("{line}\n    (arrived {}, after what you wrote below)", short(arrived, now))
            }
            None => line,
        },
        (Direction::Sent, MessageState::Queued) => {
            format!(
                "{line}\n    … {}; take it back: chive cancel {}",
                progress(message),
                for_one_line(&message.id)
            )
        }
        (Direction::Sent, _) => format!("{line}  {}", progress(message)),
    }
}

fn author(message: &Message) -> String {
    for_one_line(message.author.as_ref().map_or(&message.conversation_name, |author| &author.name))
}

/// Messages that were found, one a line.
pub(crate) fn found(messages: &[Message], searched: &str, now: i64) -> String {
    if messages.is_empty() {
        return "nothing found".to_owned();
    }
    messages.iter().map(|message| hit(message, searched, now)).collect::<Vec<_>>().join("\n")
}

fn hit(message: &Message, searched: &str, now: i64) -> String {
    let who = match message.direction {
        Direction::Sent => format!("you to {}", for_one_line(&message.conversation_name)),
        Direction::Received => author(message),
    };
    format!("{}  {who}: {}", short(message.created_at, now), excerpt(&message.text, searched))
}

/// The part of a text, in one line, in which the first of the words stands that is found as it was
/// typed.
fn excerpt(text: &str, searched: &str) -> String {
    let (before, length) = (40, 160);
    let lower = text.to_lowercase();
    let first = searched.split_whitespace().find_map(|word| lower.find(&word.to_lowercase()));
    let skipped = first.map_or(0, |byte| lower[..byte].chars().count().saturating_sub(before));
    let rest = text.chars().count().saturating_sub(skipped + length);
    let part: String = text.chars().skip(skipped).take(length).collect();
    let (start, end) = (if skipped > 0 { "…" } else { "" }, if rest > 0 { "…" } else { "" });
    format!("{start}{}{end}", for_one_line(&part))
}

/// How far a message is, and why it waits.
pub(crate) fn progress(message: &Message) -> String {
    let state = match message.state {
        MessageState::Queued => "waiting",
        MessageState::Sent => "✓ sent",
        MessageState::Delivered => "✓✓ delivered",
        MessageState::Read => "✓✓ read",
        MessageState::Cancelled => "cancelled",
        MessageState::Expired => "expired, not delivered",
        MessageState::Received => "received",
    };
    match &message.reason {
        Some(reason) => format!("{state}: {}", say(reason)),
        None => state.to_owned(),
    }
}

/// One event, in a line.
pub(crate) fn event(event: &Event) -> String {
    format!("{}  {}", time_of_day(event.at), what(&event.what))
}

fn what(what: &What) -> String {
    match what {
        What::Message { message } => said(message),
        What::MessagesGone { name, messages, .. } => gone(name, messages),
        What::Contact { contact } => format!("contact: {}", self::contact(contact)),
        What::Conversation { conversation } => {
            format!(
                "the conversation with {} changed{}",
                for_one_line(&conversation.name),
                counts(conversation)
            )
        }
        What::ContactRemoved { name, .. } => format!("contact {} removed", for_one_line(name)),
        What::Presence { name, presence: now, source, .. } => {
            let by = if *source == Some(PresenceSource::Server) { ", says its server" } else { "" };
            format!("{} is {}{by}", for_one_line(name), presence(*now))
        }
        What::Server { server: now } => format!("server {}", server(now)),
        What::Handle { handle: now } => format!("handle {}", handle(now)),
        What::Request { request: new } => format!("request: {}", request(new)),
        What::RequestGone { id } => format!("request {} answered", short_id(id)),
        What::KeyChanged { name, .. } => key_changed(name),
        What::ConversationRestarted { name, by_contact, .. } => restarted(name, *by_contact),
        What::Invitation { invitation: i } => {
            format!("invitation {}", invitation(&Invitation { link: None, ..i.clone() }))
        }
        What::Tor { tor: now } => format!("tor: {}", tor(now)),
        What::Doors { front_door, endpoint } => {
            format!(
                "front door {}, endpoint {}",
                service_state(*front_door),
                service_state(*endpoint)
            )
        }
    }
}

fn said(message: &Message) -> String {
    let text = for_one_line(&message.text);
    match message.direction {
        Direction::Received => format!("{}: {text}", author(message)),
        Direction::Sent => {
            format!(
                "to {}: {text}  {}",
                for_one_line(&message.conversation_name),
                progress(message)
            )
        }
    }
}

/// A conversation restarted: by whom, and what that means.
pub(crate) fn restarted(name: &str, by_contact: bool) -> String {
    let name = for_one_line(name);
    if by_contact {
        format!("{name} was restored from a backup, or added you again: the conversation restarted")
    } else {
        format!("the conversation with {name} restarted after the restore")
    }
}

/// Messages that were deleted because their time was over.
pub(crate) fn gone(name: &str, messages: &[String]) -> String {
    let count = count(u32::try_from(messages.len()).unwrap_or(u32::MAX), "message");
    format!("{count} with {} gone: the time to keep is over", for_one_line(name))
}

/// The warning that must not be missed.
pub(crate) fn key_changed(name: &str) -> String {
    format!(
        "WARNING: somebody at the address of {} could not prove to be the same person. The link \
        was refused; nothing was sent.",
        for_one_line(name)
    )
}

/// The beginning of an id: enough to tell invitations apart.
fn short_id(id: &str) -> String {
    for_one_line(id).chars().take(12).collect()
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain { word.to_owned() } else { format!("'{}'", for_one_line(word).replace('\'', r"'\''")) }
}

fn count(n: u32, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
pub(crate) mod tests;
