//! What a node knows of the network, read from its files.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use data_encoding::BASE64_NOPAD;
use sha2::{Digest as _, Sha256};

/// What a node must be for clients to use it in every position.
const FLAGS: [&str; 6] = ["Fast", "Guard", "HSDir", "Running", "V2Dir", "Valid"];

/// Each descriptor in tor's cache begins with such a line, which is not part of it.
const DESCRIPTOR_SEPARATOR: &str = "@last-listed ";

/// Whether the node with this data directory lists `expected` usable nodes and
/// holds the microdescriptors of all.
pub(super) fn is_complete(directory: &Path, expected: usize) -> bool {
    let read = |file| fs::read_to_string(directory.join(file)).unwrap_or_default();
    let usable = usable_descriptors(&read("cached-microdesc-consensus"));
    // Tor appends to the second file and merges it into the first now and then.
    let mut known = digests(&read("cached-microdescs"));
    known.extend(digests(&read("cached-microdescs.new")));
    usable.len() == expected && usable.is_subset(&known)
}

/// The microdescriptor digests of all nodes in a consensus that have all [`FLAGS`].
fn usable_descriptors(consensus: &str) -> HashSet<String> {
    let mut usable = HashSet::new();
    let mut digest = "";
    for line in consensus.lines() {
        match line.split_once(' ') {
            Some(("r", _)) => digest = "",
            Some(("m", value)) => digest = value,
            Some(("s", flags)) if has_all(flags) => {
                usable.insert(digest.to_owned());
            }
            _ => {}
        }
    }
    usable
}

fn has_all(flags: &str) -> bool {
    FLAGS
        .iter()
        .all(|wanted| flags.split(' ').any(|flag| flag == *wanted))
}

/// The digests of the microdescriptors in one of tor's cache files.
fn digests(cache: &str) -> HashSet<String> {
    cache
        .split(DESCRIPTOR_SEPARATOR)
        .filter_map(|entry| entry.split_once('\n'))
        .map(|(_, descriptor)| BASE64_NOPAD.encode(&Sha256::digest(descriptor)))
        .collect()
}
