//! Counts the rendezvous that arti in this process begins, by its log messages. A stream that needs
//! none uses an existing circuit.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The module in which arti dials onion services.
pub(super) const TARGET: &str = "tor_hsclient::connect";
/// The message of a new rendezvous.
const MESSAGE: &str = "setting up rendezvous point";

static SEEN: AtomicU64 = AtomicU64::new(0);

/// The number of rendezvous until now.
#[must_use]
pub(super) fn seen() -> u64 {
    SEEN.load(Ordering::Relaxed)
}

/// A layer of the log that counts them.
pub(super) struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut MessageVisitor);
    }
}

struct MessageVisitor;

impl Visit for MessageVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" && format!("{value:?}").contains(MESSAGE) {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
    }
}
