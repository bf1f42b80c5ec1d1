//! Access control: tokens, and the work that a client without one has to do.
//!
//! Tokens are kept as hashes, and never logged. One token for everyone is best: with different ones
//! the server could tell its members apart.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use chive_shared::api::Access;
use chive_shared::limits::MAX_WORK_BITS;
use sha2::{Digest, Sha256};

/// The table `[work]` of the configuration: prices, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkPrices {
    /// A record, while the board is less than half full.
    pub record: u8,
    /// A record, when the board is full. Between the two the price rises evenly.
    pub record_full: u8,
    /// A handle that is claimed for the first time, or by another owner than before.
    pub claim: u8,
}

impl Default for WorkPrices {
    fn default() -> Self {
        Self { record: 12, record_full: 22, claim: 22 }
    }
}

impl WorkPrices {
    /// Refuses prices that no operator can mean.
    ///
    /// # Errors
    /// A sentence that names the price and says why.
    pub fn check(&self) -> Result<(), String> {
        if [self.record, self.record_full, self.claim].iter().any(|bits| *bits > MAX_WORK_BITS) {
            return Err(format!("work has at most {MAX_WORK_BITS} bits"));
        }
        if self.record > self.record_full {
            Err("work.record_full is below work.record".to_owned())
        } else {
            Ok(())
        }
    }

    /// The price of a record on a board that has `used` of `capacity` addresses.
    #[must_use]
    pub fn of_record(&self, used: usize, capacity: usize) -> u8 {
        let half = capacity / 2;
        let over = used.saturating_sub(half).min(capacity - half);
        let range = usize::from(self.record_full - self.record.min(self.record_full));
        self.record + u8::try_from(range * over / (capacity - half).max(1)).unwrap_or(0)
    }
}

/// Decides who may read and who may write.
#[derive(Clone)]
pub struct AccessControl {
    access: Access,
    tokens: Vec<[u8; 32]>,
}

impl fmt::Debug for AccessControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessControl").field("access", &self.access).finish_non_exhaustive()
    }
}

impl AccessControl {
    /// Reads tokens from a text, one a line; empty lines and comments (`#`) are skipped.
    #[must_use]
    pub fn new(access: Access, tokens: &str) -> Self {
        let lines =
            tokens.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { access, tokens: lines.map(hash).collect() }
    }

    /// The policy for clients without a token.
    #[must_use]
    pub fn policy(&self) -> Access {
        self.access
    }

    /// The number of valid tokens.
    #[must_use]
    pub fn token_count(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the request has a valid token.
    #[must_use]
    pub fn has_token(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        // Comparing hashes takes a time that tells nothing about the token.
        token.is_some_and(|token| self.tokens.contains(&hash(token.trim())))
    }

    /// Whether the client may read the board and look up handles.
    #[must_use]
    pub fn may_read(&self, headers: &HeaderMap) -> bool {
        self.access != Access::Members || self.has_token(headers)
    }

    /// Whether the client may write, with a token or for work.
    #[must_use]
    pub fn may_write(&self, headers: &HeaderMap) -> bool {
        self.access == Access::Open || self.has_token(headers)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())])
    }

    #[test]
    fn only_a_valid_token_grants_access() {
        let control = AccessControl::new(Access::Members, "# ours\n\n secret \nother\n");
        assert_eq!(control.token_count(), 2);
        assert!(
            control.has_token(&with("Bearer secret")) && control.may_write(&with("Bearer other"))
        );
        for wrong in [
            "Bearer",
            "Bearer ",
            "secret",
            "Basic secret",
            "Bearer secre",
            "Bearer # ours",
            "bearer secret",
        ] {
            assert!(!control.may_read(&with(wrong)), "{wrong}");
        }

        assert!(!control.may_read(&HeaderMap::new()));
    }

    #[test]
    fn the_policy_decides_who_needs_a_token() {
        let (open, writers) =
            (AccessControl::new(Access::Open, ""), AccessControl::new(Access::Writers, "t"));
        let none = HeaderMap::new();
        assert!(open.may_read(&none) && open.may_write(&none) && !open.has_token(&none));
        assert!(
            writers.may_read(&none)
                && !writers.may_write(&none)
                && writers.may_write(&with("Bearer t"))
        );
    }

    #[test]
    fn the_price_rises_when_the_board_fills() {
        let prices = WorkPrices { record: 10, record_full: 20, claim: 0 };
        let at = |live| prices.of_record(live, 1000);
        assert_eq!([0, 500, 550, 750, 1000, 5000].map(at), [10, 10, 11, 15, 20, 20]);
        assert_eq!(prices.of_record(1, 1), 20);
    }
}
