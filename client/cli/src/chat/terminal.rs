//! A chat in a terminal: an input line at the bottom, and the conversation above it.
//!
//! The line editor blocks, so it runs on a thread of its own; so does the printer, which may have
//! to wait for the editor.

use chive::text::for_terminal;
use rustyline::{Config, Editor, ExternalPrinter, error::ReadlineError, history::MemHistory};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::screen::Line;
use super::state::Chat;
use crate::exit::{CliError, CliResult, Exit};

type LineEditor = Editor<(), MemHistory>;

/// Lines typed ahead of the node, and lines to show ahead of the terminal.
const QUEUE: usize = 64;
const PROMPT: &str = "> ";

pub(super) async fn run(mut chat: Chat, opening: Vec<Line>) -> CliResult {
    // What was typed stays in memory only, for the arrow keys.
    let mut editor =
        LineEditor::with_history(Config::default(), MemHistory::new()).map_err(no_terminal)?;
    let (screen, printer) = show(editor.create_external_printer().map_err(no_terminal)?);
    print(&screen, opening).await;
    let (typed, mut lines) = mpsc::channel(QUEUE);
    let reader = spawn_blocking(move || read(editor, &typed));
    let outcome = run_chat(&mut chat, &mut lines, &screen).await;
    if let Err(error) = &outcome {
        print(&screen, vec![Line::words(format!("{error}. Press Enter to leave"))]).await;
    }

    // The editor gives the terminal back when it ends: at the next line, if the input has not
    // ended.
    drop(lines);
    drop(screen);
    join(reader).await?;
    join(printer).await?;

    outcome
}

async fn run_chat(
    chat: &mut Chat,
    lines: &mut mpsc::Receiver<String>,
    screen: &mpsc::Sender<String>,
) -> CliResult {
    loop {
        let news = tokio::select! {
            line = lines.recv() => match line {
                Some(line) => say(chat, line).await,
                None => return Ok(()),
            },
            step = chat.follow.next() => chat.step(step?).await?,
        };
        print(screen, news).await;
    }
}

/// A text that is not accepted is not lost: the arrow keys bring it back.
async fn say(chat: &mut Chat, line: String) -> Vec<Line> {
    match chat.say(line).await {
        Ok(lines) => lines,
        Err(error) => {
            vec![Line::words(format!(
                "NOT ACCEPTED: {}. Arrow up brings it back",
                for_terminal(&error.detail)
            ))]
        }
    }
}

async fn print(screen: &mpsc::Sender<String>, lines: Vec<Line>) {
    for line in lines.into_iter().filter(|line| !line.words.is_empty()) {
        // The printer ends only with the conversation.
        let _ = screen.send(line.words + "\n").await;
    }
}

fn show(
    mut printer: impl ExternalPrinter + Send + 'static,
) -> (mpsc::Sender<String>, JoinHandle<()>) {
    let (screen, mut lines) = mpsc::channel::<String>(QUEUE);
    let thread = spawn_blocking(move || {
        while let Some(line) = lines.blocking_recv() {
            if printer.print(line).is_err() {
                return;
            }
        }
    });
    (screen, thread)
}

fn read(mut editor: LineEditor, typed: &mpsc::Sender<String>) {
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return,
            Err(error) => {
                tracing::warn!(%error, "the terminal cannot be read");
                return;
            }
        };
        if typed.is_closed() {
            return;
        }

        if line.trim().is_empty() {
            continue;
        }

        let _ = editor.add_history_entry(&line);
        if typed.blocking_send(line).is_err() {
            return;
        }
    }
}

async fn join(thread: JoinHandle<()>) -> CliResult {
    thread.await.map_err(|e| {
        CliError::new(Exit::Failed, "internal", format!("the terminal's thread ended: {e}"))
    })
}

#[allow(clippy::needless_pass_by_value, reason = "map_err passes it so")]
fn no_terminal(error: ReadlineError) -> CliError {
    CliError::new(Exit::Failed, "io", format!("this terminal cannot be used: {error}"))
}
