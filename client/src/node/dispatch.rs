//! Passes each input to its domain, does what follows in the same transaction, and brings memory
//! back in line with the store.
//!
//! ```text
//! Input -> handle -> a domain, with a Cx -> settle -> commit -> effects
//! ```
//!
//! Memory may be ahead of the store only within a step. When one fails, [`Core::recover`] brings it
//! back in line with what is stored and with the links that run.

use std::collections::BTreeMap;

use super::contacts;
use super::conversation::{outbox, restart, retention};
use super::core::Core;
use super::cx::Cx;
use super::effect::{Effect, Marks, Remainder};
use super::input::{Chore, Input, Report};
use super::presence::{others, own};
use super::query;
use super::session::{inbound, links};
use crate::api::types::{ErrorCode, What};
use crate::error::NodeError;
use crate::model::ContactId;
use crate::store::{StoreError, maintenance};
use crate::transport::{NetworkStatus, ServicesStatus};
use crate::wire::frame::LinkId;

/// Why nothing of an input stays.
pub(crate) enum Undo {
    /// It was a call, and whoever made it was told why it is refused.
    Refused,
    /// The store failed in the middle of it: memory may be ahead. Nothing, if that was said and
    /// logged.
    Failed(Option<StoreError>),
}

impl From<StoreError> for Undo {
    fn from(error: StoreError) -> Self {
        Self::Failed(Some(error))
    }
}

impl From<NodeError> for Undo {
    fn from(error: NodeError) -> Self {
        use ErrorCode::{DiskFull, DiskReadOnly, Internal, ProfileDamaged};
        match error.code {
            DiskFull | DiskReadOnly | Internal | ProfileDamaged => Self::Failed(None),
            _ => Self::Refused,
        }
    }
}

impl Core {
    /// Handles one input. After an error, nothing of it stays.
    pub(crate) async fn handle(&mut self, input: Input, cx: &mut Cx) -> Result<(), Undo> {
        match input {
            Input::Call(call) => {
                let completion = call.run(self, cx).await?;
                cx.fx.push(Effect::Complete(completion));
                Ok(())
            }
            other => Ok(self.handle_event(other, cx).await?),
        }
    }

    async fn handle_event(&mut self, input: Input, cx: &mut Cx) -> Result<(), StoreError> {
        match input {
            Input::Call(_) => Ok(()),
            Input::Report(report) => self.report(report, cx).await,
            Input::Link { contact, link, event } => {
                inbound::link_input(self, cx, contact, link, event).await
            }
            Input::Remainder(remainder) => self.go_on(remainder, cx).await,
            Input::DialDue => links::dial_due(self, cx).await,
            Input::Network(status) => self.network_changed(status, cx).await,
            Input::Services(status) => self.services_changed(status, cx).await,
            Input::Chore(chore) => self.chore(chore, cx).await,
            Input::Erased { cleaned, rewritten } => {
                self.erasure.erased(cleaned, rewritten);
                Ok(())
            }
        }
    }

    async fn go_on(&mut self, remainder: Remainder, cx: &mut Cx) -> Result<(), StoreError> {
        match remainder {
            Remainder::Deliver(contact) => {
                cx.fx.deliver(contact);
                Ok(())
            }
            Remainder::Delete { batches_before } => {
                retention::delete_batch(self, cx, batches_before).await
            }
        }
    }

    async fn report(&mut self, report: Report, cx: &mut Cx) -> Result<(), StoreError> {
        match report {
            Report::LinkEstablished { contact, established_link } => {
                inbound::link_up(self, cx, contact, established_link).await
            }
            Report::AnswerFailed { contact, error } => {
                links::answer_failed(self, cx, contact, &error).await
            }
            Report::DialFailed { contact, error } => {
                links::dial_failed(self, cx, contact, &error).await
            }
            Report::RequestFailed { contact, error } => {
                contacts::requests::attempt_failed(self, cx, contact, &error).await
            }
            Report::Requested(request) => contacts::requests::requested(self, cx, request).await,
            Report::Answered(answered) => contacts::requests::answered(self, cx, answered).await,
            Report::Server { server, update } => {
                others::server_update(self, cx, server, update).await
            }
            Report::Handle { id, result } => {
                contacts::handles::job_done(self, cx, id, result).await
            }
        }
    }

    async fn chore(&mut self, chore: Chore, cx: &mut Cx) -> Result<(), StoreError> {
        match chore {
            Chore::Deliveries => {
                for contact in self.sessions.deliveries_due(cx.at) {
                    cx.fx.deliver(contact);
                }
                Ok(())
            }
            Chore::Maintenance => self.run_maintenance(cx).await,
            Chore::SettledRequests => contacts::requests::drop_settled(self, cx).await,
            Chore::Restarts => restart::repeat_requests(self, cx).await,
            Chore::Presences => {
                links::note_silently_gone(self, cx);
                cx.fx.marks.show_all_presences = true;
                self.tell(cx).await?;
                others::tell_servers(self, cx).await
            }
            Chore::Erasure => {
                self.erasure.begin(cx.at).into_iter().for_each(|effect| cx.fx.push(effect));
                Ok(())
            }
        }
    }

    async fn run_maintenance(&mut self, cx: &mut Cx) -> Result<(), StoreError> {
        let due = maintenance::due(&mut cx.tx, cx.now, self.key_updates).await?;
        if due.stale {
            outbox::update_keys(self, cx).await?;
        }

        if due.expired {
            outbox::expire(self, cx).await?;
        }

        if due.deleted {
            cx.fx.again(Remainder::Delete { batches_before: 0 });
        }

        if due.handles {
            contacts::handles::start_jobs(self, cx).await?;
        }

        if due.forgotten || self.hosted.1 {
            contacts::invitations::forget_old(cx).await?;
        }

        Ok(())
    }

    async fn network_changed(
        &mut self,
        status: NetworkStatus,
        cx: &mut Cx,
    ) -> Result<(), StoreError> {
        let before = std::mem::replace(&mut self.network, status);
        self.sessions.network_changed(before.ready, self.network.ready, cx.at, &mut cx.fx);
        self.tell(cx).await
    }

    async fn services_changed(
        &mut self,
        status: ServicesStatus,
        cx: &mut Cx,
    ) -> Result<(), StoreError> {
        self.services = status;
        self.tell(cx).await
    }

    /// Tells those who listen when the network or our services are no longer what they were.
    async fn tell(&mut self, cx: &mut Cx) -> Result<(), StoreError> {
        if self.reported.network.is_news((), self.network.clone()) {
            cx.note(&What::Tor { tor: query::tor_status(&self.network) }).await?;
        }
        if self.reported.services.is_news((), self.services) {
            cx.note(&query::services_changed(self.services)).await?;
        }
        Ok(())
    }
}

/// What the marks ask for, in the transaction that made them.
impl Core {
    pub(crate) async fn settle(&mut self, cx: &mut Cx) -> Result<(), StoreError> {
        let marks = std::mem::take(&mut cx.fx.marks);
        if marks.owner {
            self.owner = crate::store::owner::load(&mut cx.tx).await?;
        }

        for contact in &marks.reload {
            contacts::book::reload(self, cx, *contact).await?;
        }

        if marks.invitations {
            contacts::invitations::refresh(cx).await?;
        }

        if marks.services || marks.invitations {
            contacts::invitations::refresh_services(self, cx).await?;
        }

        self.deliver(&marks, cx).await?;
        self.groups.keep_linked(&self.sessions);
        if marks.presence {
            own::refresh(self, cx).await?;
        }

        self.show_presences(&marks, cx).await
    }

    /// Seals and hands over what waits, in the transaction that accepted it.
    async fn deliver(&mut self, marks: &Marks, cx: &mut Cx) -> Result<(), StoreError> {
        let mut contacts = marks.deliver.clone();
        contacts.extend(&marks.reload);
        if marks.deliver_to_all {
            contacts.extend(self.sessions.contacts());
        }
        for contact in contacts {
            outbox::hand_over(self, cx, contact).await?;
        }
        for contact in &marks.dial_soon {
            self.sessions.dial_soon(*contact, cx.at, &mut cx.fx);
        }
        Ok(())
    }

    async fn show_presences(&mut self, marks: &Marks, cx: &mut Cx) -> Result<(), StoreError> {
        let mut contacts = marks.show_presence.clone();
        if marks.show_all_presences {
            contacts.extend(self.sessions.contacts());
        }
        for contact in contacts {
            others::show(self, cx, contact).await?;
        }
        Ok(())
    }

    /// Brings memory back in line after a step that failed.
    pub(crate) async fn recover(
        &mut self,
        cx: &mut Cx,
        running: &BTreeMap<ContactId, LinkId>,
    ) -> Result<(), StoreError> {
        self.groups.forget_all();
        self.hosted.0.clear();
        for contact in self.sessions.contacts().collect::<Vec<_>>() {
            let link = self.sessions.link(contact).map(|link| link.id);
            if link.is_some() && link != running.get(&contact).copied() {
                links::drop_link(self, cx, contact);
            }
        }

        for (contact, link) in running {
            if !self.sessions.is_current(*contact, *link) {
                cx.fx.push(Effect::Close { contact: *contact, bye: None });
            }
        }

        self.sessions.recover(cx.at, &mut cx.rng);

        self.load(cx).await
    }

    /// Reads every contact, and marks everything that follows from the store.
    pub(crate) async fn load(&mut self, cx: &mut Cx) -> Result<(), StoreError> {
        let stored = crate::store::contacts::all(&mut cx.tx).await?;
        let known: Vec<ContactId> = self.sessions.contacts().collect();
        let own = crate::store::servers::own_presence(&mut cx.tx).await?;
        self.presences.set_own(own, cx.now);
        cx.fx.marks.reload.extend(stored.iter().map(|row| row.id).chain(known));
        let marks = &mut cx.fx.marks;
        (marks.owner, marks.invitations, marks.services, marks.presence) = (true, true, true, true);
        Ok(())
    }
}
