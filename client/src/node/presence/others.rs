//! What servers tell of our contacts, and what is shown of them.

use chive_shared::server::ServerId;
use chive_shared::status::State;

use super::{Outcome, Presences, ServerNews};
use crate::api::types::{Presence, PresenceSource, ServerState, What};
use crate::model::ContactId;
use crate::node::contacts::book;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::presence::News;
use crate::rendezvous::reader::ReaderNews;
use crate::rendezvous::writer::WriterNews;
use crate::store::{StoreError, contacts};

/// What a server's news changed.
struct Change {
    /// Of one of ours: how it is now.
    server: Option<What>,
    /// Whether it can be asked has changed.
    outcome: bool,
    seen: Option<News>,
}

/// A task that talks with a server tells something.
pub(crate) async fn server_news(
    core: &mut Core,
    cx: &mut Cx,
    server: ServerId,
    news: ServerNews,
) -> Result<(), StoreError> {
    let Some(change) = core.presences.take(server, news, cx) else { return Ok(()) };
    if let Some(what) = &change.server {
        cx.note(what).await?;
    }
    if let Some(news) = change.seen {
        contact_seen(core, cx, news).await?;
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
    fn take(&mut self, server: ServerId, news: ServerNews, cx: &Cx) -> Option<Change> {
        let known = self.servers.get_mut(&server)?;
        // A server that lied once is not believed again until the node restarts.
        if known.state() == ServerState::Untrusted {
            return None;
        }
        let before = known.outcome().clone();
        let mut seen = None;
        match news {
            ServerNews::Writer(WriterNews::Announced) => {
                known.announced_at = Some(cx.now);
                known.written = Outcome::good();
            }
            ServerNews::Reader(ReaderNews::Read(records)) => {
                (known.checked_at, known.records) = (Some(cx.now), Some(records));
                known.read = Outcome::good();
            }
            ServerNews::Reader(ReaderNews::Seen(news)) => {
                known.seen.insert(news.contact, news);
                seen = Some(news);
            }
            ServerNews::Writer(WriterNews::Failed(error)) => known.written = Outcome::failed(&error),
            ServerNews::Reader(ReaderNews::Failed(error)) => known.read = Outcome::failed(&error),
        }

        let outcome = before != *known.outcome();
        let server = (known.ours && outcome).then(|| What::Server { server: known.view().show(server) });
        self.changed = true;
        Some(Change { server, outcome, seen })
    }
}

/// What is told again after a step that failed: what it told is undone, and nobody knows of what.
impl Presences {
    pub(crate) fn forget_told(&mut self) {
        self.shown.values_mut().for_each(|told| *told = None);
    }

    /// Our servers, as they are now.
    pub(crate) fn all_of_ours(&self) -> Vec<What> {
        let ours = self.servers.iter().filter(|(_, known)| known.ours);
        ours.map(|(id, known)| What::Server { server: known.view().show(*id) }).collect()
    }

    /// Whether this was not told of a contact yet, as far as is known. It is from now on.
    fn is_news(&mut self, contact: ContactId, now: (Presence, Option<PresenceSource>)) -> bool {
        match self.shown.insert(contact, Some(now)) {
            Some(Some(before)) => before != now,
            Some(None) => true,
            None => now != (Presence::Unknown, None),
        }
    }
}

async fn contact_seen(core: &mut Core, cx: &mut Cx, news: News) -> Result<(), StoreError> {
    if let Some(hint) = news.status.hint
        && contacts::take_hint(&mut cx.tx, news.contact, hint.revision, &hint.endpoint).await?
    {
        book::reload(core, cx, news.contact).await?;
    }
    if news.status.state != State::Offline && !core.sessions.is_linked(news.contact) {
        core.sessions.dial_soon(news.contact, cx.at, &mut cx.fx);
    }
    core.sessions.touch(news.contact);
    cx.fx.marks.show_presence.insert(news.contact);
    Ok(())
}

/// Tells those who listen when a contact is no longer what they were.
pub(crate) async fn show(core: &mut Core, cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    let Some(peer) = core.sessions.get(contact) else {
        core.presences.shown.remove(&contact);
        return Ok(());
    };
    let shown = core.presences.of(contact, peer).at(cx.now);
    let now = (shown.presence, shown.source);
    if !core.presences.is_news(contact, now) {
        return Ok(());
    }

    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else { return Ok(()) };
    let id = row.peer_id.to_hex();
    cx.note(&What::Presence { id, name: row.name, presence: now.0, source: now.1 }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OwnPresence, UnixMillis};

    #[test]
    fn what_a_failed_step_told_is_told_again() {
        let (bob, eve) = (ContactId(1), ContactId(2));
        let (online, unknown) =
            ((Presence::Online, Some(PresenceSource::Link)), (Presence::Unknown, None::<PresenceSource>));
        let mut presences = Presences::new(OwnPresence::On, UnixMillis(0));
        assert!(presences.is_news(bob, online));
        assert!(!presences.is_news(bob, online), "once");
        assert!(!presences.is_news(eve, unknown), "nothing is known at first");

        presences.forget_told();
        assert!(presences.is_news(bob, online));
        assert!(presences.is_news(eve, unknown), "something else may have been told");
        assert!(!presences.is_news(bob, online));
    }
}
