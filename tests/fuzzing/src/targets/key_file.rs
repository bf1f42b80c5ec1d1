//! The key file, as an attacker who can write to the disk may have changed it.

use std::path::PathBuf;
use std::sync::LazyLock;

use chive::profile::key_file::{KeyFile, KeyFileError};
use serde_json::Value;
use tempfile::TempDir;

static FILE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("key");
    (directory, path)
});

pub(super) fn key_file(data: &[u8]) {
    if is_expensive(data) {
        return;
    }
    std::fs::write(&FILE.1, data).expect("written");
    match KeyFile::open(&FILE.1, b"correct horse") {
        Ok(_) => assert!(data.len() <= 4096 && serde_json::from_slice::<Value>(data).is_ok()),
        Err(KeyFileError::WrongPassphrase | KeyFileError::Damaged(_)) => {}
        Err(KeyFileError::Io(error)) => panic!("{error}"),
    }
}

/// Whether a file asks for so much work, within its limits, that a million inputs would take too
/// long.
fn is_expensive(data: &[u8]) -> bool {
    let Ok(file) = serde_json::from_slice::<Value>(data) else { return false };
    let number = |name: &str| file["kdf"][name].as_u64().unwrap_or(0);
    let (memory, passes) = (number("memory_kib"), number("passes"));
    memory <= 1 << 20 && passes <= 64 && memory * passes > 64
}
