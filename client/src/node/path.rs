//! `Path`: a way by which a sealed envelope reaches a contact. A link is one; delivery knows only
//! this trait.
//!
//! An envelope is sealed once and is the same on every path. A path takes it or refuses it at once.
//! Its receipt tells later that it arrived, and may come back by any other path.

use super::effect::Effects;
use crate::model::OutboxId;

/// What a path says to an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is on its way.
    Taken,
    /// There is no room now: offer it again later, and nothing that comes after it before.
    Full,
}

/// A way for envelopes to one contact.
pub(crate) trait Path {
    /// Offers the envelope of an outbox row.
    fn offer(&mut self, row: OutboxId, envelope: Vec<u8>, fx: &mut Effects) -> Offered;
}
