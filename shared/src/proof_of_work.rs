//! Proof of work: it makes a flood of records or claims expensive, because there is no IP address
//! to limit by. How much is asked for is the server's decision.
//!
//! ```text
//! seed = SHA-256(label ‖ server ‖ the record's or claim's bytes)
//! work = the u64 n, big-endian, for which SHA-256(seed ‖ n) begins with as many zero bits
//!        as the price
//! ```
//!
//! The bytes hold the address, the sequence number and the signature, so work done for one record
//! on one server is good for nothing else.

use sha2::{Digest, Sha256};

use crate::label;
use crate::server::ServerId;

/// The seed that a proof is made for.
#[derive(Clone, Copy)]
pub struct Challenge([u8; 32]);

/// A solution of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub u64);

impl Challenge {
    /// The challenge of a record's or a claim's bytes on a server.
    #[must_use]
    pub fn new(server: &ServerId, subject: &[u8]) -> Self {
        let seed = Sha256::new()
            .chain_update(label::WORK)
            .chain_update(server.0)
            .chain_update(subject)
            .finalize();
        Self(seed.into())
    }

    /// The number of zero bits that a proof reaches.
    #[must_use]
    pub fn difficulty(&self, Proof(number): Proof) -> u32 {
        let hash = Sha256::new().chain_update(self.0).chain_update(number.to_be_bytes()).finalize();
        let zeros = hash.iter().take_while(|byte| **byte == 0).count();
        let next = hash.get(zeros).map_or(0, |byte| byte.leading_zeros());
        u32::try_from(8 * zeros).unwrap_or(u32::MAX).saturating_add(next)
    }

    /// Tries `tries` numbers from `from` on, and gives the first that reaches `bits`. A caller that
    /// must not block for long calls it again with the next number.
    #[must_use]
    pub fn solve(&self, bits: u8, from: u64, tries: u64) -> Option<Proof> {
        (from..from.saturating_add(tries))
            .map(Proof)
            .find(|work| self.difficulty(*work) >= u32::from(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerId = ServerId([9; 32]);

    #[test]
    fn a_proof_is_valid_for_its_subject_and_server_alone() {
        let challenge = Challenge::new(&SERVER, b"record");
        let work = challenge.solve(12, 0, u64::MAX).unwrap();
        assert!(challenge.difficulty(work) >= 12);
        assert_eq!(challenge.solve(12, 0, work.0), None, "it is the first");
        assert!(Challenge::new(&SERVER, b"recorD").difficulty(work) < 12);
        assert!(Challenge::new(&ServerId([8; 32]), b"record").difficulty(work) < 12);
    }

    #[test]
    fn a_price_of_zero_is_met_by_any_number() {
        assert_eq!(Challenge::new(&SERVER, b"").solve(0, 7, 1), Some(Proof(7)));
        assert_eq!(Challenge::new(&SERVER, b"").solve(255, u64::MAX, 10), None);
    }
}
