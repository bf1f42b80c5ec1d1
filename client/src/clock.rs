//! The clock, as a parameter: tests set the time. Nothing else in this crate asks the operating
//! system for it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Says how late it is. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// A clock that asks `now` for the time.
    #[must_use]
    pub fn new(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The operating system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// What this clock says now, which may be less than it said before.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}
