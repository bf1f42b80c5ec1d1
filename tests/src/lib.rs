//! The test bench of Chive: processes that never outlive a test, a private Tor network on one
//! machine, people who use the real `chive`, and servers that behave or misbehave. The stories, the
//! benchmarks and the demo are made of these. Nothing here is part of a release, and nothing leaves
//! the machine, except in `demo --live`.
//!
//! ```text
//! process ─┬─► network, c_tor                 a private Tor network, and Debian's tor on it
//!          ├─► person ──► soak                people with a `chive` process each
//!          ├─► server ──► misbehaving_server  the real `chive-rendezvous`
//!          └─► browser                        Chromium, for the page
//! demo, bench: programs that put them together
//! ```
//!
//! In reading order:
//!
//! | module | what it is |
//! |---|---|
//! | [`process`] | child processes, and the lines that they print |
//! | [`network`] | the private Tor network |
//! | [`c_tor`] | a client or an onion service of Debian's tor |
//! | [`person`] | a profile, its node, and the commands that its owner types |
//! | [`loopback`] | a transport without Tor, for what needs many kills or exact times |
//! | [`server`], [`misbehaving_server`] | a rendezvous server, and one that misbehaves |
//! | [`postgres`] | a real `PostgreSQL` |
//! | [`soak`] | two people who write while their processes are killed |
//! | [`browser`] | the page in a real browser |
//! | [`demo`], [`mod@bench`] | the library of the programs `demo` and `bench` |
//! | `image` | checks of the server's Docker image |
//!
//! Linux only: children are bound to their parent by its parent-death signal.

pub mod bench;
pub mod browser;
pub mod c_tor;
pub mod demo;
mod image;
pub mod loopback;
pub mod misbehaving_server;
pub mod network;
pub mod person;
pub mod postgres;
pub mod process;
pub mod server;
pub mod soak;
