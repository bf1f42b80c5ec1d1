//! Prints what a command answers: text for people, or the API's own objects as JSON, one per line.
//!
//! Answers go to standard output, everything else to standard error. Callers make text from others
//! harmless with `chive::text` before it comes here; JSON is made harmless here.

use std::io::{self, IsTerminal, Write};

use chive::text;
use serde::Serialize;

use crate::exit::{CliError, CliResult, Exit};

/// Where answers go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints an answer: as one line of JSON, or as the text that `human` makes of it.
    pub(crate) fn answer<T: Serialize>(
        self,
        answer: &T,
        human: impl FnOnce(&T) -> String,
    ) -> CliResult {
        if self.json { line(&to_json(answer)?) } else { line(&human(answer)) }
    }

    /// Several answers: a JSON line each, or one text for people.
    pub(crate) fn answers<T: Serialize>(
        self,
        answers: &[T],
        human: impl FnOnce(&[T]) -> String,
    ) -> CliResult {
        if !self.json {
            return line(&human(answers));
        }
        answers.iter().try_for_each(|answer| line(&to_json(answer)?))
    }

    /// Something done that has no object: `{"done":true}` for programs.
    pub(crate) fn done(self, human: &str) -> CliResult {
        self.answer(&serde_json::json!({ "done": true }), |_| human.to_owned())
    }

    /// A remark beside the answer.
    pub(crate) fn note(self, note: &str) {
        let json = serde_json::json!({ "note": note });
        // Without anybody to tell, the command itself still counts.
        let _ = writeln!(
            io::stderr(),
            "{}",
            if self.json { json.to_string() } else { format!("chive: {note}") }
        );
    }

    /// The last word of a command that failed.
    pub(crate) fn error(self, error: &CliError) {
        let said = match to_json(&error.json()) {
            Ok(json) if self.json => json,
            _ => format!("chive: {}", text::for_terminal(&error.detail)),
        };
        let _ = writeln!(io::stderr(), "{said}");
    }
}

/// True when a person reads standard output.
pub(crate) fn to_a_person() -> bool {
    io::stdout().is_terminal()
}

/// Writes one line, or several, to standard output.
pub(crate) fn line(line: &str) -> CliResult {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn to_json<T: Serialize>(value: &T) -> CliResult<String> {
    let json = serde_json::to_string(value)
        .map_err(|e| CliError::new(Exit::Failed, "internal", e.to_string()))?;
    Ok(text::for_json_line(&json))
}
