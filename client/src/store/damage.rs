//! Looks for damage before a store is opened. Reports it, and changes no byte.
//!
//! Every page carries a code that its key makes, and the write-ahead log a chain of checksums.
//! `SQLite` checks a page only when it reads it, and takes a broken chain for the end of the log:
//! damage would show late, or as messages that are missing.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::error::StoreError;

const HEADER: usize = 32;
/// The header of each page in it.
const FRAME: usize = 24;
/// The first word of a log; the last bit says in which order checksums read bytes.
const MAGIC: u32 = 0x377f_0682;

/// Fails if a page of the file, or the log beside it, is not as it was written. Writes nothing.
pub(super) async fn look_for(file: &Path, options: SqliteConnectOptions) -> Result<(), StoreError> {
    let logged = match fs::read(log_of(file)) {
        Ok(log) => logged_pages(&log)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => HashSet::new(),
        Err(error) => return Err(sqlx::Error::Io(error).into()),
    };
    let mut connection =
        SqliteConnection::connect_with(&options.read_only(true).immutable(true)).await?;
    let found = sqlx::query_as("PRAGMA cipher_integrity_check").fetch_all(&mut connection).await;
    connection.close().await?;
    let found: Vec<(String,)> = found?;

    // A page that the log has too is written again from there.
    if found.iter().all(|(what,)| page_in(what).is_some_and(|page| logged.contains(&page))) {
        Ok(())
    } else {
        Err(StoreError::broken("a page of the store is not as it was written"))
    }
}

fn log_of(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The page that a finding is about, as in "HMAC verification failed for page 7".
fn page_in(finding: &str) -> Option<u32> {
    finding.rsplit_once("for page ")?.1.parse().ok()
}

/// The pages in a log whose transactions are complete.
///
/// A cut write, as of a power failure, spoils the last transaction at most: each is on the disk
/// before the next begins. A break with a whole transaction behind it is damage.
fn logged_pages(log: &[u8]) -> Result<HashSet<u32>, StoreError> {
    let Some((header, frames)) =
        log.split_at_checked(HEADER).filter(|(header, _)| header.iter().any(|b| *b != 0))
    else {
        return Ok(HashSet::new());
    };

    let damaged = Err(StoreError::broken("the log of the store is not as it was written"));
    let (magic, page_size) = (word(header, 0), word(header, 8) as usize);
    let mut sum = Checksum { big_endian: magic & 1 == 1, state: [0; 2] };
    sum.add(&header[..24]);
    if magic & !1 != MAGIC || !sum.is(&header[24..]) || !page_size.is_power_of_two() {
        return damaged;
    }

    let salts = &header[16..24];
    let (mut complete, mut open) = (HashSet::new(), Vec::new());
    let mut frames = frames.chunks_exact(FRAME + page_size);
    for frame in frames.by_ref() {
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME..]);
        if &frame[8..16] != salts || !sum.is(&frame[16..FRAME]) {
            let behind =
                std::iter::once(frame).chain(frames).filter(|frame| &frame[8..16] == salts);
            let after_commit = behind.skip_while(|frame| word(frame, 4) == 0).nth(1);
            return if after_commit.is_some() { damaged } else { Ok(complete) };
        }
        open.push(word(frame, 0));
        if word(frame, 4) != 0 {
            complete.extend(open.drain(..));
        }
    }

    Ok(complete)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

/// The running checksum of a log.
struct Checksum {
    big_endian: bool,
    state: [u32; 2],
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let [first, second] = [word(pair, 0), word(pair, 4)]
                .map(|word| if self.big_endian { word } else { word.swap_bytes() });
            self.state[0] = self.state[0].wrapping_add(first).wrapping_add(self.state[1]);
            self.state[1] = self.state[1].wrapping_add(second).wrapping_add(self.state[0]);
        }
    }

    fn is(&self, written: &[u8]) -> bool {
        self.state == [word(written, 0), word(written, 4)]
    }
}
