//! An input that is read as decisions: so that what is sealed or signed can be damaged in its
//! inside.

/// What is left of an input. One that is used up says zero to everything.
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

    /// Damages valid bytes in some places, or not at all.
    pub(crate) fn damage(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        loop {
            let at = |place: usize, bytes: &[u8]| place.min(bytes.len());
            match self.byte() {
                1 if !bytes.is_empty() => {
                    let place = self.number() % bytes.len();
                    bytes[place] ^= self.byte();
                }
                2 => bytes.truncate(self.number()),
                3 => {
                    let place = at(self.number(), &bytes);
                    bytes.splice(place..place, self.bytes().iter().copied());
                }
                4 => {
                    let place = at(self.number(), &bytes);
                    let end = at(place + self.number(), &bytes);
                    bytes.splice(place..end, self.bytes().iter().copied());
                }
                5 => bytes = self.bytes().to_vec(),
                _ => return bytes,
            }
        }
    }
}
