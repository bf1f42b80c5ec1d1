//! Reads a text from standard input, for arguments given as `-`.

use std::io;

use crate::exit::{CliError, CliResult};

/// Reads all of standard input, up to `limit` bytes, as text without the newline at its end.
pub(crate) fn read_stdin(limit: usize) -> CliResult<String> {
    use io::Read as _;
    let mut text = String::new();
    let read = io::stdin().lock().take(limit as u64 + 1).read_to_string(&mut text);
    read.map_err(|e| CliError::usage(format!("cannot read standard input as text: {e}")))?;
    if text.len() > limit {
        return Err(CliError::new(
            crate::exit::Exit::Refused,
            "invalid_text",
            format!("standard input is longer than {limit} bytes: nothing was sent"),
        ));
    }
    let end = text.strip_suffix('\n').unwrap_or(&text);
    Ok(end.strip_suffix('\r').unwrap_or(end).to_owned())
}
