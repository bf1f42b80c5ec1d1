//! The targets: one function for each parser, which asserts what must hold for any input. No target
//! asserts what a parser does with valid input alone; unit tests do.

mod answers;
mod api;
mod envelope;
mod handshake;
mod key_file;
mod link;
mod mls;
mod presence;
mod record;
mod text;
mod wire;

/// Panics if an input breaks the target's invariant.
pub(crate) type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub(crate) const ALL: &[(&str, Target)] = &[
    ("answers", answers::answers),
    ("api", api::requests),
    ("board", presence::board),
    ("card", wire::card),
    ("content", wire::content),
    ("envelope", envelope::envelope),
    ("frame", wire::frame),
    ("handle", presence::handle),
    ("handshake", handshake::handshake),
    ("key_file", key_file::key_file),
    ("link", link::link),
    ("mls", mls::mls),
    ("record", record::record),
    ("text", text::text),
];
