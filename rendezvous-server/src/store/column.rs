//! How unsigned numbers are stored: databases have signed ones only. No number of ours that is
//! compared comes near 2⁶³: changes are counted, and sequence numbers of the far future are
//! refused. A generation may have any bits.

pub(super) fn to_column(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

pub(super) fn from_column(number: i64) -> u64 {
    u64::from_le_bytes(number.to_le_bytes())
}
