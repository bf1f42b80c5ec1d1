//! Takes what servers report of our contacts, and decides what is shown of them.

use chive_shared::server::ServerId;
use chive_shared::status::State;

use super::plan::ServerUpdate;
use super::{Presences, ServerOutcome};
use crate::api::types::{ServerState, What};
use crate::model::ContactId;
use crate::node::contacts::book;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::presence::PresenceUpdate;
use crate::rendezvous::reader::ReaderUpdate;
use crate::rendezvous::writer::WriterUpdate;
use crate::store::{StoreError, contacts};

/// What a server's update changed.
struct Change {
    /// Whether it can be asked has changed.
    outcome: bool,
    seen: Option<PresenceUpdate>,
}

/// A task that talks with a server tells something.
pub(crate) async fn server_update(
    core: &mut Core,
    cx: &mut Cx,
    server: ServerId,
    update: ServerUpdate,
) -> Result<(), StoreError> {
    let Some(change) = core.presences.take(server, update, cx) else { return Ok(()) };
    tell_server(core, cx, server).await?;
    if let Some(update) = change.seen {
        contact_seen(core, cx, update).await?;
    }
    if change.outcome {
        for contact in core.sessions.contacts().collect::<Vec<_>>() {
            core.sessions.touch(contact);
        }
        cx.fx.marks.show_all_presences = true;
    }
    Ok(())
}

impl Presences {
    fn take(&mut self, server: ServerId, update: ServerUpdate, cx: &Cx) -> Option<Change> {
        let known = self.servers.get_mut(&server)?;
        // A server that lied once is not believed again until the node restarts.
        if known.state() == ServerState::Untrusted {
            return None;
        }
        let before = known.outcome().clone();
        let mut seen = None;
        match update {
            ServerUpdate::Writer(WriterUpdate::Announced) => {
                known.announced_at = Some(cx.now);
                known.written = ServerOutcome::good();
            }
            ServerUpdate::Reader(ReaderUpdate::Read(records)) => {
                (known.checked_at, known.records) = (Some(cx.now), Some(records));
                known.read = ServerOutcome::good();
            }
            ServerUpdate::Reader(ReaderUpdate::Seen(update)) => {
                known.seen.insert(update.contact, update);
                seen = Some(update);
            }
            ServerUpdate::Writer(WriterUpdate::Failed(error)) => {
                known.written = ServerOutcome::failed(&error);
            }
            ServerUpdate::Reader(ReaderUpdate::Failed(error)) => {
                known.read = ServerOutcome::failed(&error);
            }
        }

        let outcome = before != *known.outcome();
        self.changed = true;
        Some(Change { outcome, seen })
    }
}

async fn contact_seen(
    core: &mut Core,
    cx: &mut Cx,
    update: PresenceUpdate,
) -> Result<(), StoreError> {
    if let Some(hint) = update.status.hint
        && contacts::take_hint(&mut cx.tx, update.contact, hint.revision, &hint.endpoint).await?
    {
        book::reload(core, cx, update.contact).await?;
    }
    if update.status.state != State::Offline && !core.sessions.is_linked(update.contact) {
        core.sessions.dial_soon(update.contact, cx.at, &mut cx.fx);
    }
    core.sessions.touch(update.contact);
    cx.fx.marks.show_presence.insert(update.contact);
    Ok(())
}

/// Tells those who listen when servers of ours are no longer what they were.
pub(crate) async fn tell_servers(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for server in core.presences.servers.keys().copied().collect::<Vec<_>>() {
        tell_server(core, cx, server).await?;
    }
    Ok(())
}

async fn tell_server(core: &mut Core, cx: &mut Cx, id: ServerId) -> Result<(), StoreError> {
    let Some(known) = core.presences.servers.get(&id).filter(|known| known.ours) else {
        return Ok(());
    };
    if !core.reported.servers.is_news(id, known.outcome().clone()) {
        return Ok(());
    }
    cx.note(&What::Server { server: known.view().show(id) }).await
}

/// Tells those who listen when a contact is no longer what they were.
pub(crate) async fn show(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    let Some(peer) = core.sessions.get(contact) else {
        core.reported.presences.forget(contact);
        return Ok(());
    };
    let shown = core.presences.of(contact, peer).at(cx.now);
    let now = (shown.presence, shown.source);
    if !core.reported.presences.is_news(contact, now) {
        return Ok(());
    }

    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else { return Ok(()) };
    let id = row.peer_id.to_hex();
    cx.note(&What::Presence { id, name: row.name, presence: now.0, source: now.1 }).await
}
