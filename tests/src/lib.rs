//! What Chive's tests and its demo run on: processes that never outlive a test, a
//! private Tor network on one machine, and people who use the real `chive`.
//!
//! Linux only: children are bound to their parent with its parent-death signal.

pub mod bench;
pub mod browser;
pub mod c_tor;
pub mod demo;
mod image;
pub mod liar;
pub mod loopback;
pub mod network;
pub mod ordeal;
pub mod person;
pub mod postgres;
pub mod process;
pub mod server;
