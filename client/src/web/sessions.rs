//! Which browsers were let in: a token in an address lets one browser in, once. From then on it
//! shows a cookie, which no script can read, and a key, which is sent to no other port of this
//! machine: cookies do not tell ports apart.
//!
//! Only hashes are kept, so that how long a comparison takes tells nothing.

use std::collections::VecDeque;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// How long an address lets somebody in.
const TOKEN_LIFE: Duration = Duration::from_mins(10);
/// Addresses that were not used yet; older ones are forgotten.
const MAX_TOKENS: usize = 16;
/// Browsers; older ones are forgotten.
const MAX_SESSIONS: usize = 32;

type Hash = [u8; 32];

/// The open addresses, and the browsers that came in.
#[derive(Default)]
pub(super) struct Sessions {
    tokens: VecDeque<(Hash, Instant)>,
    known: VecDeque<(Hash, Hash)>,
}

/// What a browser shows from now on.
pub(super) struct Pass {
    pub(super) cookie: String,
    pub(super) key: String,
}

impl Sessions {
    /// A token that lets one browser in.
    pub(super) fn token(&mut self) -> String {
        let token = secret();
        push(&mut self.tokens, (hash(&token), Instant::now()), MAX_TOKENS);
        token
    }

    /// Takes a token for a pass; each is good once.
    pub(super) fn enter(&mut self, token: &str) -> Option<Pass> {
        let token = hash(token);
        self.tokens.retain(|(_, made)| made.elapsed() < TOKEN_LIFE);
        let at = self.tokens.iter().position(|(known, _)| *known == token)?;
        self.tokens.remove(at);
        let pass = Pass { cookie: secret(), key: secret() };
        push(&mut self.known, (hash(&pass.cookie), hash(&pass.key)), MAX_SESSIONS);
        Some(pass)
    }

    /// Whether the two belong to one pass.
    pub(super) fn knows(&self, cookie: &str, key: &str) -> bool {
        let shown = (hash(cookie), hash(key));
        self.known.contains(&shown)
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

fn secret() -> String {
    let mut bytes = [0; 32];
    StdRng::from_os_rng().fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes)
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_once() {
        let mut sessions = Sessions::default();
        let token = sessions.token();
        assert!(sessions.enter("something else").is_none());
        let pass = sessions.enter(&token).unwrap();
        assert!(sessions.enter(&token).is_none());
        assert!(sessions.knows(&pass.cookie, &pass.key));
        let other = sessions.token();
        let other = sessions.enter(&other).unwrap();
        assert!(!sessions.knows(&pass.cookie, &other.key) && !sessions.knows(&pass.cookie, ""));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_ends_and_the_oldest_are_forgotten() {
        let mut sessions = Sessions::default();
        let (late, crowded) = (sessions.token(), sessions.token());
        tokio::time::advance(TOKEN_LIFE).await;
        assert!(sessions.enter(&late).is_none());
        let fresh: Vec<_> = (0..=MAX_TOKENS).map(|_| sessions.token()).collect();
        assert!(sessions.enter(&crowded).is_none() && sessions.enter(&fresh[0]).is_none());
        assert!(sessions.enter(&fresh[1]).is_some());
    }
}
