//! `chive backup`: writes an encrypted backup from the node to a new file, which appears only when
//! complete. Never overwrites a file.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Settings;
use chive::api::client::{Client, StreamedBody};
use chive::api::types::NewBackup;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use zeroize::Zeroize;

use crate::cli;
use crate::exit::{CliError, CliResult, Exit};
use crate::output::Output;
use crate::passphrase;

/// What takes longer gets a remark.
const QUIET: Duration = Duration::from_secs(2);

pub(super) async fn run(
    backup: &cli::Backup,
    client: &Client,
    settings: &Settings,
    output: Output,
) -> CliResult {
    let file = &backup.file;
    if file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }

    // Before anything is typed: whether there is a node to ask.
    client.status().await?;
    let passphrase = passphrase::ask_new(settings.passphrase_file.as_deref(), output)?;
    let mut new = NewBackup { passphrase: passphrase.to_string() };
    let unfinished = Unfinished::new(file);
    let opened = open(client, &new, output).await;
    new.passphrase.zeroize();
    let bytes = unfinished.write(opened?).await?;
    unfinished.finish(file)?;
    let made = serde_json::json!({ "file": file.display().to_string(), "bytes": bytes });

    output.answer(&made, |_| format!("The backup is in {} ({bytes} bytes).", file.display()))
}

async fn open(client: &Client, new: &NewBackup, output: Output) -> CliResult<StreamedBody> {
    let mut opening = std::pin::pin!(client.backup(new));
    if let Ok(opened) = tokio::time::timeout(QUIET, opening.as_mut()).await {
        return Ok(opened?);
    }
    output
        .note("the node copies and encrypts the profile: this takes the longer, the more there is");
    Ok(opening.await?)
}

/// The file while it is written, beside where it will be. Removed unless it is finished.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        Self(name.into())
    }

    async fn write(&self, mut from: StreamedBody) -> CliResult<u64> {
        let failed = |error| CliError::io("the backup cannot be written", &error);
        let mut out = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&self.0)
            .map_err(failed)?;
        let mut written = 0;
        while let Some(bytes) = from.bytes().await? {
            out.write_all(&bytes).map_err(failed)?;
            written += bytes.len() as u64;
        }
        out.sync_all().map_err(failed)?;
        Ok(written)
    }

    fn finish(&self, file: &Path) -> CliResult {
        let failed = |error: std::io::Error| CliError::io("the backup cannot be written", &error);
        match renameat_with(CWD, &self.0, CWD, file, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            // Not every file system can refuse to replace.
            Err(Errno::INVAL | Errno::NOSYS) if file.symlink_metadata().is_err() => {
                fs::rename(&self.0, file).map_err(failed)?;
            }
            Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => return Err(exists(file)),
            Err(error) => return Err(failed(error.into())),
        }
        let directory =
            file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Finished, it has another name.
        let _ = fs::remove_file(&self.0);
    }
}

fn exists(file: &Path) -> CliError {
    let detail = format!("{} exists already: choose another file", file.display());
    CliError::new(Exit::Refused, "file_exists", detail)
}
