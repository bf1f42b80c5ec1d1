//! Parses server-sent events (WHATWG HTML, section 9.2) as they come in. No I/O.

use std::mem;

/// One event as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SseMessage {
    /// The `event` field; empty where there was none.
    pub(crate) kind: String,
    /// The `data` fields, joined by line feeds.
    pub(crate) data: String,
}

/// A line, or an event's data, was too long, or was not UTF-8.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SseError {
    #[error("an event is longer than {0} bytes")]
    TooLong(usize),
    #[error("an event is not UTF-8")]
    NotText,
}

/// Holds what has come of an event that is not complete yet: at most twice its limit.
pub(crate) struct Parser {
    /// The longest line, and the most data of one event, in bytes.
    limit: usize,
    line: Vec<u8>,
    after_carriage_return: bool,
    kind: String,
    data: Option<String>,
}

impl Parser {
    /// Takes lines, and data of events, of so many bytes at most.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_carriage_return: false,
            kind: String::new(),
            data: None,
        }
    }

    /// Takes the next bytes and returns the events that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseMessage>, SseError> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let ends_the_same_line = mem::take(&mut self.after_carriage_return) && byte == b'\n';
            match byte {
                b'\n' if ends_the_same_line => {}
                b'\n' | b'\r' => {
                    self.after_carriage_return = byte == b'\r';
                    complete.extend(self.end_line()?);
                }
                _ if self.line.len() == self.limit => return Err(SseError::TooLong(self.limit)),
                _ => self.line.push(byte),
            }
        }
        Ok(complete)
    }

    fn end_line(&mut self) -> Result<Option<SseMessage>, SseError> {
        let line = mem::take(&mut self.line);
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let line = str::from_utf8(&line).map_err(|_| SseError::NotText)?;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        self.take(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    /// Comments have an empty field name. The id is not kept: it is also in the data.
    fn take(&mut self, field: &str, value: &str) -> Result<(), SseError> {
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => return self.add_data(value),
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &str) -> Result<(), SseError> {
        let Some(data) = &mut self.data else {
            self.data = Some(value.to_owned());
            return Ok(());
        };
        if data.len() + 1 + value.len() > self.limit {
            return Err(SseError::TooLong(self.limit));
        }
        data.push('\n');
        data.push_str(value);
        Ok(())
    }

    /// An event without data is none.
    fn end_event(&mut self) -> Option<SseMessage> {
        let kind = mem::take(&mut self.kind);
        self.data.take().map(|data| SseMessage { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::{Parser, SseError, SseMessage};

    const MAX_LINE: usize = 1 << 16;

    const STREAM: &str = ": hello\n\nid: 7\nevent: message\ndata: {\"a\":\ndata:1}\n\n:\n\nevent: \
                         x\n\r\ndata\r\n\r\n\
                          event: tor\rdata: é\r\rretry: 3\ndata:  two\n\n";

    fn expected() -> Vec<SseMessage> {
        [("message", "{\"a\":\n1}"), ("", ""), ("tor", "é"), ("", " two")]
            .map(|(kind, data)| SseMessage { kind: kind.into(), data: data.into() })
            .into()
    }

    #[test]
    fn a_stream_means_the_same_wherever_it_is_cut() {
        for cut in 0..=STREAM.len() {
            let mut parser = Parser::new(MAX_LINE);
            let (first, second) = STREAM.as_bytes().split_at(cut);
            let mut events = parser.push(first).unwrap();
            events.extend(parser.push(second).unwrap());
            assert_eq!(events, expected(), "cut at {cut}");
        }
    }

    #[test]
    fn a_stream_means_the_same_byte_by_byte() {
        let mut parser = Parser::new(MAX_LINE);
        let events: Vec<_> =
            STREAM.bytes().flat_map(|byte| parser.push(&[byte]).unwrap()).collect();
        assert_eq!(events, expected());
    }

    #[test]
    fn an_event_that_was_not_ended_is_none() {
        assert_eq!(Parser::new(MAX_LINE).push(b"data: 1\n").unwrap(), []);
    }

    #[test]
    fn a_line_has_a_limit() {
        let mut parser = Parser::new(MAX_LINE);
        assert_eq!(parser.push(&vec![b'x'; MAX_LINE]), Ok(vec![]));
        assert_eq!(parser.push(b"x"), Err(SseError::TooLong(MAX_LINE)));
    }

    #[test]
    fn the_data_of_many_lines_has_a_limit() {
        let line = format!("data:{}\n", "x".repeat(MAX_LINE / 2));
        let mut parser = Parser::new(MAX_LINE);
        assert_eq!(parser.push(line.as_bytes()), Ok(vec![]));
        assert_eq!(parser.push(line.as_bytes()), Err(SseError::TooLong(MAX_LINE)));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        assert_eq!(Parser::new(MAX_LINE).push(b"data: \xff\n"), Err(SseError::NotText));
    }
}
