//! The board: many records in one body, in groups, so that neither side holds all of it at once.
//!
//! ```text
//! offset size
//!  0      1  version 1
//!  1      1  bits of an address that name a bucket; 0 for the whole board
//!  2      1  the bucket
//!  3      1  zero
//!  4     16  cursor: generation 8 ‖ change 8
//! 20      …  groups: n as u32, at least 1, then n records of 217 bytes
//!  …      4  zero: the end
//! ```
//!
//! Numbers are big-endian. The answers about changes and the events of a stream have the same form.
//! The body of a board may hold a record that is newer than its cursor, or two of one address: the
//! higher sequence number counts. A body without its last four bytes was cut. Every change of a
//! server's board has a number, rising by one; a cursor is the number up to which its holder knows
//! everything, and the generation of the database that counted.
//!
//! Signatures are not checked here; see `record`.

use std::fmt;
use std::str::FromStr;

use crate::limits::{MAX_BUCKET_BITS, MAX_GROUP, RECORD};
use crate::record::{Record, RecordError};

/// The only version of a body that is known.
pub const VERSION: u8 = 1;
/// The length of the head, in bytes.
pub const HEAD: usize = 20;
/// The end of a body: a group of no records.
pub const END: [u8; 4] = [0; 4];

/// How much of the board its holder knows. Its text, in queries and events, is
/// `generation-change`, the first as 16 digits of lower-case hex, the second decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Random, and different for each database: it tells cursors of one from those of another.
    pub generation: u64,
    /// Everything up to this change is known.
    pub change: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.generation, self.change)
    }
}

/// The text does not have the form of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (generation, change) = text.split_once('-').ok_or(NotACursor)?;
        let (hex, decimal) = (|b: u8| b.is_ascii_hexdigit(), |b: u8| b.is_ascii_digit());
        if generation.len() != 16 || !generation.bytes().all(hex) || !change.bytes().all(decimal) {
            return Err(NotACursor);
        }
        let generation = u64::from_str_radix(generation, 16).map_err(|_| NotACursor)?;
        Ok(Self { generation, change: change.parse().map_err(|_| NotACursor)? })
    }
}

/// A part of the board: the addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    bits: u8,
    number: u8,
}

impl Bucket {
    /// The bucket that is the whole board.
    pub const ALL: Self = Self { bits: 0, number: 0 };

    /// The addresses whose first `bits` bits are `number`. `None` for more than
    /// [`MAX_BUCKET_BITS`] bits, or a number that has more bits.
    #[must_use]
    pub fn new(bits: u8, number: u8) -> Option<Self> {
        let fits = bits <= MAX_BUCKET_BITS && (u16::from(number) >> bits) == 0;
        fits.then_some(Self { bits, number })
    }

    /// How many bits name it; 0 for the whole board.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// The value of those bits.
    #[must_use]
    pub fn number(self) -> u8 {
        self.number
    }

    /// Whether a record's address belongs to it.
    #[must_use]
    pub fn contains(self, record: &Record) -> bool {
        record.address().bucket(self.bits) == self.number
    }

    /// The range of the first byte of its addresses.
    #[must_use]
    pub fn first_bytes(self) -> std::ops::RangeInclusive<u8> {
        let low = u16::from(self.number) << (8 - self.bits);
        let high = low + (1 << (8 - self.bits)) - 1;
        // Both are below 256, because the number has no more than `bits` bits.
        low.to_le_bytes()[0]..=high.to_le_bytes()[0]
    }
}

/// The head of a body, which stands before the first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The part of the board that the body holds.
    pub bucket: Bucket,
    /// The cursor of a client that has read the whole body.
    pub cursor: Cursor,
}

impl Head {
    /// The encoded head.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        (bytes[0], bytes[1], bytes[2]) = (VERSION, self.bucket.bits, self.bucket.number);
        bytes[4..12].copy_from_slice(&self.cursor.generation.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.cursor.change.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; HEAD]) -> Result<Self, BoardError> {
        if bytes[0] != VERSION {
            return Err(BoardError::Version(bytes[0]));
        }
        let bucket = Bucket::new(bytes[1], bytes[2]).ok_or(BoardError::Bucket)?;
        let [generation, change] =
            [4, 12].map(|at| u64::from_be_bytes(crate::bytes::take(&bytes, at)));
        Ok(Self { bucket, cursor: Cursor { generation, change } })
    }
}

/// An encoded group: the number of records, and the records. Empty for no records.
#[must_use]
pub fn group<'a>(records: impl ExactSizeIterator<Item = &'a Record>) -> Vec<u8> {
    let Ok(count @ 1..) = u32::try_from(records.len()) else { return Vec::new() };
    let mut bytes = Vec::with_capacity(4 + records.len() * RECORD);
    bytes.extend_from_slice(&count.to_be_bytes());
    records.for_each(|record| bytes.extend_from_slice(record.as_bytes()));
    bytes
}

/// An encoded body of one group.
#[must_use]
pub fn body<'a>(head: Head, records: impl ExactSizeIterator<Item = &'a Record>) -> Vec<u8> {
    [&head.to_bytes()[..], &group(records), &END].concat()
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// The body has a version that this code does not know.
    #[error("a board of version {0}: only {VERSION} is known")]
    Version(u8),
    /// The head names a bucket that cannot exist.
    #[error("the board names a bucket that cannot be")]
    Bucket,
    /// The body has more records than the parser's limit.
    #[error("the board has more than {0} records")]
    TooMany(usize),
    /// There are bytes after the end mark.
    #[error("something follows the end of the board")]
    Trailing,
    /// The body ends before its end mark.
    #[error("the board was cut")]
    Cut,
    /// A record is malformed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Reads a body chunk by chunk, as it arrives; holds less than one record at a time.
#[derive(Debug)]
pub struct Parser {
    head: Option<Head>,
    /// Records to come in this group.
    left_in_group: u32,
    /// Records that may still come in all groups.
    room: usize,
    limit: usize,
    ended: bool,
    /// The beginning of an item that is not complete yet.
    partial: Vec<u8>,
}

impl Parser {
    /// Takes at most `limit` records.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { head: None, left_in_group: 0, room: limit, limit, ended: false, partial: Vec::new() }
    }

    /// The head, once the first [`HEAD`] bytes have arrived.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Takes the next bytes, and passes every complete record to `take`. After an error the parser
    /// must not be used again.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Record),
    ) -> Result<(), BoardError> {
        while !bytes.is_empty() {
            if self.ended {
                return Err(BoardError::Trailing);
            }
            let wanted = self.wanted() - self.partial.len();
            let (chunk, later) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(chunk);
            bytes = later;
            if chunk.len() == wanted {
                self.item(&mut take)?;
            }
        }
        Ok(())
    }

    /// Call this after the last bytes: the head, if the body was complete.
    pub fn finish(self) -> Result<Head, BoardError> {
        self.head.filter(|_| self.ended).ok_or(BoardError::Cut)
    }

    fn wanted(&self) -> usize {
        match (self.head, self.left_in_group) {
            (None, _) => HEAD,
            (_, 0) => END.len(),
            _ => RECORD,
        }
    }

    fn item(&mut self, take: &mut impl FnMut(Record)) -> Result<(), BoardError> {
        match (self.head, self.left_in_group) {
            (None, _) => self.head = Some(Head::from_bytes(crate::bytes::take(&self.partial, 0))?),
            (_, 0) => self.begin_group(u32::from_be_bytes(crate::bytes::take(&self.partial, 0)))?,
            _ => {
                self.left_in_group -= 1;
                take(Record::from_bytes(&self.partial)?);
            }
        }
        self.partial.clear();
        Ok(())
    }

    fn begin_group(&mut self, count: u32) -> Result<(), BoardError> {
        let too_many = BoardError::TooMany(self.limit);
        if count > MAX_GROUP {
            return Err(too_many);
        }
        let records = usize::try_from(count).map_err(|_| too_many)?;
        self.room = self.room.checked_sub(records).ok_or(too_many)?;
        (self.left_in_group, self.ended) = (count, count == 0);
        Ok(())
    }
}

/// Reads a whole body that is in memory, such as an event of a stream.
pub fn parse(bytes: &[u8], limit: usize) -> Result<(Head, Vec<Record>), BoardError> {
    let mut records = Vec::new();
    let mut parser = Parser::new(limit);
    parser.push(bytes, |record| records.push(record))?;
    Ok((parser.finish()?, records))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(number: u8) -> Record {
        let mut bytes = [number; RECORD];
        bytes[0] = crate::record::VERSION;
        Record::from_bytes(&bytes).unwrap()
    }

    fn head() -> Head {
        Head {
            bucket: Bucket::new(3, 5).unwrap(),
            cursor: Cursor { generation: 0xabc, change: 42 },
        }
    }

    fn sample() -> Vec<u8> {
        let (one, two) = ([record(1), record(2)], [record(3)]);
        [&head().to_bytes()[..], &group(one.iter()), &group(two.iter()), &END].concat()
    }

    #[test]
    fn a_body_is_read_in_chunks_of_any_size() {
        for size in [1, 3, 216, 217, 218, 10_000] {
            let (mut parser, mut records) = (Parser::new(3), Vec::new());
            for piece in sample().chunks(size) {
                parser.push(piece, |record| records.push(record)).unwrap();
            }
            assert_eq!(parser.finish(), Ok(head()));
            assert_eq!(records, [record(1), record(2), record(3)]);
        }
        assert_eq!(parse(&body(head(), [].iter()), 0), Ok((head(), Vec::new())));
    }

    #[test]
    fn a_cut_body_is_noticed_wherever_it_was_cut() {
        let whole = sample();
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length], 10), Err(BoardError::Cut), "{length}");
        }
    }

    #[test]
    fn too_many_records_are_refused_before_they_arrive() {
        assert_eq!(parse(&sample(), 2), Err(BoardError::TooMany(2)));
        let huge = [&head().to_bytes()[..], &u32::MAX.to_be_bytes()].concat();
        assert_eq!(parse(&huge, usize::MAX), Err(BoardError::TooMany(usize::MAX)));
        assert_eq!(parse(&[&sample()[..], &[0]].concat(), 9), Err(BoardError::Trailing));
    }

    #[test]
    fn another_version_and_an_impossible_bucket_are_refused() {
        let changed = |at: usize, to: u8| {
            let mut bytes = sample();
            bytes[at] = to;
            parse(&bytes, 9)
        };
        assert_eq!(changed(0, 2), Err(BoardError::Version(2)));
        assert_eq!(changed(1, 9), Err(BoardError::Bucket));
        assert_eq!(changed(2, 8), Err(BoardError::Bucket));
        assert_eq!(changed(24, 7), Err(BoardError::Record(RecordError::Version(7))));
    }

    #[test]
    fn a_bucket_has_the_addresses_that_begin_with_its_bits() {
        assert_eq!(Bucket::new(3, 5).unwrap().first_bytes(), 160..=191);
        assert_eq!(Bucket::ALL.first_bytes(), 0..=255);
        assert_eq!(Bucket::new(8, 255).unwrap().first_bytes(), 255..=255);
        assert!(
            Bucket::ALL.contains(&record(7)) && Bucket::new(8, 7).unwrap().contains(&record(7))
        );
        assert_eq!(Bucket::new(0, 1), None);
        assert_eq!(Bucket::new(9, 0), None);
    }

    #[test]
    fn a_cursor_has_one_text() {
        let text = head().cursor.to_string();
        assert_eq!(text, "0000000000000abc-42");
        assert_eq!(text.parse(), Ok(head().cursor));
        for text in [
            "",
            "-",
            "abc-1",
            "0000000000000abc-",
            "0000000000000abc--1",
            "+000000000000abc-1",
            "0000000000000abc-+1",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1000)) {
            let _ = parse(&bytes, 3);
        }
    }
}
