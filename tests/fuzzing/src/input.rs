//! An input that is read as decisions, so that bytes can be damaged before they are sealed or
//! signed. It never runs out: an empty input decides zero.

/// The rest of an input. When it is used up, every byte is zero.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Bytes of a length that stands before them, or all that are left.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(self.number().min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Damages valid bytes in some positions, or not at all.
    pub(crate) fn damage(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        loop {
            match self.byte() {
                1 if !bytes.is_empty() => self.flip(&mut bytes),
                2 => bytes.truncate(self.number()),
                3 => self.insert(&mut bytes),
                4 => self.replace(&mut bytes),
                5 => bytes = self.bytes().to_vec(),
                _ => return bytes,
            }
        }
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        let at = self.number() % bytes.len();
        bytes[at] ^= self.byte();
    }

    fn insert(&mut self, bytes: &mut Vec<u8>) {
        let at = self.number().min(bytes.len());
        bytes.splice(at..at, self.bytes().iter().copied());
    }

    fn replace(&mut self, bytes: &mut Vec<u8>) {
        let start = self.number().min(bytes.len());
        let end = (start + self.number()).min(bytes.len());
        bytes.splice(start..end, self.bytes().iter().copied());
    }
}
