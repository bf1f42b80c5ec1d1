//! How much of the network a node knows, read from its files. No node is asked.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use data_encoding::BASE64_NOPAD;
use sha2::{Digest as _, Sha256};

/// The flags of a node that clients can use in every position.
const FLAGS: [&str; 6] = ["Fast", "Guard", "HSDir", "Running", "V2Dir", "Valid"];

/// Each descriptor in tor's cache begins with such a line, which is not part of it.
const DESCRIPTOR_SEPARATOR: &str = "@last-listed ";

/// Tor keeps documents in a file with this name, and in a second one to which it
/// appends, and which it merges into the first now and then.
struct Cache<'a> {
    directory: &'a Path,
    name: &'a str,
}

/// How many nodes the authority with this data directory has descriptors of.
pub(super) fn descriptors(directory: &Path) -> usize {
    let cache = Cache { directory, name: "cached-descriptors" }.read();
    let nicknames = cache.lines().filter_map(|line| line.strip_prefix("router "));
    nicknames.filter_map(|line| line.split(' ').next()).collect::<HashSet<_>>().len()
}

/// Whether the node with this data directory lists `expected` usable nodes and
/// holds the microdescriptors of all.
pub(super) fn is_complete(directory: &Path, expected: usize) -> bool {
    let usable = usable_descriptors(&read(&directory.join("cached-microdesc-consensus")));
    let known = digests(&Cache { directory, name: "cached-microdescs" }.read());
    usable.len() == expected && usable.is_subset(&known)
}

impl Cache<'_> {
    fn read(&self) -> String {
        let merged = read(&self.directory.join(self.name));
        merged + &read(&self.directory.join(format!("{}.new", self.name)))
    }
}

/// The text of a file; empty while it is missing.
fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
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
    FLAGS.iter().all(|wanted| flags.split(' ').any(|flag| flag == *wanted))
}

/// The digests of the microdescriptors in one of tor's cache files.
fn digests(cache: &str) -> HashSet<String> {
    cache
        .split(DESCRIPTOR_SEPARATOR)
        .filter_map(|entry| entry.split_once('\n'))
        .map(|(_, descriptor)| BASE64_NOPAD.encode(&Sha256::digest(descriptor)))
        .collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;

    const DESCRIPTOR: &str = "onion-key\nntor-onion-key abc\n";

    /// Writes the files of a node that knows one usable relay and one that is not.
    fn data_directory(flags: &str) -> Result<tempfile::TempDir> {
        let directory = tempfile::tempdir()?;
        let digest = BASE64_NOPAD.encode(&Sha256::digest(DESCRIPTOR));
        let consensus = format!(
            "r relay0 id 2026-01-01 00:00:00 127.0.0.1 1 0\nm {digest}\ns {flags}\n\
             r relay1 id 2026-01-01 00:00:00 127.0.0.1 2 0\nm other\ns Running Valid\n"
        );
        let cache = format!("@last-listed 2026-01-01 00:00:00\n{DESCRIPTOR}");
        fs::write(directory.path().join("cached-microdesc-consensus"), consensus)?;
        fs::write(directory.path().join("cached-microdescs.new"), cache)?;
        Ok(directory)
    }

    #[test]
    fn a_network_is_complete_with_all_flags_and_descriptors() -> Result<()> {
        let directory = data_directory("Exit Fast Guard HSDir Running Stable V2Dir Valid")?;
        assert!(is_complete(directory.path(), 1));
        assert!(!is_complete(directory.path(), 2));
        fs::remove_file(directory.path().join("cached-microdescs.new"))?;
        assert!(!is_complete(directory.path(), 1));
        Ok(())
    }

    #[test]
    fn a_relay_without_a_flag_is_not_usable() -> Result<()> {
        let directory = data_directory("Fast Guard Running V2Dir Valid")?;
        assert!(!is_complete(directory.path(), 1));
        Ok(())
    }

    #[test]
    fn descriptors_are_counted_once_per_node() -> Result<()> {
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("cached-descriptors"), "router a 1\nrouter b 1\n")?;
        fs::write(directory.path().join("cached-descriptors.new"), "router b 1\nrouter c 1\n")?;
        assert_eq!(descriptors(directory.path()), 3);
        Ok(())
    }
}
