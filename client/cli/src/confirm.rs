//! Asks for confirmation before an irreversible action: prompts on standard error, reads standard
//! input, and fails if that is not a terminal.

use std::io::{self, IsTerminal, Write};

use crate::exit::{CliError, CliResult};

/// Asks a question that only `y` or `yes` answers with yes.
pub(crate) fn confirm(question: &str) -> CliResult<bool> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "nobody can be asked here: say --yes to go on without a question",
        ));
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// As [`confirm`]; anything but yes ends the command.
pub(crate) fn confirm_or_end(question: &str) -> CliResult {
    if confirm(question)? {
        return Ok(());
    }
    Err(CliError::new(crate::exit::Exit::Failed, "not_confirmed", "nothing was done"))
}
