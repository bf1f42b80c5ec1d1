//! Stories of a whole server, told against both databases: a real one on a TCP port, with a clock
//! that the test sets.

// What tests share stands outside of functions that are tests, where clippy allows this.
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

/// Tells a story once with each database.
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
