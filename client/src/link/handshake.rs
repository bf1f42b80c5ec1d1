//! The handshakes: Noise (revision 34) over a fresh stream, after the preface.
//!
//! - by invitation: `Noise_XXpsk0_25519_ChaChaPoly_SHA256`, psk from the invitation's secret; each
//!   side sends its Ed25519 presence key (32 bytes) with its static key, so that both know the
//!   other's peer id;
//! - between contacts: `Noise_KKpsk0_25519_ChaChaPoly_SHA256`, psk from the pair's secret.
//!
//! A handshake message stands on the stream as `u16 length ‖ message`. The prologue is the preface,
//! then (contacts only) the dialler's peer id, then the answerer's peer id.

use rand::CryptoRng;
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::LinkError;
use super::preface::{self, Preface, Purpose};
use crate::identity::{Identity, PeerId, PublicIdentity, derive};
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
    /// Where the records go.
    pub stream: Stream,
    /// The keys of both directions.
    pub noise: StatelessTransportState,
    /// The same on both ends.
    pub id: LinkId,
    /// Who is at the other end.
    pub peer: PublicIdentity,
    /// Whether we dialled.
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
    let presence = receive_key(&mut stream, &mut noise).await?;
    let peer = PublicIdentity { link: remote_static(&noise)?, presence };
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
    receive(&mut stream, &mut noise).await?;
    send(&mut stream, &mut noise, &own.public().presence).await?;
    let presence = receive_key(&mut stream, &mut noise).await?;
    let peer = PublicIdentity { link: remote_static(&noise)?, presence };
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
    receive(&mut stream, &mut noise).await?;
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
    receive(&mut stream, &mut noise).await.map_err(|error| match error {
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

async fn send(stream: &mut Stream, noise: &mut HandshakeState, payload: &[u8]) -> Result<(), LinkError> {
    let mut message = [0; 2 + MAX_HANDSHAKE];
    let length = noise.write_message(payload, &mut message[2..])?;
    message[..2].copy_from_slice(&u16::try_from(length).map_err(|_| LinkError::Handshake)?.to_be_bytes());
    stream.write_all(&message[..2 + length]).await?;
    Ok(stream.flush().await?)
}

async fn receive(stream: &mut Stream, noise: &mut HandshakeState) -> Result<Vec<u8>, LinkError> {
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_HANDSHAKE {
        return Err(LinkError::Handshake);
    }
    let (mut message, mut payload) = ([0; MAX_HANDSHAKE], [0; MAX_HANDSHAKE]);
    stream.read_exact(&mut message[..length]).await?;
    let length = noise.read_message(&message[..length], &mut payload)?;
    Ok(payload[..length].to_vec())
}

async fn receive_key(stream: &mut Stream, noise: &mut HandshakeState) -> Result<[u8; 32], LinkError> {
    receive(stream, noise).await?.try_into().map_err(|_| LinkError::Handshake)
}

fn remote_static(noise: &HandshakeState) -> Result<[u8; 32], LinkError> {
    noise.get_remote_static().and_then(|key| key.try_into().ok()).ok_or(LinkError::Handshake)
}

fn establish(stream: Stream, noise: HandshakeState, peer: PublicIdentity) -> Result<Established, LinkError> {
    let mut id = [0; 8];
    id.copy_from_slice(&noise.get_handshake_hash()[..8]);
    let dialled = noise.is_initiator();
    Ok(Established { stream, noise: noise.into_stateless_transport_mode()?, id, peer, dialled })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::identity::RootSecret;
    use crate::transport::OnionAddress;

    fn identity(n: u8) -> Identity {
        Identity::new(&RootSecret([n; 32]))
    }

    fn streams() -> (Stream, Stream) {
        let (a, b) = tokio::io::duplex(4096);
        (Box::new(a), Box::new(b))
    }

    fn invitation(inviter: &Identity) -> Invitation {
        Invitation { front_door: OnionAddress([0; 32]), peer_id: inviter.peer_id(), secret: InvitationSecret([5; 16]) }
    }

    #[tokio::test]
    async fn an_invitation_shows_each_side_who_the_other_is() {
        let (alice, bob) = (identity(1), identity(2));
        let (a, mut b) = streams();
        let link = invitation(&bob);
        let mut rng = StdRng::from_seed([0; 32]);
        let answer = async {
            let preface = read_preface(&mut b).await?;
            assert!(preface.is_for(&link.secret.tag_key()));
            accept_by_invitation(b, &bob, &preface, &link.secret).await
        };
        let (dialled, answered) = tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
        let (dialled, answered) = (dialled.unwrap(), answered.unwrap());
        assert!(dialled.peer == bob.public() && answered.peer == alice.public());
        assert_eq!(dialled.id, answered.id);
    }

    #[tokio::test]
    async fn an_answerer_with_other_keys_is_refused() {
        let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
        let (a, mut b) = streams();
        let mut link = invitation(&mallory);
        let mut rng = StdRng::from_seed([0; 32]);
        // The link names Mallory; who answers has the secret, and claims Mallory's id in the prologue.
        let answer = async {
            let preface = read_preface(&mut b).await.unwrap();
            let (secret, psk) = (bob.link_secret(), link.secret.psk());
            let prologue = [&preface.to_bytes()[..], &mallory.peer_id().0].concat();
            let mut noise = builder(BY_INVITATION, &secret, &psk, &prologue).unwrap().build_responder().unwrap();
            receive(&mut b, &mut noise).await.unwrap();
            send(&mut b, &mut noise, &mallory.public().presence).await.unwrap();
            b
        };
        let (dialled, _b) = tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
        assert!(matches!(dialled.err(), Some(LinkError::WrongPeer)));
        link.secret = InvitationSecret([6; 16]);
    }

    #[tokio::test]
    async fn contacts_link_and_a_stranger_with_the_tag_does_not() {
        let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
        let for_alice = PairKeys::new(&[9; 32], alice.peer_id(), bob.public());
        let for_bob = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
        for (dialler, works) in [(&alice, true), (&mallory, false)] {
            let (a, mut b) = streams();
            let mut rng = StdRng::from_seed([0; 32]);
            let answer = async {
                let preface = read_preface(&mut b).await?;
                assert!(for_bob.recognises(&preface));
                accept_contact(b, &bob, &preface, &for_bob).await
            };
            let (dialled, answered) = tokio::join!(dial_contact(a, dialler, &for_alice, &mut rng), answer);
            assert_eq!(dialled.is_ok(), works);
            assert!(works || matches!(answered.err(), Some(LinkError::WrongPeer)));
        }
    }

    #[tokio::test]
    async fn an_oversized_handshake_message_is_refused_before_it_is_read() {
        let (mut a, mut b) = streams();
        let bob = identity(2);
        let preface = Preface::new(Purpose::Invitation, &[0; 32], &mut StdRng::from_seed([0; 32]));
        a.write_all(&[0xff, 0xff]).await.unwrap();
        let mut noise = builder(BY_INVITATION, &bob.link_secret(), &[0; 32], &preface.to_bytes())
            .unwrap()
            .build_responder()
            .unwrap();
        assert!(matches!(receive(&mut b, &mut noise).await, Err(LinkError::Handshake)));
    }
}
