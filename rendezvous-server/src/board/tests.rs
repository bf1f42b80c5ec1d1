use chive_shared::limits::{MINUTE, RECORD};

use super::*;

const NOW: i64 = 1_764_000_000_000;

/// A record that is none, but has what a board looks at.
fn kept(address: u8, number: u8, change: u64) -> Kept {
    let mut bytes = [0; RECORD];
    (bytes[0], bytes[1], bytes[44]) = (chive_shared::record::VERSION, address, number);
    let sequence = u64::try_from(NOW / MINUTE).unwrap() << 16;
    bytes[37..45].copy_from_slice(&(sequence | u64::from(number)).to_be_bytes());
    bytes[45..49].copy_from_slice(&u32::try_from(NOW / MINUTE + 5).unwrap().to_be_bytes());
    Kept { record: Record::from_bytes(&bytes).unwrap(), change, taken: NOW }
}

fn board() -> Board {
    Board::new(7, 0, 3, 4)
}

fn since(board: &Board, change: u64, most: usize) -> Result<(u64, usize), Forgotten> {
    let after = Cursor { generation: 7, change };
    board.since(after, Bucket::ALL, most, NOW).map(|(up_to, records)| (up_to, records.len()))
}

#[test]
fn of_an_address_the_highest_number_counts_in_any_order() {
    let board = board();
    board.apply(&[kept(1, 2, 1), kept(1, 1, 2)], NOW);
    assert_eq!(board.order(&kept(1, 2, 9).record), Order::Same);
    assert!(matches!(board.order(&kept(1, 1, 9).record), Order::Older(_)));
    assert_eq!(board.order(&kept(1, 3, 9).record), Order::Newer);
    assert_eq!((board.live(), board.known(), board.cursor().change), (1, 1, 2));
}

#[test]
fn changes_are_told_up_to_the_last_even_where_they_brought_nothing() {
    let board = board();
    board.apply(&[kept(1, 1, 1)], NOW);
    board.apply(&[kept(1, 1, 2)], NOW);
    assert_eq!(since(&board, 0, 9), Ok((2, 1)));
    assert_eq!(since(&board, 2, 9), Ok((2, 0)), "who read the board now can go on");
    assert_eq!(since(&board, 3, 9), Err(Forgotten));
}

#[test]
fn changes_come_in_parts_and_are_forgotten_in_the_end() {
    let board = board();
    board.apply(&[kept(1, 1, 1), kept(2, 1, 2), kept(3, 1, 3), kept(4, 1, 4)], NOW);
    assert_eq!(since(&board, 0, 9), Err(Forgotten), "three are remembered");
    assert_eq!(since(&board, 1, 2), Ok((3, 2)));
    assert_eq!(since(&board, 3, 2), Ok((4, 1)));
}

#[test]
fn what_dies_leaves_the_board_and_what_is_old_the_memory() {
    let board = board();
    board.apply(&[kept(1, 1, 1)], NOW);
    assert_eq!(board.group(1, NOW).len(), 4 + RECORD);
    board.sweep(NOW + 6 * MINUTE);
    assert_eq!((board.live(), board.known()), (0, 1));
    assert_eq!(board.group(1, NOW + 6 * MINUTE).len(), 0);
    board.sweep(NOW + 30 * MINUTE);
    assert_eq!(board.known(), 0);
}

#[test]
fn buckets_are_cut_when_the_board_grows() {
    let board = board();
    assert_eq!(board.bucket_bits(), 0);
    let many: Vec<Kept> = (1..=20).map(|number| kept(number, 1, u64::from(number))).collect();
    board.apply(&many, NOW);
    assert_eq!(board.bucket_bits(), 3, "20 records, at most 4 in a bucket");
}
