//! Looks at each node after every commit, and checks that no node calls a message delivered that
//! its reader never stored.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::api::types::{Direction, Message, MessageState};
use crate::identity::PeerId;
use crate::model::{EventSeq, MessageRowId, Reason};
use crate::node::lockstep::{StepObserver, at_once};
use crate::store::events::{self, Kind};
use crate::store::{Store, conversations, messages};

#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Who has had which message in its store, ever.
    had: BTreeSet<(String, String)>,
    violations: Vec<String>,
}

impl Record {
    /// Panics with the first lie.
    pub(super) fn check(&self) {
        let inner = self.0.lock().unwrap();
        assert!(inner.violations.is_empty(), "{}", inner.violations[0]);
    }

    fn take(&self, who: &str, other: &str, message: &Message) {
        let mut inner = self.0.lock().unwrap();
        if message.direction == Direction::Received {
            inner.had.insert((who.to_owned(), message.id.clone()));
        } else if message.state == MessageState::Delivered
            && !inner.had.contains(&(other.to_owned(), message.id.clone()))
        {
            inner
                .violations
                .push(format!("{} is called delivered, and its reader never had it", message.id));
        }
    }
}

pub(super) struct CommitObserver {
    who: String,
    store: Store,
    record: Record,
    cursor: i64,
    /// Rises with every commit.
    commits: Arc<AtomicU64>,
    seen: u64,
}

impl CommitObserver {
    pub(super) fn new(
        who: PeerId,
        store: Store,
        record: Record,
        cursor: i64,
        commits: Arc<AtomicU64>,
    ) -> Self {
        let who = who.to_hex();
        Self { who, store, record, cursor, commits, seen: 0 }
    }

    async fn read(&mut self) {
        // A node that ends has closed it.
        let Ok(mut tx) = self.store.begin().await else { return };
        for event in events::after(&mut tx, EventSeq(self.cursor), u32::MAX).await.unwrap() {
            self.cursor = event.seq.0;
            if event.kind == Kind::Message
                && let Some(row) =
                    messages::by_row(&mut tx, MessageRowId(event.subject.unwrap())).await.unwrap()
            {
                let headings =
                    conversations::headings(&mut tx, &[row.conversation].into()).await.unwrap();
                let within = &headings[&row.conversation];
                let other = within.peer_id.to_hex();
                self.record.take(&self.who, &other, &row.show(within, |_| Reason::Unknown));
            }
        }
    }
}

impl StepObserver for CommitObserver {
    /// Looks at what was committed since the last step.
    fn stepped(&mut self) {
        let commits = self.commits.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.seen, commits) != commits {
            at_once(self.read());
        }
    }
}
