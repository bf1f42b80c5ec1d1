//! Counts the rendezvous that arti in this process begins, by what it logs: a stream that needs
//! none goes over a circuit that was there.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where arti's dials of onion services are.
pub(super) const TARGET: &str = "tor_hsclient::connect";
/// What it says there.
const SAID: &str = "setting up rendezvous point";

static SEEN: AtomicU64 = AtomicU64::new(0);

/// How many there were.
#[must_use]
pub(super) fn seen() -> u64 {
    SEEN.load(Ordering::Relaxed)
}

/// A part of a log that counts them.
pub(super) struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Message);
    }
}

struct Message;

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" && format!("{value:?}").contains(SAID) {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
    }
}
