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
        Invitation {
            front_door: OnionAddress([0; 32]),
            peer_id: inviter.peer_id(),
            secret: InvitationSecret([5; 16]),
        }
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
        let (dialled, answered) =
            tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
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

        // The link names Mallory; who answers has the secret, and claims Mallory's id in the
        // prologue.
        let answer = async {
            let preface = read_preface(&mut b).await.unwrap();
            let (secret, psk) = (bob.link_secret(), link.secret.psk());
            let prologue = [&preface.to_bytes()[..], &mallory.peer_id().0].concat();
            let mut noise = builder(BY_INVITATION, &secret, &psk, &prologue)
                .unwrap()
                .build_responder()
                .unwrap();
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
            let (dialled, answered) =
                tokio::join!(dial_contact(a, dialler, &for_alice, &mut rng), answer);
            assert_eq!(dialled.is_ok(), works);
            assert!(works || matches!(answered.err(), Some(LinkError::WrongPeer)));
        }
    }

    /// One side's part of a handshake.
    type Handshaking<'a> = futures::future::BoxFuture<'a, Result<Established, LinkError>>;

    fn dials<'a>(stream: Stream, own: &'a Identity, keys: &'a PairKeys) -> Handshaking<'a> {
        Box::pin(async move { dial_contact(stream, own, keys, &mut StdRng::from_os_rng()).await })
    }

    /// Answers whatever the preface says, as if it had been recognised.
    fn answers<'a>(mut stream: Stream, own: &'a Identity, keys: &'a PairKeys) -> Handshaking<'a> {
        Box::pin(async move {
            let preface = read_preface(&mut stream).await?;
            accept_contact(stream, own, &preface, keys).await
        })
    }

    /// What a contact says first: preface and first message.
    async fn first_words(own: &Identity, keys: &PairKeys) -> Vec<u8> {
        let (near, mut far) = streams();
        let mut words = vec![0; preface::LENGTH + 2 + 48];
        tokio::select! {
            _ = dials(near, own, keys) => panic!("nobody has answered"),
            read = far.read_exact(&mut words) => read.unwrap(),
        };
        words
    }

    /// Alice, Bob, and what each has for the other.
    fn contacts() -> (Identity, Identity, PairKeys, PairKeys) {
        let (alice, bob) = (identity(1), identity(2));
        let for_alice = PairKeys::new(&[9; 32], alice.peer_id(), bob.public());
        let for_bob = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
        (alice, bob, for_alice, for_bob)
    }

    #[tokio::test]
    async fn a_contact_who_answers_without_its_key_is_refused() {
        let (alice, _, for_alice, for_bob) = contacts();
        let mallory = identity(3);
        let (a, b) = streams();
        let (dialled, answered) =
            tokio::join!(dials(a, &alice, &for_alice), answers(b, &mallory, &for_bob));
        assert!(dialled.is_err());
        assert!(matches!(answered.err(), Some(LinkError::WrongPeer)));
    }

    #[tokio::test]
    async fn reflected_dials_and_records_are_useless() {
        let (alice, bob, for_alice, for_bob) = contacts();
        let words = first_words(&alice, &for_alice).await;
        let preface = Preface::from_bytes(words.first_chunk().unwrap()).unwrap();
        assert!(for_bob.recognises(&preface) && !for_alice.recognises(&preface));
        let (mut a, b) = streams();
        a.write_all(&words).await.unwrap();
        assert!(answers(b, &alice, &for_alice).await.is_err(), "not even if it were recognised");

        let (a, b) = streams();
        let (dialled, answered) =
            tokio::join!(dials(a, &alice, &for_alice), answers(b, &bob, &for_bob));
        let (dialled, answered) = (dialled.unwrap(), answered.unwrap());
        let records =
            super::super::record::Sealer::default().seal(&dialled.noise, b"mine").unwrap();
        let open = |noise| super::super::record::Opener::default().open(noise, &records[2..]);
        assert!(open(&dialled.noise).is_err() && open(&answered.noise).is_ok());
    }

    #[tokio::test]
    async fn a_replayed_request_ends_before_anybody_is_named() {
        let (alice, bob) = (identity(1), identity(2));
        let link = invitation(&bob);
        let answer = |mut stream: Stream| {
            let (bob, link) = (&bob, &link);
            async move {
                let preface = read_preface(&mut stream).await?;
                accept_by_invitation(stream, bob, &preface, &link.secret).await
            }
        };

        // What Alice says, word for word.
        let (near, mut between) = streams();
        let (mut to_bob, far) = streams();
        let mut rng = StdRng::from_seed([0; 32]);
        let relay = async {
            let (mut said, mut back) = (vec![0; preface::LENGTH + 2 + 48], [0; 2 + 128]);
            between.read_exact(&mut said).await.unwrap();
            to_bob.write_all(&said).await.unwrap();
            to_bob.read_exact(&mut back).await.unwrap();
            between.write_all(&back).await.unwrap();
            let mut last = [0; 2 + 96];
            between.read_exact(&mut last).await.unwrap();
            to_bob.write_all(&last).await.unwrap();
            said.extend(last);
            said
        };
        let (dialled, answered, said) =
            tokio::join!(dial_by_invitation(near, &alice, &link, &mut rng), answer(far), relay);

        assert!(dialled.is_ok() && answered.is_ok());
        let (mut again, far) = streams();
        again.write_all(&said).await.unwrap();
        assert!(matches!(answer(far).await.err(), Some(LinkError::Handshake)));
    }

    #[tokio::test]
    async fn a_handshake_for_one_that_is_relayed_to_another_fails() {
        // Mallory, whom Alice dials, hands everything on to Bob: by invitation with one secret for
        // both …
        let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
        let (a, mut b) = streams();
        let link = invitation(&mallory);
        let mut rng = StdRng::from_seed([0; 32]);
        let answer = async {
            let preface = read_preface(&mut b).await?;
            accept_by_invitation(b, &bob, &preface, &link.secret).await
        };
        let (dialled, answered) =
            tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
        assert!(dialled.is_err() && answered.is_err());

        // … and between contacts, even if one secret were shared by all three.
        let for_mallory = PairKeys::new(&[9; 32], alice.peer_id(), mallory.public());
        let for_alice = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
        let (a, b) = streams();
        let (dialled, answered) =
            tokio::join!(dials(a, &alice, &for_mallory), answers(b, &bob, &for_alice));
        assert!(dialled.is_err() && answered.is_err());
    }

    #[tokio::test]
    async fn a_changed_preface_fails_the_handshake() {
        let (alice, bob, for_alice, for_bob) = contacts();
        let words = first_words(&alice, &for_alice).await;
        for at in 0..words.len() {
            let mut changed = words.clone();
            changed[at] ^= 3;
            let (mut a, b) = streams();
            a.write_all(&changed).await.unwrap();
            drop(a);
            assert!(answers(b, &bob, &for_bob).await.is_err(), "byte {at}");
        }
        let (mut a, b) = streams();
        a.write_all(&words).await.unwrap();
        assert!(answers(b, &bob, &for_bob).await.is_ok(), "the unchanged one");
    }

    #[tokio::test]
    async fn a_handshake_cut_at_every_byte_or_of_another_length_fails() {
        let (alice, bob, for_alice, for_bob) = contacts();
        let words = first_words(&alice, &for_alice).await;
        for end in 0..words.len() {
            let (mut a, b) = streams();
            a.write_all(&words[..end]).await.unwrap();
            drop(a);
            assert!(answers(b, &bob, &for_bob).await.is_err(), "cut at {end}");
        }

        for length in (0..=20).chain([31, 32, 33, 47, 49, MAX_HANDSHAKE, MAX_HANDSHAKE + 1, 0xffff])
        {
            let (mut a, b) = streams();
            a.write_all(&words[..preface::LENGTH]).await.unwrap();
            a.write_all(&u16::try_from(length).unwrap().to_be_bytes()).await.unwrap();
            a.write_all(&vec![9; length.min(4000)]).await.unwrap();
            assert!(answers(b, &bob, &for_bob).await.is_err(), "{length} bytes");
        }
    }

    #[tokio::test]
    async fn points_of_low_order_are_refused() {
        let mut points: Vec<[u8; 32]> = vec![[0; 32], [0xff; 32], [0xff; 32], [0xff; 32]];

        // 1, p − 1, p, p + 1, and the two of order 8.
        let mut one = [0; 32];
        one[0] = 1;
        for (point, last) in points[1..].iter_mut().zip([0xec, 0xed, 0xee]) {
            (point[0], point[31]) = (last, 0x7f);
        }

        let hex = |text: &str| {
            data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
        };
        points.extend([
            one,
            hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        ]);

        let (alice, bob, for_alice, for_bob) = contacts();
        let words = first_words(&alice, &for_alice).await;
        for point in points {
            // As the dialler's ephemeral key, in a message that is right otherwise.
            let (mut a, mut b) = streams();
            a.write_all(&u16::try_from(48).unwrap().to_be_bytes()).await.unwrap();
            a.write_all(&[&point[..], &[0; 16]].concat()).await.unwrap();
            let (secret, psk) = (bob.link_secret(), [0; 32]);
            let mut noise =
                builder(BY_INVITATION, &secret, &psk, &words).unwrap().build_responder().unwrap();
            assert!(receive_first(&mut b, &mut noise).await.is_err());
            assert!(is_low_order(&point), "it was refused for another reason");
            // As somebody's static key: nobody has the secret, everybody could pretend to.
            assert!(!PublicIdentity { link: point, ..alice.public() }.is_sound());
        }

        let mut weak = alice.public();
        weak.presence = one;
        assert!(!weak.is_sound(), "the neutral point verifies much");
        assert!(alice.public().is_sound() && bob.public().is_sound());
        drop(for_bob);
    }

    #[tokio::test]
    async fn an_asker_with_an_unsound_presence_key_is_refused() {
        let (alice, bob) = (identity(1), identity(2));
        let link = invitation(&bob);
        let (mut a, mut b) = streams();
        let answer = async {
            let preface = read_preface(&mut b).await?;
            accept_by_invitation(b, &bob, &preface, &link.secret).await
        };
        let ask = async {
            let preface = Preface::new(
                Purpose::Invitation,
                &link.secret.tag_key(),
                &mut StdRng::from_seed([0; 32]),
            )
            .to_bytes();
            let (secret, psk) = (alice.link_secret(), link.secret.psk());
            let prologue = [&preface[..], &link.peer_id.0].concat();
            let mut noise = builder(BY_INVITATION, &secret, &psk, &prologue)
                .unwrap()
                .build_initiator()
                .unwrap();

            a.write_all(&preface).await.unwrap();
            send(&mut a, &mut noise, &[]).await.unwrap();
            receive(&mut a, &mut noise).await.unwrap();
            let mut weak = [0; 32];
            weak[0] = 1;
            send(&mut a, &mut noise, &weak).await.unwrap();
        };
        let (answered, ()) = tokio::join!(answer, ask);
        assert!(matches!(answered.err(), Some(LinkError::Handshake)));
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
