//! `chive completions`: prints a script that completes commands and options in a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::CliResult;
use crate::output;

pub(super) fn run(shell: Shell) -> CliResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chive", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}
