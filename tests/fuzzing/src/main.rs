//! The fuzzer: feeds libFuzzer's inputs to every parser of bytes from outside. `tests/fuzz` builds
//! and runs it. It never writes to a corpus; libFuzzer does, when it is told to.
//!
//! | module | what it is |
//! |---|---|
//! | `input` | an input that is read as decisions, and damages valid bytes |
//! | `runtime` | where asynchronous code runs |
//! | `targets` | one function for each parser, which panics when its invariant does not hold |
//!
//! The environment variable `CHIVE_FUZZ` names the target. Each has a corpus, `corpora/NAME`. When
//! a target panics, libFuzzer keeps the input.

#![no_main]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a target reports a broken invariant by a panic"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

mod input;
mod runtime;
mod targets;

use targets::Target;

static CHOSEN: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: { CHOSEN.set(choose()).expect("chosen once") }, |data: &[u8]| {
    CHOSEN.get().expect("chosen")(data);
});

fn choose() -> Target {
    let corpora = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora"))
        .expect("the corpora");
    let corpora: BTreeSet<_> = corpora.map(|entry| entry.expect("a corpus").file_name()).collect();
    assert_eq!(
        corpora,
        targets::ALL.iter().map(|(name, _)| (*name).into()).collect(),
        "one corpus for each target"
    );
    let name = std::env::var("CHIVE_FUZZ").expect("CHIVE_FUZZ names a target");
    targets::ALL.iter().find(|(other, _)| *other == name).expect("CHIVE_FUZZ names a target").1
}
