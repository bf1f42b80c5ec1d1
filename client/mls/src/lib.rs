//! End-to-end encryption: one MLS group (RFC 9420) for each conversation of two.
//!
//! X-Wing, ChaCha20-Poly1305, SHA-256, Ed25519. The inviter creates the group (leaf 0), the opener
//! joins it (leaf 1). Only the member whose leaf index equals `epoch % 2` may commit, and it merges
//! its commit only after the other has acknowledged it; so the two can never fork.
//!
//! This crate does no I/O. A [`Conversation`] is loaded from values, each under its key, and
//! reports which of them changed. The caller writes the changes in the same transaction as whatever
//! it sealed or opened.

mod error;
mod legacy;
mod parts;
mod secret_bytes;
mod storage;
mod value;

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::*;
use openmls_basic_credential::SignatureKeyPair;
use openmls_libcrux_crypto::CryptoProvider;
use openmls_traits::OpenMlsProvider;
use rand::CryptoRng;
use zeroize::Zeroizing;

pub use error::MlsError;
use error::{state, unreadable};
pub use secret_bytes::SecretBytes;
pub use storage::Changes;
use storage::Storage;

const SUITE: Ciphersuite = Ciphersuite::MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519;
const LABEL_PAIR: &str = "chive/v1/pair";
/// The life of a key package, in seconds: an invitation's request may wait for a year.
pub const KEY_PACKAGE_LIFE: u64 = 365 * 24 * 3600;
/// The two clocks may differ by so many seconds.
const CLOCK_TOLERANCE: u64 = 30 * 24 * 3600;
/// How many past epochs are kept, so that late messages of them can still be opened. A message may
/// travel for seven days on other people's devices. An epoch lasts six hours or longer, so at most
/// 29 epochs begin in that time.
pub const PAST_EPOCHS: usize = 32;
/// How many messages of one epoch may be on their way at once and arrive in any order: the receiver
/// skips up to this many generations of the sender's ratchet, and keeps the keys that it skipped.
/// What other people's devices carry is not acknowledged for days, and the sender goes on sealing
/// messages and receipts: one every 21 seconds for a whole day makes 4,096. The window must also be
/// wider than any gap of receipts that were lost with their link, because nothing opens beyond a
/// wider one until the next epoch. To skip them all takes the receiver some milliseconds.
pub const WINDOW: u32 = 4_096;
/// The largest state of one conversation, in bytes. Without skipped messages, 32 past epochs take
/// 123 KB; the rest is room for the keys of 6,700 skipped messages. If a contact skips more than
/// that, the oldest epochs are forgotten.
pub const MAX_STATE: usize = 512 * 1024;
/// The largest leaf that a member may have in the tree, in bytes. A leaf of ours has 1.4 KB, and
/// every past epoch holds what it says of both members.
const MAX_LEAF: usize = 2 * 1024;

/// The secret that links and envelopes of a pair are made from: exported once, in epoch 1, and
/// kept, because it cannot be exported again.
pub type PairSecret = Zeroizing<[u8; 32]>;

/// What an opened envelope held.
pub enum Opened {
    /// The bytes that [`Conversation::seal`] was given.
    Content(Vec<u8>),
    /// A commit, merged. Send this receipt, which is sealed in the epoch that the commit ended.
    Commit {
        /// The epoch that the commit ended.
        epoch: u64,
        /// An MLS message with the content given to [`Conversation::open`].
        receipt: Vec<u8>,
    },
}

struct Provider {
    crypto: CryptoProvider,
    storage: Storage,
}

impl Provider {
    fn new(storage: Storage) -> Result<Self, MlsError> {
        Ok(Self { crypto: CryptoProvider::new().map_err(|e| state(format!("{e:?}")))?, storage })
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = CryptoProvider;
    type RandProvider = CryptoProvider;
    type StorageProvider = Storage;

    fn storage(&self) -> &Storage {
        &self.storage
    }

    fn crypto(&self) -> &CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &CryptoProvider {
        &self.crypto
    }
}

/// The signature key. A storage holds one, and does not ask for its name.
fn signer(provider: &Provider) -> Result<SignatureKeyPair, MlsError> {
    SignatureKeyPair::read(provider.storage(), &[], SUITE.signature_algorithm())
        .ok_or_else(|| state("no signature key"))
}

/// A random name, which says nothing about who holds it.
fn random_name(rng: &mut dyn CryptoRng) -> [u8; 16] {
    let mut name = [0; 16];
    rng.fill_bytes(&mut name);
    name
}

/// A fresh signature key under a name.
fn fresh_credential(
    provider: &Provider,
    name: &[u8],
) -> Result<(SignatureKeyPair, CredentialWithKey), MlsError> {
    let signer =
        SignatureKeyPair::new(SUITE.signature_algorithm()).map_err(|e| state(format!("{e:?}")))?;
    signer.store(provider.storage()).map_err(state)?;
    let credential = BasicCredential::new(name.to_vec()).into();
    let signature_key = signer.to_public_vec().into();
    Ok((signer, CredentialWithKey { credential, signature_key }))
}

fn capabilities() -> Capabilities {
    Capabilities::new(None, Some(&[SUITE]), None, None, None)
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(WINDOW, WINDOW))
        .build()
}

/// Refuses what would make the state of a conversation large.
fn check_leaf(leaf: &LeafNode) -> Result<(), MlsError> {
    match leaf.tls_serialized_len() {
        0..=MAX_LEAF => Ok(()),
        _ => Err(unreadable("a leaf that is too large")),
    }
}

/// What an opener keeps until its request is accepted.
pub struct Draft {
    /// The private state, to be stored.
    pub blob: Vec<u8>,
    /// What goes to the inviter.
    pub key_package: Vec<u8>,
}

impl Draft {
    /// A key package of its own for one request. `now`: Unix seconds.
    pub fn new(now: u64, rng: &mut dyn CryptoRng) -> Result<Self, MlsError> {
        Self::with_name(now, &random_name(rng))
    }

    /// A key package with any name in its credential.
    #[cfg(feature = "testing")]
    pub fn named(now: u64, name: &[u8]) -> Result<Self, MlsError> {
        Self::with_name(now, name)
    }

    fn with_name(now: u64, name: &[u8]) -> Result<Self, MlsError> {
        let provider = Provider::new(Storage::default())?;
        let (signer, credential) = fresh_credential(&provider, name)?;
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(Lifetime::init(
                now.saturating_sub(CLOCK_TOLERANCE),
                now + KEY_PACKAGE_LIFE,
            ))
            .build(SUITE, &provider, &signer, credential)
            .map_err(state)?;
        let key_package = MlsMessageOut::from(bundle.into_key_package())
            .tls_serialize_detached()
            .map_err(state)?;
        Ok(Self { blob: provider.storage.to_blob().map_err(state)?, key_package })
    }
}

/// One conversation's MLS state.
pub struct Conversation {
    provider: Provider,
    signer: SignatureKeyPair,
    group: MlsGroup,
}

impl Conversation {
    /// Creates the group with the owner of a key package. Gives the welcome for it, too.
    pub fn create(
        key_package: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>, PairSecret), MlsError> {
        Self::create_as(key_package, &random_name(rng), Extensions::empty())
    }

    /// Creates a group that is larger than it needs to be: with a name and an extension of these
    /// sizes.
    #[cfg(feature = "testing")]
    pub fn create_large(
        key_package: &[u8],
        name: usize,
        extension: usize,
    ) -> Result<Vec<u8>, MlsError> {
        let mut context = Extensions::empty();
        if extension > 0 {
            let credential = BasicCredential::new(vec![0; extension]).into();
            let sender = ExternalSender::new(vec![0; 32].into(), credential);
            context.add(Extension::ExternalSenders(vec![sender])).map_err(state)?;
        }
        let (_, welcome, _) = Self::create_as(key_package, &vec![0; name], context)?;
        Ok(welcome)
    }

    fn create_as(
        key_package: &[u8],
        name: &[u8],
        context: Extensions<GroupContext>,
    ) -> Result<(Self, Vec<u8>, PairSecret), MlsError> {
        let provider = Provider::new(Storage::default())?;
        let message = MlsMessageIn::tls_deserialize_exact(key_package).map_err(unreadable)?;
        let MlsMessageBodyIn::KeyPackage(key_package) = message.extract() else {
            return Err(unreadable("not a key package"));
        };

        let key_package =
            key_package.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(unreadable)?;
        if key_package.ciphersuite() != SUITE {
            return Err(unreadable("another ciphersuite"));
        }

        check_leaf(key_package.leaf_node())?;
        let (signer, credential) = fresh_credential(&provider, name)?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(capabilities())
            .with_group_context_extensions(context)
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(PAST_EPOCHS)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(WINDOW, WINDOW))
            .build();
        let mut group = MlsGroup::new(&provider, &signer, &config, credential).map_err(state)?;
        let (_, welcome, _) =
            group.add_members(&provider, &signer, &[key_package]).map_err(unreadable)?;

        group.merge_pending_commit(&provider).map_err(state)?;
        let welcome = welcome.tls_serialize_detached().map_err(state)?;
        let conversation = Self { provider, signer, group };
        let pair = conversation.export_pair_secret()?;

        Ok((conversation, welcome, pair))
    }

    /// Joins the group that a welcome is for.
    pub fn join(draft: &[u8], welcome: &[u8]) -> Result<(Self, PairSecret), MlsError> {
        let provider = Provider::new(Storage::from_blob(draft).map_err(state)?)?;
        let signer = signer(&provider)?;
        let message = MlsMessageIn::tls_deserialize_exact(welcome).map_err(unreadable)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(unreadable("not a welcome"));
        };

        let group = StagedWelcome::build_from_welcome(&provider, &join_config(), welcome)
            .map_err(unreadable)?
            .skip_lifetime_validation()
            .build()
            .map_err(unreadable)?
            .into_group(&provider)
            .map_err(unreadable)?;
        let two = group.members().count() == 2 && group.own_leaf_index().u32() == 1;

        // Every message writes the extensions of the group, if there are any.
        let plain = group.extensions().iter().next().is_none();
        if group.ciphersuite() != SUITE || group.epoch().as_u64() != 1 || !two || !plain {
            return Err(unreadable("not a fresh conversation of two"));
        }

        group.public_group().leaf(LeafNodeIndex::new(0)).map_or(Ok(()), check_leaf)?;
        let conversation = Self { provider, signer, group };
        let pair = conversation.export_pair_secret()?;

        Ok((conversation, pair))
    }

    /// Loads a conversation from everything that its changes left in the store.
    pub fn load(values: impl IntoIterator<Item = (String, SecretBytes)>) -> Result<Self, MlsError> {
        Self::from_storage(Storage::new(values))
    }

    /// Loads a conversation from the single blob that earlier versions kept. All of it counts as
    /// changed.
    pub fn load_blob(blob: &[u8]) -> Result<Self, MlsError> {
        Self::from_storage(Storage::from_blob(blob).map_err(state)?)
    }

    fn from_storage(storage: Storage) -> Result<Self, MlsError> {
        let provider = Provider::new(storage)?;
        let signer = signer(&provider)?;
        // A storage holds one group, and does not ask for its name.
        let group = MlsGroup::load(provider.storage(), &GroupId::from_slice(&[])).map_err(state)?;
        let mut group = group.ok_or_else(|| state("no group"))?;
        let config = join_config();
        if *group.configuration() != config {
            group.set_configuration(provider.storage(), &config).map_err(state)?;
        }
        Ok(Self { provider, signer, group })
    }

    /// Takes what changed since the last call, or since the conversation was loaded; everything if
    /// it is new. If the changes cannot be written, the conversation must be dropped and loaded
    /// again.
    pub fn take_changes(&mut self) -> Changes {
        self.provider.storage.take_changes()
    }

    /// The size of the whole state in bytes. Opening a message leaves at most [`MAX_STATE`].
    #[must_use]
    pub fn size(&self) -> usize {
        self.provider.storage.size()
    }

    /// Forgets the oldest epochs, half of them at a time, until the state is small enough.
    fn limit_state(&mut self) -> Result<(), MlsError> {
        let mut epochs = PAST_EPOCHS;
        while self.size() > MAX_STATE && epochs > 0 {
            epochs /= 2;
            let oldest =
                PastEpochDeletion::before_timestamp(std::time::UNIX_EPOCH).max_past_epochs(epochs);
            self.group.delete_past_epoch_secrets(&self.provider, oldest).map_err(state)?;
        }
        Ok(())
    }

    fn export_pair_secret(&self) -> Result<PairSecret, MlsError> {
        let secret = Zeroizing::new(
            self.group.export_secret(self.provider.crypto(), LABEL_PAIR, &[], 32).map_err(state)?,
        );
        let mut pair = Zeroizing::new([0; 32]);
        pair.copy_from_slice(&secret);
        Ok(pair)
    }

    /// Names the group: random, another for each conversation.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn group_id(&self) -> Vec<u8> {
        self.group.group_id().to_vec()
    }

    /// The epoch: 1 at the beginning, one more with each commit.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    /// Whether we may commit: it is our turn, and no commit of ours is on its way.
    #[must_use]
    pub fn may_commit(&self) -> bool {
        self.turn() == self.group.own_leaf_index().u32() && self.group.pending_commit().is_none()
    }

    /// What both sides must agree on: the epoch, and a secret of it.
    #[cfg(feature = "testing")]
    pub fn agreement(&self) -> Result<(u64, Vec<u8>), MlsError> {
        Ok((
            self.epoch(),
            self.group.export_secret(self.provider.crypto(), "test", &[], 32).map_err(state)?,
        ))
    }

    fn turn(&self) -> u32 {
        u32::from(self.epoch() % 2 == 1)
    }

    /// Seals a content's bytes.
    pub fn seal(&mut self, content: &[u8]) -> Result<Vec<u8>, MlsError> {
        let message =
            self.group.create_message(&self.provider, &self.signer, content).map_err(state)?;
        message.tls_serialize_detached().map_err(state)
    }

    /// Replaces our keys, so that stolen ones are worth nothing any more. The commit must be sent,
    /// the same bytes, until its receipt comes.
    pub fn commit(&mut self) -> Result<Vec<u8>, MlsError> {
        if self.may_commit() { self.make_commit() } else { Err(MlsError::IllegalCommit) }
    }

    fn make_commit(&mut self) -> Result<Vec<u8>, MlsError> {
        let bundle = self
            .group
            .self_update(&self.provider, &self.signer, LeafNodeParameters::default())
            .map_err(state)?;
        bundle.into_commit().tls_serialize_detached().map_err(state)
    }

    /// What somebody does who keeps to no rule.
    #[cfg(feature = "testing")]
    pub fn commit_out_of_turn(&mut self) -> Result<Vec<u8>, MlsError> {
        self.make_commit()
    }

    /// Makes a commit that changes our name.
    #[cfg(feature = "testing")]
    pub fn commit_with_name(&mut self, name: Vec<u8>) -> Result<Vec<u8>, MlsError> {
        let credential = BasicCredential::new(name).into();
        let signature_key = self.signer.to_public_vec().into();
        let leaf = LeafNodeParameters::builder()
            .with_credential_with_key(CredentialWithKey { credential, signature_key })
            .build();
        let bundle = self.group.self_update(&self.provider, &self.signer, leaf).map_err(state)?;
        bundle.into_commit().tls_serialize_detached().map_err(state)
    }

    /// The other has merged our commit of this epoch: so do we. False when there is none.
    pub fn commit_receipted(&mut self, epoch: u64) -> Result<bool, MlsError> {
        if self.epoch() != epoch || self.group.pending_commit().is_none() {
            return Ok(false);
        }
        self.group.merge_pending_commit(&self.provider).map_err(state)?;
        Ok(true)
    }

    /// Opens an MLS message. A commit is merged, after `receipt` (a content's bytes for an epoch)
    /// was sealed in the epoch that it ends.
    pub fn open(
        &mut self,
        message: &[u8],
        receipt: impl FnOnce(u64) -> Vec<u8>,
    ) -> Result<Opened, MlsError> {
        let message = MlsMessageIn::tls_deserialize_exact(message).map_err(unreadable)?;
        let message = message.try_into_protocol_message().map_err(unreadable)?;
        let (epoch, own) = (message.epoch().as_u64(), self.epoch());
        if message.group_id() != self.group.group_id() {
            return Err(MlsError::OtherGroup);
        }

        // The other is ahead by our one commit on its way, or not at all.
        if epoch == own + 1 && self.group.pending_commit().is_some() {
            return Err(MlsError::LaterEpoch);
        }

        if epoch > own {
            return Err(unreadable("an epoch that cannot be"));
        }

        if message.content_type() == ContentType::Commit {
            if epoch < own {
                return Err(MlsError::StaleCommit(epoch));
            }
            if self.turn() == self.group.own_leaf_index().u32() {
                return Err(MlsError::IllegalCommit);
            }
        }

        let processed = self.group.process_message(&self.provider, message).map_err(unreadable)?;
        let opened = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => {
                Opened::Content(content.into_bytes())
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                if commit.queued_proposals().next().is_some() {
                    return Err(MlsError::IllegalCommit);
                }
                commit.update_path_leaf_node().map_or(Ok(()), check_leaf)?;
                let receipt = self.seal(&receipt(epoch))?;
                self.group.merge_staged_commit(&self.provider, *commit).map_err(unreadable)?;
                Opened::Commit { epoch, receipt }
            }
            _ => return Err(unreadable("neither a content nor a commit")),
        };
        self.limit_state()?;

        Ok(opened)
    }
}
