//! Who may do what: tokens, and the price of those who have none.
//!
//! Tokens are known by their hashes alone. One token for everybody is best: a server can tell apart
//! who comes with different ones.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use chive_shared::api::Access;
use chive_shared::limits::MAX_WORK_BITS;
use sha2::{Digest, Sha256};

/// The table `[work]` of the configuration: prices, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A record, while the board is less than half full.
    pub record: u8,
    /// A record, when the board is full. Between the two the price rises evenly.
    pub record_full: u8,
    /// A handle that is claimed for the first time, or by somebody else than before.
    pub claim: u8,
}

impl Default for Prices {
    fn default() -> Self {
        Self { record: 12, record_full: 22, claim: 22 }
    }
}

impl Prices {
    /// What cannot be meant.
    ///
    /// # Errors
    /// Says which price, and why.
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

    /// What a record costs when so many live.
    #[must_use]
    pub fn of_record(&self, live: usize, most: usize) -> u8 {
        let half = most / 2;
        let over = live.saturating_sub(half).min(most - half);
        let range = usize::from(self.record_full - self.record.min(self.record_full));
        self.record + u8::try_from(range * over / (most - half).max(1)).unwrap_or(0)
    }
}

/// Who may come in.
#[derive(Clone)]
pub struct Doorkeeper {
    access: Access,
    tokens: Vec<[u8; 32]>,
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Doorkeeper {
    /// With tokens, one a line; empty lines and those that begin with `#` are none.
    #[must_use]
    pub fn new(access: Access, tokens: &str) -> Self {
        let lines =
            tokens.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { access, tokens: lines.map(hash).collect() }
    }

    /// What the policy says.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// How many tokens there are.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the request came with a token that is right.
    #[must_use]
    pub fn knows(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        // What is compared are hashes: how long it takes tells nothing of the token.
        token.is_some_and(|token| self.tokens.contains(&hash(token.trim())))
    }

    /// Whether it may read.
    #[must_use]
    pub fn may_read(&self, headers: &HeaderMap) -> bool {
        self.access != Access::Members || self.knows(headers)
    }

    /// Whether it may write, for work or with a token.
    #[must_use]
    pub fn may_write(&self, headers: &HeaderMap) -> bool {
        self.access == Access::Open || self.knows(headers)
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
    fn a_token_lets_in_and_nothing_else_does() {
        let keeper = Doorkeeper::new(Access::Members, "# ours\n\n secret \nother\n");
        assert_eq!(keeper.tokens(), 2);
        assert!(keeper.knows(&with("Bearer secret")) && keeper.may_write(&with("Bearer other")));
        for wrong in [
            "Bearer",
            "Bearer ",
            "secret",
            "Basic secret",
            "Bearer secre",
            "Bearer # ours",
            "bearer secret",
        ] {
            assert!(!keeper.may_read(&with(wrong)), "{wrong}");
        }

        assert!(!keeper.may_read(&HeaderMap::new()));
    }

    #[test]
    fn the_policy_says_who_needs_one() {
        let (open, writers) =
            (Doorkeeper::new(Access::Open, ""), Doorkeeper::new(Access::Writers, "t"));
        let none = HeaderMap::new();
        assert!(open.may_read(&none) && open.may_write(&none) && !open.knows(&none));
        assert!(
            writers.may_read(&none)
                && !writers.may_write(&none)
                && writers.may_write(&with("Bearer t"))
        );
    }

    #[test]
    fn the_price_rises_when_the_board_fills() {
        let prices = Prices { record: 10, record_full: 20, claim: 0 };
        let at = |live| prices.of_record(live, 1000);
        assert_eq!([0, 500, 550, 750, 1000, 5000].map(at), [10, 10, 11, 15, 20, 20]);
        assert_eq!(prices.of_record(1, 1), 20);
    }
}
