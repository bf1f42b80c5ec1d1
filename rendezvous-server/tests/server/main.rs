//! A whole server, tested over TCP with a clock that the test sets; most tests run with both
//! databases. Tor is not started: the stories in `tests/` do that.
//!
//! | module | what it is |
//! |---|---|
//! | `world` | a server, its clock, and people who use it |
//! | `client` | a plain HTTP client |
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
mod openapi;
mod records;
mod replicas;
mod streams;
mod world;

/// Defines each test twice, once for each database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::sqlite().await).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::postgres().await).await;
                }
            )*
        }
    };
}
pub(crate) use on_both;
