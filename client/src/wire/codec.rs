//! Encodes and decodes bodies, and says why one is refused. Lengths are checked before anything is
//! kept.

use minicbor::{Decode, Decoder, Encode};

/// Why bytes from outside are refused.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not the CBOR that was expected, or something follows it.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A required field is missing.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field over its limit.
    #[error("{what} is over its limit of {limit}")]
    TooLarge {
        /// The name of the field.
        what: &'static str,
        /// The limit, in bytes or entries.
        limit: usize,
    },
    /// A number outside the range that its field allows.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// A version that is not spoken here.
    #[error("version {0} is not spoken here")]
    Version(u8),
    /// A seal that does not open.
    #[error("not sealed for us, or damaged")]
    Sealed,
}

impl From<minicbor::decode::Error> for WireError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Encodes a value. Writing to memory cannot fail.
pub(super) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

/// Decodes exactly one value: nothing may follow it.
pub(super) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, WireError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;

    if decoder.position() != bytes.len() {
        return Err(WireError::Malformed("trailing bytes".into()));
    }
    Ok(value)
}

/// Refuses a field that has more bytes or entries than its limit.
pub(super) fn within(what: &'static str, length: usize, limit: usize) -> Result<(), WireError> {
    if length > limit {
        return Err(WireError::TooLarge { what, limit });
    }
    Ok(())
}

/// Refuses a revision that the store, whose integers are signed, cannot hold.
pub(super) fn check_revision(revision: u64) -> Result<(), WireError> {
    if revision > i64::MAX.unsigned_abs() {
        return Err(WireError::OutOfRange("revision"));
    }
    Ok(())
}

/// `size` bytes: the length of `body` as a big-endian `u32`, `body`, zeros.
pub(crate) fn pad(body: &[u8], size: usize) -> Vec<u8> {
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    padded.extend_from_slice(body);
    padded.resize(size, 0);
    padded
}

/// The body of what [`pad`] made. Bytes after the body are ignored.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], WireError> {
    let malformed = || WireError::Malformed("length beyond the padding".into());
    let (length, rest) = padded.split_first_chunk::<4>().ok_or_else(malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| malformed())?;
    rest.get(..length).ok_or_else(malformed)
}

/// The length prefix of [`pad`].
pub(crate) const PAD_PREFIX: usize = 4;
