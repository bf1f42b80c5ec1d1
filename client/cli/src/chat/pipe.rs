//! A chat through pipes: sends each line of the input as a message, in order, and prints what
//! happens in the conversation.

use std::io::{self, BufRead, Read};

use chive::limits::MAX_TEXT;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::screen::Line;
use super::state::Chat;
use crate::exit::{CliError, CliResult, Exit};
use crate::output::{self, Output};

/// Lines read ahead of the node.
const QUEUE: usize = 16;

pub(super) async fn run(mut chat: Chat, opening: Vec<Line>, output: Output) -> CliResult {
    let (typed, mut lines) = mpsc::channel(QUEUE);

    // It may wait for input for ever; it ends with the process, or with the input.
    let _reader = spawn_blocking(move || read(io::stdin().lock(), &typed));
    say_all(output, opening)?;

    let mut accepted = 0_usize;
    loop {
        let news = tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { return Ok(()) };
                let news = match line {
                    Ok(line) => chat.say(line).await,
                    Err(error) => Err(error),
                };
                accepted += 1;
                news.map_err(|error| not_accepted(accepted, error))?
            }
            step = chat.follow.next() => chat.step(step?).await?,
        };
        say_all(output, news)?;
    }
}

fn not_accepted(message: usize, error: CliError) -> CliError {
    let detail =
        format!("message {message} was not accepted, nor was any after it: {}", error.detail);
    CliError { detail, ..error }
}

fn say_all(output: Output, lines: Vec<Line>) -> CliResult {
    for line in lines {
        match line.message {
            Some(message) if output.json => output.answer(&message, |_| String::new())?,
            None if output.json => output.note(&line.words),
            _ if line.words.is_empty() => {}
            _ => output::line(&line.words)?,
        }
    }
    Ok(())
}

/// Reads lines until the input ends, or one cannot be a message. Empty ones say nothing.
fn read(mut input: impl BufRead, typed: &mpsc::Sender<CliResult<String>>) {
    loop {
        let line = match next(&mut input) {
            Ok(None) => return,
            Ok(Some(line)) if line.trim().is_empty() => continue,
            Ok(Some(line)) => Ok(line),
            Err(error) => Err(error),
        };
        let last = line.is_err();
        if typed.blocking_send(line).is_err() || last {
            return;
        }
    }
}

fn next(input: &mut impl BufRead) -> CliResult<Option<String>> {
    let mut line = Vec::new();
    let limit = MAX_TEXT as u64 + 2;
    let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
    if read.map_err(|e| CliError::io("cannot read standard input", &e))? == 0 {
        return Ok(None);
    }

    for end in [b'\n', b'\r'] {
        if line.last() == Some(&end) {
            line.pop();
        }
    }

    if line.len() > MAX_TEXT {
        return Err(refused(&format!("a line is longer than {MAX_TEXT} bytes")));
    }

    String::from_utf8(line).map(Some).map_err(|_| refused("a line is not UTF-8 text"))
}

fn refused(detail: &str) -> CliError {
    CliError::new(Exit::Refused, "invalid_text", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines before the end or the first bad one, and how many bad ones there were.
    fn lines(input: &[u8]) -> (Vec<String>, usize) {
        let (typed, mut lines) = mpsc::channel(QUEUE);
        read(input, &typed);
        let (mut good, mut bad) = (Vec::new(), 0);
        while let Ok(line) = lines.try_recv() {
            match line {
                Ok(line) => good.push(line),
                Err(_) => bad += 1,
            }
        }
        (good, bad)
    }

    #[test]
    fn each_line_is_a_message() {
        let (good, bad) = lines(b"one\r\n\n  \ntwo \nlast");
        assert_eq!((good, bad), (vec!["one".to_owned(), "two ".to_owned(), "last".to_owned()], 0));
    }

    #[test]
    fn the_first_bad_line_is_the_last() {
        let long = [b"ok\n".as_slice(), &vec![b'x'; MAX_TEXT + 1], b"\nnever\n"].concat();
        assert_eq!(lines(&long), (vec!["ok".to_owned()], 1));
        assert_eq!(lines(b"ok\n\xff\nnever\n"), (vec!["ok".to_owned()], 1));
        assert_eq!(lines(&vec![b'x'; MAX_TEXT]).1, 0);
    }
}
