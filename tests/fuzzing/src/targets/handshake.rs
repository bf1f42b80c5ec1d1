//! Handshakes and the first frames with a peer that knows every key but is not honest: any payload,
//! damaged in any position. Our side plays each of the four roles.

use std::sync::LazyLock;

use chive::identity::{Identity, PublicIdentity, RootSecret, derive};
use chive::invitation::{Invitation, InvitationSecret};
use chive::limits::MAX_HANDSHAKE;
use chive::link::LinkError;
use chive::link::handshake::{
    Established, PairKeys, accept_by_invitation, accept_contact, dial_by_invitation, dial_contact,
    read_preface,
};
use chive::link::preface::{self, Preface, Purpose};
use chive::link::session::Session;
use chive::transport::{OnionAddress, Stream};
use rand::SeedableRng;
use rand::rngs::StdRng;
use snow::{Builder, HandshakeState};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::input::Input;
use crate::runtime::block_on;

const PAIR_SECRET: [u8; 32] = [9; 32];

static OURS: LazyLock<Identity> = LazyLock::new(|| Identity::new(&RootSecret([1; 32])));
static THEIRS: LazyLock<Identity> = LazyLock::new(|| Identity::new(&RootSecret([2; 32])));

fn invitation() -> Invitation {
    let peer_id = THEIRS.peer_id();
    Invitation { front_door: OnionAddress([0; 32]), peer_id, secret: InvitationSecret([5; 16]) }
}

fn pair() -> PairKeys {
    PairKeys::new(&PAIR_SECRET, OURS.peer_id(), THEIRS.public())
}

fn rng() -> StdRng {
    StdRng::from_seed([0; 32])
}

pub(super) fn handshake(data: &[u8]) {
    let mut input = Input(data);
    let purpose = if input.byte() % 2 == 0 { Purpose::Invitation } else { Purpose::Contact };
    let we_dial = input.byte() % 2 == 0;
    let (stream, other) = tokio::io::duplex(1 << 20);
    let stream: Stream = Box::new(stream);
    let mut peer =
        Peer { stream: other, input, purpose, honest: true, presence: THEIRS.public().presence };

    let (ours, id) = block_on(async {
        tokio::join!(
            async {
                match (we_dial, purpose) {
                    (true, Purpose::Invitation) => {
                        dial_by_invitation(stream, &OURS, &invitation(), &mut rng()).await
                    }
                    (true, Purpose::Contact) => {
                        dial_contact(stream, &OURS, &pair(), &mut rng()).await
                    }
                    (false, _) => answer(stream).await,
                }
            },
            peer.play(!we_dial),
        )
    });

    if let Ok(ours) = ours {
        assert!(peer.honest, "a damaged handshake was accepted");
        assert!(
            ours.peer == PublicIdentity { presence: peer.presence, ..THEIRS.public() },
            "another peer"
        );
        assert_eq!(Some(ours.id), id, "both ends name the link alike");
        assert_eq!(ours.dialled, we_dial);
        block_on(frames(ours, peer));
    }
}

/// Answers as a node does: the tag says by which service the peer comes.
async fn answer(mut stream: Stream) -> Result<Established, LinkError> {
    let preface = read_preface(&mut stream).await?;
    match preface.purpose {
        Purpose::Invitation if preface.is_for(&invitation().secret.tag_key()) => {
            accept_by_invitation(stream, &OURS, &preface, &invitation().secret).await
        }
        Purpose::Contact if pair().recognises(&preface) => {
            accept_contact(stream, &OURS, &preface, &pair()).await
        }
        _ => Err(LinkError::Handshake),
    }
}

/// Bytes instead of records, until the link ends.
async fn frames(ours: Established, mut peer: Peer<'_>) {
    let bytes = peer.input.bytes().to_vec();
    let _ = peer.stream.write_all(&bytes).await;
    drop(peer);
    let mut session = Session::new(ours);
    assert!(session.read().await.is_err(), "a guessed record is accepted");
}

/// The peer, which follows the input.
struct Peer<'a> {
    stream: DuplexStream,
    input: Input<'a>,
    purpose: Purpose,
    /// Whether everything that it has sent is what an honest peer sends.
    honest: bool,
    presence: [u8; 32],
}

impl Peer<'_> {
    /// Plays its role; gives the link's id if the handshake ends.
    async fn play(&mut self, dials: bool) -> Option<[u8; 8]> {
        let noise = if dials { self.dial().await } else { self.answer().await };
        if noise.is_none() {
            let _ = self.stream.shutdown().await;
        }
        let mut id = [0; 8];
        id.copy_from_slice(&noise?.get_handshake_hash()[..8]);
        Some(id)
    }

    async fn dial(&mut self) -> Option<HandshakeState> {
        let tag_key = match self.purpose {
            Purpose::Invitation => invitation().secret.tag_key(),
            Purpose::Contact => derive(&PAIR_SECRET, b"chive/v1/link-tag", &THEIRS.peer_id().0),
        };
        let preface = Preface::new(self.purpose, &tag_key, &mut rng()).to_bytes();
        self.write(&preface).await;
        let mut noise = self.noise(&preface, true)?;
        self.send(&mut noise, false).await?;
        self.receive(&mut noise).await?;
        if self.purpose == Purpose::Invitation {
            self.send(&mut noise, true).await?;
        }
        Some(noise)
    }

    async fn answer(&mut self) -> Option<HandshakeState> {
        let mut preface = [0; preface::LENGTH];
        self.stream.read_exact(&mut preface).await.ok()?;
        let mut noise = self.noise(&preface, false)?;
        self.receive(&mut noise).await?;
        self.send(&mut noise, self.purpose == Purpose::Invitation).await?;
        if self.purpose == Purpose::Invitation {
            self.receive(&mut noise).await?;
        }
        Some(noise)
    }

    fn noise(&self, preface: &[u8], dials: bool) -> Option<HandshakeState> {
        let (pattern, psk, ids) = match self.purpose {
            Purpose::Invitation if dials => {
                ("XXpsk0", invitation().secret.psk(), vec![OURS.peer_id()])
            }
            Purpose::Invitation => ("XXpsk0", invitation().secret.psk(), vec![THEIRS.peer_id()]),
            Purpose::Contact => {
                let ids = if dials {
                    [THEIRS.peer_id(), OURS.peer_id()]
                } else {
                    [OURS.peer_id(), THEIRS.peer_id()]
                };
                ("KKpsk0", derive(&PAIR_SECRET, b"chive/v1/link-psk", b""), ids.to_vec())
            }
        };

        let prologue = [preface.to_vec(), ids.iter().flat_map(|id| id.0).collect()].concat();
        let (secret, remote) = (THEIRS.link_secret(), OURS.public().link);
        let builder =
            Builder::new(format!("Noise_{pattern}_25519_ChaChaPoly_SHA256").parse().ok()?);
        let mut builder = builder
            .local_private_key(&*secret)
            .ok()?
            .psk(0, &psk)
            .ok()?
            .prologue(&prologue)
            .ok()?;
        if self.purpose == Purpose::Contact {
            builder = builder.remote_public_key(&remote).ok()?;
        }

        if dials { builder.build_initiator().ok() } else { builder.build_responder().ok() }
    }

    /// Sends a handshake message with the expected payload, or a damaged one.
    async fn send(&mut self, noise: &mut HandshakeState, with_key: bool) -> Option<()> {
        let expected = if with_key { self.presence.to_vec() } else { vec![] };
        let payload = self.input.damage(&expected);
        if with_key {
            // Any 32 bytes are a key, but of another peer.
            match <[u8; 32]>::try_from(&payload[..]) {
                Ok(key) => self.presence = key,
                Err(_) => self.honest = false,
            }
        }

        let mut message = [0; 4096];
        let length = noise.write_message(&payload, &mut message).ok()?;
        self.honest &= length <= MAX_HANDSHAKE;
        let length = u16::try_from(length).ok()?.to_be_bytes();
        let message = [&length[..], &message[..usize::from(u16::from_be_bytes(length))]].concat();
        self.write(&message).await;

        Some(())
    }

    async fn write(&mut self, bytes: &[u8]) {
        let damaged = self.input.damage(bytes);
        // Bytes after the message belong to the next one.
        self.honest &= damaged.starts_with(bytes);
        let _ = self.stream.write_all(&damaged).await;
        if damaged != bytes {
            // It may be less than the other side waits for.
            let _ = self.stream.shutdown().await;
        }
    }

    async fn receive(&mut self, noise: &mut HandshakeState) -> Option<()> {
        let length = usize::from(self.stream.read_u16().await.ok()?);
        let (mut message, mut payload) = (vec![0; length], [0; 256]);
        self.stream.read_exact(&mut message).await.ok()?;
        noise.read_message(&message, &mut payload).ok().map(drop)
    }
}
