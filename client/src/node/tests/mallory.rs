//! A hostile contact for tests: has all the keys of a contact, and sends what a test tells it to
//! send.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::identity::{Identity, PublicIdentity, RootSecret};
use crate::invitation::Invitation;
use crate::limits::MAX_WELCOME;
use crate::link::handshake::{PairKeys, dial_by_invitation, dial_contact};
use crate::link::session::Session;
use crate::transport::{Destination, IsolationToken, OnionAddress, Stream, Transport};
use crate::wire::card::{Card, Introduction};
use crate::wire::envelope::EnvelopeKeys;
use crate::wire::frame::{Frame, VERSION};
use crate::wire::message::{Content, MessageId, Text};
use chive_mls::{Conversation, Draft, Opened};

pub(super) struct Mallory {
    pub(super) conversation: Conversation,
    pub(super) endpoint: OnionAddress,
    identity: Identity,
    keys: PairKeys,
    seal: EnvelopeKeys,
    open: EnvelopeKeys,
    transport: MemoryTransport,
    rng: StdRng,
    texts: u64,
}

impl Mallory {
    /// Becomes a contact of somebody, by invitation.
    pub(super) async fn meets(world: &World, victim: &Person) -> Self {
        Self::meets_as(world, victim, "Mallory").await
    }

    pub(super) async fn meets_as(world: &World, victim: &Person, name: &str) -> Self {
        let mut rng = StdRng::from_os_rng();
        let identity = Identity::new(&RootSecret(rand::Rng::random(&mut rng)));
        let transport = world.network.transport(mpsc::channel(1).0);
        let (draft, peer, answer) =
            asks(&transport, &identity, &victim.invitation().await, card(name, 1)).await;
        let (conversation, pair) = Conversation::join(&draft, &answer.mls).unwrap();

        Self {
            conversation,
            endpoint: answer.card.onion().unwrap(),
            keys: PairKeys::new(&pair, identity.peer_id(), peer),
            seal: EnvelopeKeys::new(&pair, identity.peer_id()),
            open: EnvelopeKeys::new(&pair, peer.peer_id()),
            identity,
            transport,
            rng,
            texts: 0,
        }
    }

    /// A stream to an address, and nothing said.
    pub(super) async fn stream(&self, to: OnionAddress) -> Stream {
        self.transport.dial(Destination::Peer(to.into()), IsolationToken(0), 0).await.unwrap()
    }

    /// A handshake over this stream, and no hello.
    pub(super) async fn shakes_hands(&mut self, stream: Stream) -> Session {
        Session::new(dial_contact(stream, &self.identity, &self.keys, &mut self.rng).await.unwrap())
    }

    /// A link, after the hellos.
    pub(super) async fn link(&mut self) -> Session {
        let stream = self.stream(self.endpoint).await;
        greeted(self.shakes_hands(stream).await).await
    }

    /// A link, and everything that was said to make it.
    pub(super) async fn recorded_link(&mut self) -> (Session, Vec<u8>) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let said = tokio::spawn(record(far, self.stream(self.endpoint).await));
        let session = greeted(self.shakes_hands(Box::new(near)).await).await;
        (session, said.await.unwrap())
    }

    /// An envelope for an MLS message.
    pub(super) fn wraps(&mut self, mls: &[u8]) -> Frame {
        Frame::Envelope(self.seal.seal(mls, &mut self.rng).unwrap())
    }

    pub(super) fn seals(&mut self, content: &Content) -> Frame {
        let mls = self.conversation.seal(&content.to_bytes()).unwrap();
        self.wraps(&mls)
    }

    /// A proper text, the next one.
    pub(super) fn text(&mut self, text: &str) -> Text {
        self.texts += 1;
        Text {
            id: MessageId(rand::Rng::random(&mut self.rng)),
            counter: self.texts,
            clock: self.texts,
            created_at: Clock::system().now().0,
            seen: vec![],
            text: text.into(),
            disappear_after: None,
        }
    }

    /// Opens what the other sealed. Commits are merged, and nothing is said of it.
    pub(super) fn opens(&mut self, envelope: &[u8]) -> Option<Content> {
        let mls = self.open.open(envelope).unwrap();
        match self
            .conversation
            .open(&mls, |epoch| Content::CommitReceipt { epoch }.to_bytes())
            .unwrap()
        {
            Opened::Content(content) => Some(Content::from_bytes(&content).unwrap()),
            Opened::Commit { .. } => None,
        }
    }

    /// The next content that comes over a link.
    pub(super) async fn hears(&mut self, session: &mut Session) -> Content {
        loop {
            let frame = timeout(DEADLINE, session.read()).await.expect("nothing comes").unwrap();
            if let Frame::Envelope(envelope) = frame
                && let Some(content) = self.opens(&envelope)
            {
                return content;
            }
        }
    }

    /// Whether the receipt of one id comes before the link ends.
    pub(super) async fn is_receipted_here(&mut self, session: &mut Session, id: MessageId) -> bool {
        while let Ok(frame) = timeout(DEADLINE, session.read()).await.expect("nothing comes") {
            if let Frame::Envelope(envelope) = frame
                && matches!(self.opens(&envelope), Some(Content::Receipt(ids)) if ids == [id])
            {
                return true;
            }
        }
        false
    }

    /// Waits for the receipt of one id.
    pub(super) async fn is_receipted(&mut self, session: &mut Session, id: MessageId) {
        while !matches!(self.hears(session).await, Content::Receipt(ids) if ids == [id]) {}
    }
}

/// Opens a link as somebody, and is accepted: the draft, who answered, and the answer.
pub(super) async fn asks(
    transport: &MemoryTransport,
    identity: &Identity,
    link: &str,
    card: Card,
) -> (Vec<u8>, PublicIdentity, Introduction) {
    let (draft, introduction) = introduction(card);
    let (peer, answer) = is_answered(transport, identity, link, introduction.to_bytes()).await;
    let Frame::Accept(answer) = answer else { panic!("refused") };
    (draft, peer, Introduction::from_bytes(&answer, MAX_WELCOME).unwrap())
}

/// What somebody asks with, and the draft of it.
pub(super) fn introduction(card: Card) -> (Vec<u8>, Introduction) {
    let draft =
        Draft::new(Clock::system().now().0.unsigned_abs() / 1000, &mut StdRng::from_os_rng())
            .unwrap();
    (draft.blob, Introduction { card, mls: draft.key_package, withdrawn: None, message: None })
}

/// Opens a link as somebody, with this introduction: who answers, and what.
pub(super) async fn is_answered(
    transport: &MemoryTransport,
    identity: &Identity,
    link: &str,
    introduction: Vec<u8>,
) -> (PublicIdentity, Frame) {
    let link = Invitation::parse(link).unwrap();
    let stream = transport
        .dial(Destination::Peer(link.front_door.into()), IsolationToken(0), 0)
        .await
        .unwrap();
    let established =
        dial_by_invitation(stream, identity, &link, &mut StdRng::from_os_rng()).await.unwrap();
    let peer = established.peer;
    let mut session = greeted(Session::new(established)).await;
    session.write(&Frame::Request(introduction)).await.unwrap();
    (peer, session.read().await.unwrap())
}

/// Copies a dialler's bytes to a stream, and back, until both sides have said hello; what it said.
async fn record(near: DuplexStream, far: Stream) -> Vec<u8> {
    let (mut from, mut back) = tokio::io::split(near);
    let (mut other, mut to) = tokio::io::split(far);
    tokio::spawn(async move { tokio::io::copy(&mut other, &mut back).await });
    let mut said = vec![];
    // Preface and message, then, once there was an answer, a record of the smallest size.
    for length in [34 + 2 + 48, 2 + 1104] {
        let mut next = vec![0; length];
        from.read_exact(&mut next).await.unwrap();
        to.write_all(&next).await.unwrap();
        said.extend(next);
    }
    tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
    said
}

async fn greeted(mut session: Session) -> Session {
    session.write(&Frame::Hello { version: VERSION, links: vec![] }).await.unwrap();
    let hello = timeout(DEADLINE, session.read()).await.expect("no hello comes");
    assert!(matches!(hello.unwrap(), Frame::Hello { .. }));
    session
}

pub(super) fn card(name: &str, revision: u64) -> Card {
    Card {
        revision,
        name: name.into(),
        addresses: vec![OnionAddress([0xee; 32]).into()],
        presence_secret: [0; 32],
        servers: vec![],
    }
}
