//! A contact that only writes: it speaks the protocol as a client does, and keeps everything in
//! memory, so it is cheap, and a message is in flight as soon as it is written. It never replaces
//! its keys, and never dials again.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chive::clock::Clock;
use chive::identity::{Identity, RootSecret};
use chive::invitation::Invitation;
use chive::limits::MAX_WELCOME;
use chive::link::LinkError;
use chive::link::handshake::dial_by_invitation;
use chive::link::session::{LinkEvent, LinkSender, Session};
use chive::transport::{Destination, IsolationToken, ServiceKey, Transport};
use chive::wire::card::{Card, Introduction};
use chive::wire::envelope::EnvelopeKeys;
use chive::wire::frame::{Frame, VERSION};
use chive::wire::message::{Content, MessageId, Text};
use chive_mls::{Conversation, Draft, Opened};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::bench::pair::PATIENCE;

/// The text of every message.
pub(super) const TEXT: &str =
    "Are you there? I have been waiting at the corner for ten minutes now.";
/// Frames that may wait to be handled.
const EVENTS: usize = 64;

/// A contact with a link to the node.
pub(super) struct Contact {
    conversation: Conversation,
    seal: EnvelopeKeys,
    open: EnvelopeKeys,
    link: LinkSender,
    events: mpsc::Receiver<LinkEvent>,
    written: u64,
    in_flight: HashMap<MessageId, Instant>,
    receipted: VecDeque<Duration>,
    rng: StdRng,
    _running: AbortOnDropHandle<LinkError>,
}

impl Contact {
    /// Becomes a contact by invitation, and keeps the session as its link.
    pub(super) async fn meet(
        transport: &dyn Transport,
        invitation: &Invitation,
        number: usize,
    ) -> Result<Self> {
        let mut rng = StdRng::from_os_rng();
        let identity = Identity::new(&RootSecret(rng.random()));
        let draft = Draft::new(Clock::system().now().0.cast_unsigned() / 1000, &mut rng)?;
        let card = Card {
            revision: 1,
            name: format!("Contact {number}"),
            addresses: vec![ServiceKey(rng.random()).onion_address().into()],
            presence_secret: rng.random(),
            servers: vec![],
        };
        let introduction =
            Introduction { card, mls: draft.key_package, withdrawn: None, message: None };

        let service = Destination::Peer(invitation.front_door.into());
        let stream = transport.dial(service, IsolationToken(0), 0).await?;
        let established = dial_by_invitation(stream, &identity, invitation, &mut rng).await?;
        let peer = established.peer;
        let mut session = Session::new(established);
        greet(&mut session).await?;
        session.write(&Frame::Request(introduction.to_bytes())).await?;
        let Frame::Accept(answer) = read(&mut session).await? else {
            bail!("the request is refused")
        };
        let answer = Introduction::from_bytes(&answer, MAX_WELCOME)?;
        let (conversation, pair) = Conversation::join(&draft.blob, &answer.mls)?;
        greet(&mut session).await?;

        let (events, inbox) = mpsc::channel(EVENTS);
        let (link, running) = session.run(CancellationToken::new(), events, |event| event);
        Ok(Self {
            conversation,
            seal: EnvelopeKeys::new(&pair, identity.peer_id()),
            open: EnvelopeKeys::new(&pair, peer.peer_id()),
            link,
            events: inbox,
            written: 0,
            in_flight: HashMap::new(),
            receipted: VecDeque::new(),
            rng,
            _running: AbortOnDropHandle::new(tokio::spawn(running)),
        })
    }

    /// Sends the next message.
    pub(super) fn write(&mut self) -> Result<()> {
        let began = Instant::now();
        self.written += 1;
        let id = MessageId(self.rng.random());
        self.say(&Content::Text(Text {
            id,
            counter: self.written,
            clock: self.written,
            created_at: Clock::system().now().0,
            seen: vec![],
            text: TEXT.to_owned(),
            disappear_after: None,
        }))?;
        self.in_flight.insert(id, began);
        Ok(())
    }

    /// How many messages have no receipt yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Waits for the next receipt; gives the time since its message was written.
    pub(super) async fn receipt(&mut self) -> Result<Duration> {
        loop {
            if let Some(took) = self.receipted.pop_front() {
                return Ok(took);
            }
            let event = timeout(PATIENCE, self.events.recv()).await.context("no receipt comes")?;
            if let LinkEvent::Frame(frame) = event.context("the link has ended")? {
                self.handle(frame)?;
            }
        }
    }

    /// Waits until every message has its receipt.
    pub(super) async fn until_all_receipted(&mut self) -> Result<()> {
        while self.in_flight() > 0 {
            self.receipt().await?;
        }
        self.receipted.clear();
        Ok(())
    }

    fn handle(&mut self, frame: Frame) -> Result<()> {
        let Frame::Envelope(envelope) = frame else { return Ok(()) };
        let mls = self.open.open(&envelope)?;
        let opened =
            self.conversation.open(&mls, |epoch| Content::CommitReceipt { epoch }.to_bytes())?;
        let content = match opened {
            Opened::Commit { receipt, .. } => return self.hand_over(&receipt),
            Opened::Content(content) => Content::from_bytes(&content)?,
        };
        match content {
            Content::Receipt(ids) => {
                let took = ids.iter().filter_map(|id| self.in_flight.remove(id));
                self.receipted.extend(took.map(|began| began.elapsed()));
                Ok(())
            }
            Content::Card { id, .. } | Content::Settings { id, .. } => {
                self.say(&Content::Receipt(vec![id]))
            }
            _ => Ok(()),
        }
    }

    fn say(&mut self, content: &Content) -> Result<()> {
        let mls = self.conversation.seal(&content.to_bytes())?;
        self.hand_over(&mls)
    }

    fn hand_over(&mut self, mls: &[u8]) -> Result<()> {
        let envelope = self.seal.seal(mls, &mut self.rng)?;
        ensure!(self.link.send(Frame::Envelope(envelope), None), "the link takes nothing more");
        Ok(())
    }
}

/// Sends a hello, and waits for the node's.
async fn greet(session: &mut Session) -> Result<()> {
    session.write(&Frame::Hello { version: VERSION, links: vec![] }).await?;
    ensure!(matches!(read(session).await?, Frame::Hello { .. }), "no hello came");
    Ok(())
}

async fn read(session: &mut Session) -> Result<Frame> {
    Ok(timeout(PATIENCE, session.read()).await.context("the node is silent")??)
}
