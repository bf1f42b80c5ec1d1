//! What is known of the onion service's reachability, shared with the operator's endpoints. It is
//! set by probes alone; nothing here calls anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the last probe reached the service. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reachable(Arc<AtomicBool>);

impl Reachable {
    /// False until the first probe succeeds.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, reachable: bool) {
        if self.0.swap(reachable, Ordering::Relaxed) != reachable {
            let not = if reachable { "" } else { "not " };
            tracing::info!("the onion service can {not}be reached");
        }
    }
}
