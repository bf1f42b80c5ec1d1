//! The outcome of putting one record, as the HTTP layer gets to know it.

use crate::board::Freshness;

/// Why a record was not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutError {
    /// The address has a newer record, or a different one with the same number.
    NotFresh(Freshness),
    /// The board has no room for another address.
    BoardFull,
    /// Too many records wait to be written.
    QueueFull,
    /// The database did not confirm the transaction; the record may be stored all the same.
    Unavailable,
    /// The disk has no room: nothing was stored.
    DiskFull,
    /// The server is stopping.
    Stopping,
}

/// The outcome for one record: `Ok` once it is committed and shown.
pub type PutResult = Result<(), PutError>;
