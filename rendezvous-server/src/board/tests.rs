//! Tests of the board, with records that are not signed.

use chive_shared::limits::{MINUTE, RECORD};

use super::*;

const NOW: i64 = 1_764_000_000_000;

/// An unsigned record, with the fields that a board looks at.
fn stored(address: u8, number: u8, change: u64) -> StoredRecord {
    let mut bytes = [0; RECORD];
    (bytes[0], bytes[1], bytes[44]) = (chive_shared::record::VERSION, address, number);
    let sequence = u64::try_from(NOW / MINUTE).unwrap() << 16;
    bytes[37..45].copy_from_slice(&(sequence | u64::from(number)).to_be_bytes());
    bytes[45..49].copy_from_slice(&u32::try_from(NOW / MINUTE + 5).unwrap().to_be_bytes());
    StoredRecord { record: Record::from_bytes(&bytes).unwrap(), change, stored_at: NOW }
}

fn board() -> Board {
    Board::new(7, 0, 3, 4)
}

fn since(board: &Board, change: u64, limit: usize) -> Result<(u64, usize), CursorExpired> {
    let after = Cursor { generation: 7, change };
    board
        .changes_since(after, Bucket::ALL, limit, NOW)
        .map(|(up_to, records)| (up_to, records.len()))
}

#[test]
fn the_highest_number_of_an_address_counts_in_any_order() {
    let board = board();
    board.apply(&[stored(1, 2, 1), stored(1, 1, 2)], NOW);
    assert_eq!(board.freshness_of(&stored(1, 2, 9).record), Freshness::Duplicate);
    assert!(matches!(board.freshness_of(&stored(1, 1, 9).record), Freshness::Stale(_)));
    assert_eq!(board.freshness_of(&stored(1, 3, 9).record), Freshness::New);
    assert_eq!((board.live(), board.addresses(), board.cursor().change), (1, 1, 2));
}

#[test]
fn a_cursor_advances_past_changes_that_brought_nothing() {
    let board = board();
    board.apply(&[stored(1, 1, 1)], NOW);
    board.apply(&[stored(1, 1, 2)], NOW);
    assert_eq!(since(&board, 0, 9), Ok((2, 1)));
    assert_eq!(since(&board, 2, 9), Ok((2, 0)), "a reader of the whole board can continue");
    assert_eq!(since(&board, 3, 9), Err(CursorExpired));
}

#[test]
fn changes_are_read_in_parts_and_forgotten_at_last() {
    let board = board();
    board.apply(&[stored(1, 1, 1), stored(2, 1, 2), stored(3, 1, 3), stored(4, 1, 4)], NOW);
    assert_eq!(since(&board, 0, 9), Err(CursorExpired), "three are remembered");
    assert_eq!(since(&board, 1, 2), Ok((3, 2)));
    assert_eq!(since(&board, 3, 2), Ok((4, 1)));
}

#[test]
fn expired_records_leave_the_board_and_old_ones_the_memory() {
    let board = board();
    board.apply(&[stored(1, 1, 1)], NOW);
    assert_eq!(board.group(1, NOW).len(), 4 + RECORD);
    board.sweep(NOW + 6 * MINUTE);
    assert_eq!((board.live(), board.addresses()), (0, 1));
    assert_eq!(board.group(1, NOW + 6 * MINUTE).len(), 0);
    board.sweep(NOW + 30 * MINUTE);
    assert_eq!(board.addresses(), 0);
}

#[test]
fn buckets_are_cut_when_the_board_grows() {
    let board = board();
    assert_eq!(board.bucket_bits(), 0);
    let many: Vec<StoredRecord> =
        (1..=20).map(|number| stored(number, 1, u64::from(number))).collect();
    board.apply(&many, NOW);
    assert_eq!(board.bucket_bits(), 3, "20 records, at most 4 in a bucket");
}
