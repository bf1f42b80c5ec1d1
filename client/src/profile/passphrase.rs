//! A passphrase in memory: never printed, and wiped when it is dropped.

use zeroize::Zeroizing;

/// A passphrase. It does not print, and is wiped on drop.
#[derive(Clone)]
pub struct Passphrase(pub(super) Zeroizing<String>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Passphrase {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// An empty passphrase protects nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
