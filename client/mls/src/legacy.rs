//! Reads what earlier versions stored: one blob for each conversation, a map of JSON values. A key
//! of the map is a label, a name in JSON and a version.

use minicbor::bytes::ByteVec;

use super::error::StorageError;
use super::secret_bytes::SecretBytes;

#[derive(minicbor::Decode)]
#[cbor(map)]
struct Blob {
    #[n(3)]
    values: Vec<(ByteVec, ByteVec)>,
}

pub(crate) fn values(blob: &[u8]) -> Result<Vec<(String, SecretBytes)>, StorageError> {
    let Blob { values } = minicbor::decode(blob)?;
    let value = |(key, value): (ByteVec, ByteVec)| {
        let key = self::key(&key).ok_or_else(|| StorageError::Missing("a key".to_owned()))?;
        Ok((key, Vec::from(value).into()))
    };
    values.into_iter().map(value).collect()
}

/// Whether a value comes from a blob and was not read since. Reading one writes it in the
/// present form.
pub(crate) fn is_json(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii)
}

/// The present key for a key of a blob.
fn key(old: &[u8]) -> Option<String> {
    let old = str::from_utf8(old.get(..old.len().checked_sub(2)?)?).ok()?;
    let (label, id) = old.split_at(old.find(|letter: char| !letter.is_ascii_alphabetic())?);
    Some(match label {
        "KeyPackage" => format!("{label}.{id}"),
        // The name is that of the group, the epoch, and a leaf of one digit.
        "EpochKeyPairs" => {
            let (_, numbers) = id.rsplit_once('}')?;
            format!("{label}.{}", numbers.get(..numbers.len().checked_sub(1)?)?)
        }
        _ => label.to_owned(),
    })
}
