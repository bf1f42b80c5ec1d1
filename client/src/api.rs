//! The local API: commands in, events out. One door, the same for every front-end.

pub mod types;
