//! The formats that two clients exchange. Everything that crosses a wire is defined here and in
//! [`crate::link`], byte for byte as in `client/PROTOCOL.md`.
//!
//! Bodies are CBOR (RFC 8949) maps with small integer keys. Each kind of body has a struct of its
//! own, named after its map, whose fields are optional only where the protocol says so. Unknown
//! keys are ignored.

pub mod card;
mod codec;
pub(crate) mod digest;
pub mod envelope;
pub mod frame;
mod kind;
pub mod message;
pub mod restart;

pub use codec::WireError;
pub(crate) use codec::{PAD_PREFIX, pad, unpad};

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
