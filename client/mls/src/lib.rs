//! End-to-end encryption: one MLS group (RFC 9420) for each conversation of two.
//!
//! X-Wing, ChaCha20-Poly1305, SHA-256, Ed25519. The inviter creates the group (leaf 0), the opener
//! joins it (leaf 1). Only the member whose leaf index equals `epoch % 2` may commit, and it merges
//! its commit only after the other has acknowledged it; so the two can never fork.
//!
//! This crate does no I/O. A [`Conversation`] is loaded from a blob and saved to one; the blob must
//! be written in the same transaction as whatever was sealed or opened with it.

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::*;
use openmls_basic_credential::SignatureKeyPair;
use openmls_libcrux_crypto::CryptoProvider;
use openmls_memory_storage::MemoryStorage;
use openmls_traits::OpenMlsProvider;
use rand::CryptoRng;
use zeroize::Zeroizing;

const SUITE: Ciphersuite = Ciphersuite::MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519;
const LABEL_PAIR: &str = "chive/v1/pair";
/// The life of a key package, in seconds: an invitation's request may wait for a year.
pub const KEY_PACKAGE_LIFE: u64 = 365 * 24 * 3600;
/// The two clocks may differ by so many seconds.
const CLOCK_TOLERANCE: u64 = 30 * 24 * 3600;
/// Late messages of so many epochs can still be opened.
const PAST_EPOCHS: usize = 10;
/// Messages may come so far out of order, and so far ahead, within an epoch. Far ahead, because a
/// receipt that is lost with its link leaves a hole.
const RATCHET_WINDOW: (u32, u32) = (500, 2_000);

/// Why something does not open, or cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum MlsError {
    /// Of a later epoch: keep it, and try again after the commit.
    #[error("the message is of a later epoch")]
    LaterEpoch,
    /// A commit that was merged before: acknowledge it again.
    #[error("the commit of epoch {0} was merged before")]
    StaleCommit(u64),
    /// A commit by the member whose turn it is not, or anything but a plain update.
    #[error("a commit that breaks the rules")]
    IllegalCommit,
    /// Of another group: of a conversation that has begun afresh since, on one of the two sides.
    #[error("the message is of another conversation")]
    OtherGroup,
    /// Opened before, too old, or damaged.
    #[error("cannot be opened: {0}")]
    Unreadable(String),
    /// The stored state is damaged.
    #[error("the stored state is damaged: {0}")]
    State(String),
}

fn unreadable(error: impl std::fmt::Display) -> MlsError {
    MlsError::Unreadable(error.to_string())
}

fn state(error: impl std::fmt::Display) -> MlsError {
    MlsError::State(error.to_string())
}

/// The secret that links and envelopes of a pair are made from: exported once, in epoch 1, and
/// kept, because it cannot be exported again.
pub type PairSecret = Zeroizing<[u8; 32]>;

/// What an opened envelope held.
pub enum Opened {
    /// A content's bytes.
    Content(Vec<u8>),
    /// A commit, merged. Send this receipt, which is sealed in the epoch that the commit ended.
    Commit {
        /// The epoch that ended.
        epoch: u64,
        /// An MLS message with the content given to [`Conversation::open`].
        receipt: Vec<u8>,
    },
}

struct Provider {
    crypto: CryptoProvider,
    storage: MemoryStorage,
}

impl Provider {
    fn new(values: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<Self, MlsError> {
        let storage = MemoryStorage { values: std::sync::RwLock::new(values.into_iter().collect()) };
        Ok(Self { crypto: CryptoProvider::new().map_err(|e| state(format!("{e:?}")))?, storage })
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = CryptoProvider;
    type RandProvider = CryptoProvider;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    fn crypto(&self) -> &CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &CryptoProvider {
        &self.crypto
    }
}

/// Everything of a conversation's MLS state, as one value to store.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Blob {
    #[cbor(n(1), with = "minicbor::bytes")]
    group_id: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    signature_key: Vec<u8>,
    #[n(3)]
    values: Vec<(minicbor::bytes::ByteVec, minicbor::bytes::ByteVec)>,
}

fn save(provider: &Provider, group_id: &[u8], signature_key: &[u8]) -> Result<Vec<u8>, MlsError> {
    let values = provider.storage.values.read().map_err(state)?;
    let values = values.iter().map(|(key, value)| (key.clone().into(), value.clone().into())).collect();
    let blob = Blob { group_id: group_id.to_vec(), signature_key: signature_key.to_vec(), values };
    minicbor::to_vec(blob).map_err(state)
}

fn load(blob: &[u8]) -> Result<(Provider, Vec<u8>, SignatureKeyPair), MlsError> {
    let Blob { group_id, signature_key, values } = minicbor::decode(blob).map_err(state)?;
    let provider = Provider::new(values.into_iter().map(|(key, value)| (key.into(), value.into())))?;
    let signer = SignatureKeyPair::read(provider.storage(), &signature_key, SUITE.signature_algorithm())
        .ok_or_else(|| state("no signature key"))?;
    Ok((provider, group_id, signer))
}

/// A fresh signature key under a random name: it says nothing about who holds it.
fn fresh_credential(
    provider: &Provider,
    rng: &mut dyn CryptoRng,
) -> Result<(SignatureKeyPair, CredentialWithKey), MlsError> {
    let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).map_err(|e| state(format!("{e:?}")))?;
    signer.store(provider.storage()).map_err(state)?;
    let mut name = [0; 16];
    rng.fill_bytes(&mut name);
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
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(RATCHET_WINDOW.0, RATCHET_WINDOW.1))
        .build()
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
        let provider = Provider::new([])?;
        let (signer, credential) = fresh_credential(&provider, rng)?;
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(Lifetime::init(now.saturating_sub(CLOCK_TOLERANCE), now + KEY_PACKAGE_LIFE))
            .build(SUITE, &provider, &signer, credential)
            .map_err(state)?;
        let key_package = MlsMessageOut::from(bundle.into_key_package()).tls_serialize_detached().map_err(state)?;
        Ok(Self { blob: save(&provider, &[], signer.public())?, key_package })
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
    pub fn create(key_package: &[u8], rng: &mut dyn CryptoRng) -> Result<(Self, Vec<u8>, PairSecret), MlsError> {
        let provider = Provider::new([])?;
        let message = MlsMessageIn::tls_deserialize_exact(key_package).map_err(unreadable)?;
        let MlsMessageBodyIn::KeyPackage(key_package) = message.extract() else {
            return Err(unreadable("not a key package"));
        };
        let key_package = key_package.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(unreadable)?;
        if key_package.ciphersuite() != SUITE {
            return Err(unreadable("another ciphersuite"));
        }
        let (signer, credential) = fresh_credential(&provider, rng)?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(capabilities())
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(PAST_EPOCHS)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(RATCHET_WINDOW.0, RATCHET_WINDOW.1))
            .build();
        let mut group = MlsGroup::new(&provider, &signer, &config, credential).map_err(state)?;
        let (_, welcome, _) = group.add_members(&provider, &signer, &[key_package]).map_err(unreadable)?;
        group.merge_pending_commit(&provider).map_err(state)?;
        let welcome = welcome.tls_serialize_detached().map_err(state)?;
        let conversation = Self { provider, signer, group };
        let pair = conversation.export_pair_secret()?;
        Ok((conversation, welcome, pair))
    }

    /// Joins the group that a welcome is for.
    pub fn join(draft: &[u8], welcome: &[u8]) -> Result<(Self, PairSecret), MlsError> {
        let (provider, _, signer) = load(draft)?;
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
        if group.ciphersuite() != SUITE || group.epoch().as_u64() != 1 || !two {
            return Err(unreadable("not a fresh conversation of two"));
        }
        let conversation = Self { provider, signer, group };
        let pair = conversation.export_pair_secret()?;
        Ok((conversation, pair))
    }

    /// The state that [`Conversation::save`] gave.
    pub fn load(blob: &[u8]) -> Result<Self, MlsError> {
        let (provider, group_id, signer) = load(blob)?;
        let group = MlsGroup::load(provider.storage(), &GroupId::from_slice(&group_id)).map_err(state)?;
        Ok(Self { group: group.ok_or_else(|| state("no group"))?, provider, signer })
    }

    /// The whole state, as one value.
    pub fn save(&self) -> Result<Vec<u8>, MlsError> {
        save(&self.provider, self.group.group_id().as_slice(), self.signer.public())
    }

    fn export_pair_secret(&self) -> Result<PairSecret, MlsError> {
        let secret =
            Zeroizing::new(self.group.export_secret(self.provider.crypto(), LABEL_PAIR, &[], 32).map_err(state)?);
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
        Ok((self.epoch(), self.group.export_secret(self.provider.crypto(), "test", &[], 32).map_err(state)?))
    }

    fn turn(&self) -> u32 {
        u32::from(self.epoch() % 2 == 1)
    }

    /// Seals a content's bytes.
    pub fn seal(&mut self, content: &[u8]) -> Result<Vec<u8>, MlsError> {
        let message = self.group.create_message(&self.provider, &self.signer, content).map_err(state)?;
        message.tls_serialize_detached().map_err(state)
    }

    /// Replaces our keys, so that stolen ones are worth nothing any more. The commit must be sent,
    /// the same bytes, until its receipt comes.
    pub fn commit(&mut self) -> Result<Vec<u8>, MlsError> {
        if self.may_commit() { self.make_commit() } else { Err(MlsError::IllegalCommit) }
    }

    fn make_commit(&mut self) -> Result<Vec<u8>, MlsError> {
        let bundle =
            self.group.self_update(&self.provider, &self.signer, LeafNodeParameters::default()).map_err(state)?;
        bundle.into_commit().tls_serialize_detached().map_err(state)
    }

    /// What somebody does who keeps to no rule.
    #[cfg(feature = "testing")]
    pub fn commit_out_of_turn(&mut self) -> Result<Vec<u8>, MlsError> {
        self.make_commit()
    }

    /// The other has merged our commit of this epoch: so do we. False when there is none.
    pub fn commit_receipted(&mut self, epoch: u64) -> Result<bool, MlsError> {
        if self.epoch() != epoch || self.group.pending_commit().is_none() {
            return Ok(false);
        }
        self.group.merge_pending_commit(&self.provider).map_err(state)?;
        Ok(true)
    }

    /// Opens an MLS message. A commit is merged, after `receipt` (a content's bytes for an epoch) was
    /// sealed in the epoch that it ends.
    pub fn open(&mut self, message: &[u8], receipt: impl FnOnce(u64) -> Vec<u8>) -> Result<Opened, MlsError> {
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
        match self.group.process_message(&self.provider, message).map_err(unreadable)?.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => Ok(Opened::Content(content.into_bytes())),
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                if commit.queued_proposals().next().is_some() {
                    return Err(MlsError::IllegalCommit);
                }
                let receipt = self.seal(&receipt(epoch))?;
                self.group.merge_staged_commit(&self.provider, *commit).map_err(unreadable)?;
                Ok(Opened::Commit { epoch, receipt })
            }
            _ => Err(unreadable("neither a content nor a commit")),
        }
    }
}
