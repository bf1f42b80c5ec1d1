//! The storage that openmls reads and writes: holds the values of one conversation in memory, and
//! records which of them changed. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};

use minicbor::bytes::{ByteSlice, ByteVec};
use minicbor::data::Type;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::StorageError;
use super::legacy;
use super::parts::{join, split};
use super::secret_bytes::SecretBytes;
use super::value::{Value, to_value};

/// What changed in the state of a conversation. It belongs in the transaction of whatever was
/// sealed or opened.
#[derive(Default)]
pub struct Changes {
    /// New values, each of which replaces the value under the same key, if there is one.
    pub put: Vec<(String, SecretBytes)>,
    /// Keys to be deleted with their values.
    pub removed: Vec<String>,
}

impl Changes {
    /// True if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }
}

/// The key of the secrets of messages, which with their parts are most of the state. openmls reads
/// them only when it loads a group.
const SECRETS: &str = "MessageSecrets";

/// Enough of a value to tell whether another one is the same.
#[derive(PartialEq, Eq)]
struct Digest {
    hash: u64,
    length: usize,
}

impl Digest {
    fn of(value: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(value);
        Self { hash: hasher.finish(), length: value.len() }
    }
}

/// A value in memory, or only its digest where openmls does not read it again.
enum Entry {
    Whole(SecretBytes),
    Digest(Digest),
}

impl Entry {
    fn is(&self, value: &[u8]) -> bool {
        match self {
            Self::Whole(own) => **own == *value,
            Self::Digest(own) => *own == Digest::of(value),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Whole(own) => own.len(),
            Self::Digest(own) => own.length,
        }
    }

    fn whole(&self) -> Option<&SecretBytes> {
        match self {
            Self::Whole(own) => Some(own),
            Self::Digest(_) => None,
        }
    }
}

#[derive(Default)]
struct Values {
    kept: BTreeMap<String, Entry>,
    /// The keys whose values changed, and whether each had a value before.
    changed: BTreeMap<String, bool>,
}

impl Values {
    fn put(&mut self, key: &str, value: Zeroizing<Vec<u8>>) {
        if !self.kept.get(key).is_some_and(|kept| kept.is(&value)) {
            self.replace(key, Some(Entry::Whole(SecretBytes::from(value))));
        }
    }

    fn replace(&mut self, key: &str, value: Option<Entry>) {
        let before = self.kept.remove(key).is_some();
        self.kept.extend(value.map(|value| (key.to_owned(), value)));
        self.changed.entry(key.to_owned()).or_insert(before);
    }

    /// The keys of a value's parts.
    fn parts(&self, key: &str) -> impl Iterator<Item = &String> {
        let prefix = format!("{key}/");
        let from = self.kept.range(prefix.clone()..);
        from.map(|(key, _)| key).take_while(move |key| key.starts_with(&prefix))
    }

    fn whole(&self, key: &str) -> Result<&SecretBytes, StorageError> {
        self.kept
            .get(key)
            .and_then(Entry::whole)
            .ok_or_else(|| StorageError::Missing(key.to_owned()))
    }

    fn tree(&self, key: &str) -> Result<Value<'_>, StorageError> {
        Ok(Value::from_bytes(self.whole(key)?)?)
    }

    /// Replaces secrets that are stored by their digests: they are not read again, and need not
    /// stay in memory.
    fn forget_secrets(&mut self) {
        let secrets = self
            .kept
            .range_mut(SECRETS.to_owned()..)
            .take_while(|(key, _)| key.starts_with(SECRETS));
        for (_, kept) in secrets.filter(|(key, _)| !self.changed.contains_key(*key)) {
            if let Entry::Whole(value) = kept {
                *kept = Entry::Digest(Digest::of(value));
            }
        }
    }
}

/// The storage of one conversation. It holds one group and one signature key, so that the keys of
/// values do not need to name them.
#[derive(Default)]
pub(crate) struct Storage(RwLock<Values>);

impl Storage {
    /// Holds values as they were stored.
    pub(crate) fn new(kept: impl IntoIterator<Item = (String, SecretBytes)>) -> Self {
        let kept = kept.into_iter().map(|(key, value)| (key, Entry::Whole(value))).collect();
        Self(RwLock::new(Values { kept, changed: BTreeMap::new() }))
    }

    /// Holds the values of a blob, all of them as changes. It is from [`Storage::to_blob`], or a
    /// whole conversation or draft of an earlier version.
    pub(crate) fn from_blob(blob: &[u8]) -> Result<Self, StorageError> {
        let kept = if minicbor::Decoder::new(blob).datatype()? == Type::Map {
            legacy::values(blob)?
        } else {
            let values: Vec<(String, ByteVec)> = minicbor::decode(blob)?;
            values.into_iter().map(|(key, value)| (key, Vec::from(value).into())).collect()
        };
        let storage = Self::new(kept);
        let changed = storage.values().kept.keys().map(|key| (key.clone(), false)).collect();
        storage.values_mut().changed = changed;
        Ok(storage)
    }

    /// Everything in one blob.
    pub(crate) fn to_blob(&self) -> Result<Vec<u8>, StorageError> {
        let values = self.values();
        let keys = values.kept.keys();
        let all = keys.map(|key| Ok((key, <&ByteSlice>::from(&**values.whole(key)?))));
        Ok(minicbor::to_vec(all.collect::<Result<Vec<_>, StorageError>>()?)?)
    }

    /// Takes what changed since the last call.
    pub(crate) fn take_changes(&self) -> Changes {
        let mut values = self.values_mut();
        let mut changes = Changes::default();
        for (key, before) in std::mem::take(&mut values.changed) {
            match values.whole(&key) {
                Ok(value) => changes.put.push((key, value.clone())),
                Err(_) if before => changes.removed.push(key),
                Err(_) => {}
            }
        }
        values.forget_secrets();
        changes
    }

    /// The size of all keys and values in bytes.
    pub(crate) fn size(&self) -> usize {
        self.values().kept.iter().map(|(key, kept)| key.len() + kept.len()).sum()
    }

    // The maps stay whole if another thread panics.
    fn values(&self) -> RwLockReadGuard<'_, Values> {
        self.0.read()
    }

    fn values_mut(&self) -> RwLockWriteGuard<'_, Values> {
        self.0.write()
    }

    fn write<V: Serialize + ?Sized>(&self, key: &str, value: &V) -> Result<(), StorageError> {
        let parts = split(key, to_value(value)?);

        let mut values = self.values_mut();
        let current: BTreeSet<&str> = parts.iter().map(|(key, _)| key.as_str()).collect();
        let old: Vec<_> =
            values.parts(key).filter(|key| !current.contains(key.as_str())).cloned().collect();
        for key in &old {
            values.replace(key, None);
        }
        for (key, part) in &parts {
            values.put(key, part.to_bytes()?);
        }
        Ok(())
    }

    fn read<V: Serialize + DeserializeOwned>(&self, key: &str) -> Result<Option<V>, StorageError> {
        let values = self.values();
        if !values.kept.contains_key(key) {
            return Ok(None);
        }
        let kept = values.whole(key)?;
        if legacy::is_json(kept) {
            let value = serde_json::from_slice(kept)?;
            drop(values);
            self.write(key, &value)?;
            return Ok(Some(value));
        }

        let mut tree = values.tree(key)?;
        join(key, &mut tree, &|part| values.tree(part))?;
        let value = V::deserialize(tree)?;
        drop(values);
        if key == SECRETS {
            self.values_mut().forget_secrets();
        }
        Ok(Some(value))
    }

    fn remove(&self, key: &str) {
        let mut values = self.values_mut();
        let all: Vec<_> = values.parts(key).cloned().chain([key.to_owned()]).collect();
        for key in &all {
            values.replace(key, None);
        }
    }
}

/// The key of a value of which there may be several, by its name in openmls.
fn keyed(label: &str, id: &impl Serialize) -> Result<String, StorageError> {
    Ok(format!("{label}.{}", serde_json::to_string(id)?))
}

/// The functions that write, read and delete a value of which there is one, and its key.
macro_rules! values {
    ($($write:ident, $read:ident, $delete:ident: $Key:ident => $Value:ident, $label:expr;)*) => { $(
        fn $write<K: traits::$Key<CURRENT_VERSION>, V: traits::$Value<CURRENT_VERSION>>(
            &self,
            _: &K,
            value: &V,
        ) -> Result<(), StorageError> {
            self.write($label, value)
        }

        fn $read<K: traits::$Key<CURRENT_VERSION>, V: traits::$Value<CURRENT_VERSION>>(
            &self,
            _: &K,
        ) -> Result<Option<V>, StorageError> {
            self.read($label)
        }

        fn $delete<K: traits::$Key<CURRENT_VERSION>>(&self, _: &K) -> Result<(), StorageError> {
            self.remove($label);
            Ok(())
        }
    )* };
}

impl StorageProvider<CURRENT_VERSION> for Storage {
    type Error = StorageError;

    values! {
        write_mls_join_config, mls_group_join_config, delete_group_config:
            GroupId => MlsGroupJoinConfig, "MlsGroupJoinConfig";
        write_tree, tree, delete_tree: GroupId => TreeSync, "Tree";
        write_context, group_context, delete_context: GroupId => GroupContext, "GroupContext";
        write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash:
            GroupId => InterimTranscriptHash, "InterimTranscriptHash";
        write_confirmation_tag, confirmation_tag, delete_confirmation_tag:
            GroupId => ConfirmationTag, "ConfirmationTag";
        write_message_secrets, message_secrets, delete_message_secrets:
            GroupId => MessageSecrets, SECRETS;
        write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets:
            GroupId => ResumptionPskStore, "ResumptionPsk";
        write_own_leaf_index, own_leaf_index, delete_own_leaf_index:
            GroupId => LeafNodeIndex, "OwnLeafNodeIndex";
        write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets:
            GroupId => GroupEpochSecrets, "EpochSecrets";
        write_signature_key_pair, signature_key_pair, delete_signature_key_pair:
            SignaturePublicKey => SignatureKeyPair, "SignatureKeyPair";
    }

    fn write_group_state<
        V: traits::GroupState<CURRENT_VERSION>,
        K: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        state: &V,
    ) -> Result<(), StorageError> {
        self.write("GroupState", state)
    }

    fn group_state<V: traits::GroupState<CURRENT_VERSION>, K: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<Option<V>, StorageError> {
        self.read("GroupState")
    }

    fn delete_group_state<K: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<(), StorageError> {
        self.remove("GroupState");
        Ok(())
    }

    // While a commit is merged, there are those of two epochs.

    fn write_encryption_epoch_key_pairs<
        K: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        epoch: &E,
        _leaf: u32,
        pairs: &[V],
    ) -> Result<(), StorageError> {
        self.write(&keyed("EpochKeyPairs", epoch)?, pairs)
    }

    fn encryption_epoch_key_pairs<
        K: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        epoch: &E,
        _leaf: u32,
    ) -> Result<Vec<V>, StorageError> {
        Ok(self.read(&keyed("EpochKeyPairs", epoch)?)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<
        K: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        epoch: &E,
        _leaf: u32,
    ) -> Result<(), StorageError> {
        self.remove(&keyed("EpochKeyPairs", epoch)?);
        Ok(())
    }

    // A welcome may name several, of which only ours must be found.

    fn write_key_package<
        K: traits::HashReference<CURRENT_VERSION>,
        V: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        reference: &K,
        package: &V,
    ) -> Result<(), StorageError> {
        self.write(&keyed("KeyPackage", reference)?, package)
    }

    fn key_package<
        K: traits::HashReference<CURRENT_VERSION>,
        V: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        reference: &K,
    ) -> Result<Option<V>, StorageError> {
        self.read(&keyed("KeyPackage", reference)?)
    }

    fn delete_key_package<K: traits::HashReference<CURRENT_VERSION>>(
        &self,
        reference: &K,
    ) -> Result<(), StorageError> {
        self.remove(&keyed("KeyPackage", reference)?);
        Ok(())
    }

    // Chive's commits are without proposals and without shared secrets from elsewhere.

    fn append_own_leaf_node<
        K: traits::GroupId<CURRENT_VERSION>,
        V: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unused("proposed leaves"))
    }

    fn own_leaf_nodes<K: traits::GroupId<CURRENT_VERSION>, V: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<Vec<V>, StorageError> {
        Ok(vec![])
    }

    fn delete_own_leaf_nodes<K: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn queue_proposal<
        K: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        V: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        _: &R,
        _: &V,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unused("proposals"))
    }

    fn queued_proposal_refs<
        K: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
    ) -> Result<Vec<R>, StorageError> {
        Ok(vec![])
    }

    fn queued_proposals<
        K: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        V: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
    ) -> Result<Vec<(R, V)>, StorageError> {
        Ok(vec![])
    }

    fn remove_proposal<
        K: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        _: &R,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn clear_proposal_queue<
        K: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn write_encryption_key_pair<
        K: traits::EncryptionKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unused("single encryption keys"))
    }

    fn encryption_key_pair<
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
        K: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
    ) -> Result<Option<V>, StorageError> {
        Ok(None)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn write_psk<K: traits::PskId<CURRENT_VERSION>, V: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unused("shared secrets"))
    }

    fn psk<V: traits::PskBundle<CURRENT_VERSION>, K: traits::PskId<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<Option<V>, StorageError> {
        Ok(None)
    }

    fn delete_psk<K: traits::PskId<CURRENT_VERSION>>(&self, _: &K) -> Result<(), StorageError> {
        Ok(())
    }
}
