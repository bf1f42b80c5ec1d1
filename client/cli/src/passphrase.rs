//! Reads passphrases from a prompt, or from the first line of a file, never from an argument.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use crate::exit::{CliError, CliResult, Exit};
use crate::output::Output;

/// The longest passphrase, in bytes.
const MAX_BYTES: usize = 1024;

/// The passphrase of a profile that exists.
pub(crate) fn ask(file: Option<&Path>, output: Output) -> CliResult<Zeroizing<String>> {
    match file {
        Some(file) => from_file(file, output),
        None => prompt("Passphrase: "),
    }
}

/// A new passphrase: typed twice, so that it is what was meant.
pub(crate) fn ask_new(file: Option<&Path>, output: Output) -> CliResult<Zeroizing<String>> {
    if let Some(file) = file {
        return from_file(file, output);
    }
    let passphrase = prompt("New passphrase: ")?;
    if *passphrase != *prompt("Confirm passphrase: ")? {
        return Err(refused("the two passphrases differ: nothing was changed"));
    }
    Ok(passphrase)
}

fn prompt(question: &str) -> CliResult<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return Err(refused(
            "a passphrase is needed and nobody can be asked: name a file with --passphrase-file \
            FILE or CHIVE_PASSPHRASE_FILE",
        ));
    }
    let answer = rpassword::prompt_password(question)
        .map_err(|e| refused(&format!("no passphrase was typed: {e}")))?;
    check(Zeroizing::new(answer))
}

fn from_file(path: &Path, output: Output) -> CliResult<Zeroizing<String>> {
    if path.as_os_str() == "-" {
        return first_line(io::stdin().lock());
    }
    let unreadable =
        |e: io::Error| refused(&format!("cannot read the passphrase file {}: {e}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(refused(&format!("{} is a directory, not a passphrase file", path.display())));
    }
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        output.note(&format!("others may read {0}: `chmod 600 {0}`", path.display()));
    }
    first_line(BufReader::new(file))
}

/// The first line, without its newline. What follows is left to the next reader.
fn first_line(input: impl BufRead) -> CliResult<Zeroizing<String>> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    let read = input.take(MAX_BYTES as u64 + 2).read_until(b'\n', &mut line);
    read.map_err(|e| refused(&format!("cannot read the passphrase: {e}")))?;
    for end in [b'\n', b'\r'] {
        if line.last() == Some(&end) {
            line.pop();
        }
    }
    let passphrase = String::from_utf8(std::mem::take(&mut *line)).map_err(|e| {
        e.into_bytes().zeroize();
        refused("the passphrase is not UTF-8 text")
    })?;
    check(Zeroizing::new(passphrase))
}

fn check(passphrase: Zeroizing<String>) -> CliResult<Zeroizing<String>> {
    if passphrase.is_empty() {
        return Err(refused("the passphrase is empty"));
    }
    if passphrase.len() > MAX_BYTES {
        return Err(refused("the passphrase is longer than 1024 bytes"));
    }
    Ok(passphrase)
}

fn refused(detail: &str) -> CliError {
    CliError::new(Exit::Passphrase, "no_passphrase", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Option<String> {
        first_line(text).ok().map(|line| line.to_string())
    }

    #[test]
    fn the_first_line_counts_without_its_end() {
        for text in ["open sesame", "open sesame\n", "open sesame\r\n", "open sesame\nnot this\n"] {
            assert_eq!(read(text.as_bytes()).as_deref(), Some("open sesame"));
        }
        assert_eq!(read(b" spaces \n").as_deref(), Some(" spaces "));
    }

    #[test]
    fn two_lines_are_two_passphrases() {
        let mut input = "old\nnew\n".as_bytes();
        assert_eq!(
            first_line(&mut input).ok().map(|line| line.to_string()).as_deref(),
            Some("old")
        );
        assert_eq!(
            first_line(&mut input).ok().map(|line| line.to_string()).as_deref(),
            Some("new")
        );
    }

    #[test]
    fn empty_endless_and_binary_ones_are_refused() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\nx"), None);
        assert_eq!(read(&[b'x'; 5000]), None);
        assert_eq!(read(b"\xff\xfe\n"), None);
        assert_eq!(read(&[b'x'; 1024]).map(|line| line.len()), Some(1024));
    }
}
