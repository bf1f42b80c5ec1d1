//! A whole server, tested over TCP with a clock that the test sets; most tests run with both
//! databases. Tor is not started: the stories in `tests/` do that.
//!
//! | module | what it is |
//! |---|---|
//! | `world` | a server, its clock, and people who use it |
//! | `client` | a plain HTTP client |
//! | `on_both` | a macro that runs tests with both databases |
//! | `records`, `boards`, `streams`, `handles` | the API, resource by resource |
//! | `openapi` | the document, the page and the operator's endpoints |
//! | `replicas` | several servers on one database |
//! | `hostile`, `faults` | clients that attack, and machines that fail |

// Clippy allows these in test functions, but not in what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod boards;
mod client;
mod faults;
mod handles;
mod hostile;
mod on_both;
mod openapi;
mod records;
mod replicas;
mod streams;
mod world;
