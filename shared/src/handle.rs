//! Handles, `name@server`: a person can be found by a name, and the server learns neither the name
//! nor whom it leads to.
//!
//! ```text
//! name, canonical ──skeleton──► Argon2id, salted with the server ─┬─► lookup id, 32 bytes
//!                                                                 └─► card key, 32 bytes
//! ```
//!
//! The server stores a claim under the lookup id: the owner's key and a card sealed with the card
//! key. Anyone who knows the name computes both. A server that guesses names pays an Argon2id for
//! each guess.
//!
//! | module | what it is |
//! |---|---|
//! | `name` | the canonical form of a name, and its skeleton |
//! | `locate` | from a name to its lookup id and card key |
//! | `card` | the sealed invitation that a handle leads to |
//! | `claim` | claims and releases, as their owner signs them |

mod card;
mod claim;
mod locate;
mod name;

pub use self::card::{Card, CardError};
pub use self::claim::{Claim, ClaimDraft, ClaimError, OwnerKey, Release};
pub use self::locate::{CardKey, LookupId, NoMemory, locate};
pub use self::name::{HandleName, NameError};
