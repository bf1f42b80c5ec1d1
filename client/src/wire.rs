//! What two clients say to each other. Everything that crosses a wire is defined here and in
//! [`crate::link`], byte for byte as in `client/PROTOCOL.md`.
//!
//! Bodies are CBOR (RFC 8949) maps with small integer keys. Each kind of body has a struct of its
//! own, named after its map, whose fields are optional only where the protocol says so. Unknown
//! keys are ignored.

pub mod card;
pub(crate) mod digest;
pub mod envelope;
pub mod frame;
mod kind;
pub mod message;
pub mod restart;

use minicbor::{Decode, Decoder, Encode};

use self::kind::{Kind, kind_of};

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
        /// Which field.
        what: &'static str,
        /// In bytes or entries.
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
fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

/// Decodes exactly one value: nothing may follow it.
fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, WireError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;

    if decoder.position() != bytes.len() {
        return Err(WireError::Malformed("trailing bytes".into()));
    }
    Ok(value)
}

/// Refuses a field that has more bytes or entries than its limit.
fn within(what: &'static str, length: usize, limit: usize) -> Result<(), WireError> {
    if length > limit {
        return Err(WireError::TooLarge { what, limit });
    }
    Ok(())
}

/// Refuses a revision that the store, whose integers are signed, cannot hold.
fn check_revision(revision: u64) -> Result<(), WireError> {
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

/// Compares bytes with those kept in `client/golden/NAME.hex`. With `UPDATE_GOLDEN=1` it writes
/// them: a changed file is a changed protocol.
#[cfg(test)]
pub(crate) fn golden(name: &str, bytes: &[u8]) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.hex"));
    let hex = data_encoding::HEXLOWER.encode(bytes);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{hex}\n")).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept.trim(), hex, "the bytes of {name} changed");
}

#[cfg(test)]
mod tests;
