//! The handshakes: Noise (revision 34) over a fresh stream, after the preface.
//!
//! - by invitation: `Noise_XXpsk0_25519_ChaChaPoly_SHA256`, psk from the invitation's secret; each
//!   side sends its Ed25519 presence key (32 bytes) with its static key, so that both know the
//!   other's peer id;
//! - between contacts: `Noise_KKpsk0_25519_ChaChaPoly_SHA256`, psk from the pair's secret.
//!
//! A handshake message goes over the stream as `u16 length ‖ message`. The prologue is the preface,
//! then (contacts only) the dialler's peer id, then the answerer's peer id.

use rand::CryptoRng;
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::LinkError;
use super::preface::{self, Preface, Purpose};
use crate::identity::{Identity, PeerId, PublicIdentity, derive, is_low_order};
use crate::invitation::{Invitation, InvitationSecret};
use crate::limits::MAX_HANDSHAKE;
use crate::transport::Stream;
use crate::wire::frame::LinkId;

const BY_INVITATION: &str = "Noise_XXpsk0_25519_ChaChaPoly_SHA256";
const BETWEEN_CONTACTS: &str = "Noise_KKpsk0_25519_ChaChaPoly_SHA256";
const LABEL_PSK: &[u8] = b"chive/v1/link-psk";
const LABEL_TAG: &[u8] = b"chive/v1/link-tag";

/// A stream whose other end has proved who it is.
pub struct Established {
    /// The stream that carries the records.
    pub stream: Stream,
    /// The keys of both directions.
    pub noise: StatelessTransportState,
    /// The same on both ends.
    pub id: LinkId,
    /// Who is at the other end.
    pub peer: PublicIdentity,
    /// True on the side that opened the stream.
    pub dialled: bool,
}

/// What a link between two contacts is made from.
#[derive(Clone)]
pub struct PairKeys {
    peer: PublicIdentity,
    psk: Zeroizing<[u8; 32]>,
    our_tag: Zeroizing<[u8; 32]>,
    their_tag: Zeroizing<[u8; 32]>,
}

impl PairKeys {
    /// Whether these are the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.peer == other.peer && self.psk == other.psk
    }

    /// The keys of a pair's secret.
    #[must_use]
    pub fn new(pair_secret: &[u8; 32], own: PeerId, peer: PublicIdentity) -> Self {
        Self {
            peer,
            psk: derive(pair_secret, LABEL_PSK, b""),
            our_tag: derive(pair_secret, LABEL_TAG, &own.0),
            their_tag: derive(pair_secret, LABEL_TAG, &peer.peer_id().0),
        }
    }

    /// Whether this contact made the preface.
    #[must_use]
    pub fn recognises(&self, preface: &Preface) -> bool {
        preface.purpose == Purpose::Contact && preface.is_for(&self.their_tag)
    }
}

/// Reads the first bytes of an accepted stream.
pub async fn read_preface(stream: &mut Stream) -> Result<Preface, LinkError> {
    let mut bytes = [0; preface::LENGTH];
    stream.read_exact(&mut bytes).await?;
    Preface::from_bytes(&bytes).ok_or(LinkError::Handshake)
}

/// Asks at a front door. The answerer must have the peer id that the link names.
pub async fn dial_by_invitation(
    mut stream: Stream,
    own: &Identity,
    invitation: &Invitation,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Established, LinkError> {
    let preface = Preface::new(Purpose::Invitation, &invitation.secret.tag_key(), rng);
    let (secret, psk) = (own.link_secret(), invitation.secret.psk());
    let prologue = [&preface.to_bytes()[..], &invitation.peer_id.0].concat();
    let mut noise = builder(BY_INVITATION, &secret, &psk, &prologue)?.build_initiator()?;
    stream.write_all(&preface.to_bytes()).await?;
    send(&mut stream, &mut noise, &[]).await?;
    let presence = receive_first(&mut stream, &mut noise).await?;
    let peer = remote_identity(&noise, presence)?;
    if peer.peer_id() != invitation.peer_id {
        return Err(LinkError::WrongPeer);
    }
    send(&mut stream, &mut noise, &own.public().presence).await?;
    establish(stream, noise, peer)
}

/// Answers somebody who named the invitation with this secret.
pub async fn accept_by_invitation(
    mut stream: Stream,
    own: &Identity,
    preface: &Preface,
    invitation: &InvitationSecret,
) -> Result<Established, LinkError> {
    let (secret, psk) = (own.link_secret(), invitation.psk());
    let prologue = [&preface.to_bytes()[..], &own.peer_id().0].concat();
    let mut noise = builder(BY_INVITATION, &secret, &psk, &prologue)?.build_responder()?;
    receive_first(&mut stream, &mut noise).await?;
    send(&mut stream, &mut noise, &own.public().presence).await?;
    let presence = receive(&mut stream, &mut noise).await?;
    let peer = remote_identity(&noise, presence)?;
    establish(stream, noise, peer)
}

/// Dials a contact at its endpoint.
pub async fn dial_contact(
    mut stream: Stream,
    own: &Identity,
    keys: &PairKeys,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Established, LinkError> {
    let preface = Preface::new(Purpose::Contact, &keys.our_tag, rng);
    let secret = own.link_secret();
    let prologue = [&preface.to_bytes()[..], &own.peer_id().0, &keys.peer.peer_id().0].concat();
    let builder = builder(BETWEEN_CONTACTS, &secret, &keys.psk, &prologue)?;
    let mut noise = builder.remote_public_key(&keys.peer.link)?.build_initiator()?;
    stream.write_all(&preface.to_bytes()).await?;
    send(&mut stream, &mut noise, &[]).await?;
    receive_first(&mut stream, &mut noise).await?;
    establish(stream, noise, keys.peer)
}

/// Answers a contact whose preface was recognised.
pub async fn accept_contact(
    mut stream: Stream,
    own: &Identity,
    preface: &Preface,
    keys: &PairKeys,
) -> Result<Established, LinkError> {
    let secret = own.link_secret();
    let prologue = [&preface.to_bytes()[..], &keys.peer.peer_id().0, &own.peer_id().0].concat();
    let builder = builder(BETWEEN_CONTACTS, &secret, &keys.psk, &prologue)?;
    let mut noise = builder.remote_public_key(&keys.peer.link)?.build_responder()?;
    // The tag named the contact, but its key did not open the message: loud, not silent.
    receive_first(&mut stream, &mut noise).await.map_err(|error| match error {
        LinkError::Handshake => LinkError::WrongPeer,
        other => other,
    })?;
    send(&mut stream, &mut noise, &[]).await?;
    establish(stream, noise, keys.peer)
}

fn builder<'a>(
    pattern: &str,
    secret: &'a [u8; 32],
    psk: &'a [u8; 32],
    prologue: &'a [u8],
) -> Result<Builder<'a>, LinkError> {
    let params = pattern.parse().map_err(|_| LinkError::Handshake)?;
    Ok(Builder::new(params).local_private_key(secret)?.psk(0, psk)?.prologue(prologue)?)
}

async fn send(
    stream: &mut Stream,
    noise: &mut HandshakeState,
    payload: &[u8],
) -> Result<(), LinkError> {
    let mut message = [0; 2 + MAX_HANDSHAKE];
    let length = noise.write_message(payload, &mut message[2..])?;
    message[..2]
        .copy_from_slice(&u16::try_from(length).map_err(|_| LinkError::Handshake)?.to_be_bytes());
    stream.write_all(&message[..2 + length]).await?;
    Ok(stream.flush().await?)
}

async fn read_message(stream: &mut Stream) -> Result<Vec<u8>, LinkError> {
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_HANDSHAKE {
        return Err(LinkError::Handshake);
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn open(noise: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, LinkError> {
    let mut payload = [0; MAX_HANDSHAKE];
    let length = noise.read_message(message, &mut payload)?;
    Ok(payload[..length].to_vec())
}

async fn receive(stream: &mut Stream, noise: &mut HandshakeState) -> Result<Vec<u8>, LinkError> {
    open(noise, &read_message(stream).await?)
}

/// The first message of the other side, which in both patterns begins with its ephemeral key.
async fn receive_first(
    stream: &mut Stream,
    noise: &mut HandshakeState,
) -> Result<Vec<u8>, LinkError> {
    let message = read_message(stream).await?;
    // Noise leaves it open what to do about these points.
    match message.first_chunk() {
        Some(ephemeral) if !is_low_order(ephemeral) => open(noise, &message),
        _ => Err(LinkError::Handshake),
    }
}

/// Who proved the static key and named this presence key.
fn remote_identity(noise: &HandshakeState, presence: Vec<u8>) -> Result<PublicIdentity, LinkError> {
    let link = noise
        .get_remote_static()
        .and_then(|key| key.try_into().ok())
        .ok_or(LinkError::Handshake)?;
    let presence = presence.try_into().map_err(|_| LinkError::Handshake)?;
    let identity = PublicIdentity { link, presence };
    if identity.is_sound() { Ok(identity) } else { Err(LinkError::Handshake) }
}

fn establish(
    stream: Stream,
    noise: HandshakeState,
    peer: PublicIdentity,
) -> Result<Established, LinkError> {
    let mut id = [0; 8];
    id.copy_from_slice(&noise.get_handshake_hash()[..8]);
    let dialled = noise.is_initiator();
    Ok(Established { stream, noise: noise.into_stateless_transport_mode()?, id, peer, dialled })
}

#[cfg(test)]
mod tests;
