//! What Chive's tests run on: processes that never outlive a test, and a
//! private Tor network on one machine.
//!
//! Linux only: children are bound to their parent with its parent-death signal.

pub mod network;
pub mod process;
