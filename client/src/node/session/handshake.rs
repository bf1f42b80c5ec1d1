//! The tasks that make links: they answer a stream, dial a contact, or ask at a front door. Each
//! ends with one report to the node.

use std::sync::Arc;

use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::admission::{Class, Slot};
use super::established::{Answered, AttemptError, ContactRequest, EstablishedLink, RequestAnswer};
use super::keyring::{KeyVersion, Keyring};
use crate::identity::{Identity, PublicIdentity};
use crate::invitation::{Invitation, InvitationSecret};
use crate::limits::{HANDSHAKE_DEADLINE, PREFACE_DEADLINE};
use crate::link::LinkError;
use crate::link::handshake::{self, Established, PairKeys};
use crate::link::preface::{Preface, Purpose};
use crate::link::session::Session;
use crate::model::{ContactId, ServiceKind};
use crate::node::input::Report;
use crate::transport::{Address, Destination, Incoming, IsolationToken, Stream, Transport};
use crate::wire::frame::{Frame, LinkId, VERSION};

#[derive(Clone)]
pub(crate) struct Handshaker {
    pub(crate) identity: Arc<Identity>,
    pub(crate) keyring: Keyring,
    pub(crate) reports: mpsc::Sender<Report>,
}

impl Handshaker {
    /// Answers one stream. A stranger gets silence, whatever is wrong.
    pub(crate) async fn answer(self, incoming: Incoming, mut slot: Slot) {
        let lost = slot.lost.clone();
        let answer = timeout(HANDSHAKE_DEADLINE, self.try_answer(incoming, &mut slot));
        match lost
            .run_until_cancelled(answer)
            .await
            .map(|answered| answered.map_err(LinkError::from).flatten())
        {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "an incoming stream came to nothing"),
            None => tracing::debug!("an incoming stream gave way to another"),
        }
    }

    async fn try_answer(&self, incoming: Incoming, slot: &mut Slot) -> Result<(), LinkError> {
        let Incoming { service, mut stream, .. } = incoming;
        let preface = timeout(PREFACE_DEADLINE, handshake::read_preface(&mut stream)).await??;
        match (service, preface.purpose) {
            (ServiceKind::Contacts, Purpose::Contact) => {
                let (contact, version, keys) =
                    self.keyring.contact_of(&preface).ok_or(LinkError::Handshake)?;
                if !slot.name(Class::Contact(contact)) {
                    return Ok(());
                }
                let met = self.answer_contact(stream, contact, &preface, (version, &keys)).await;
                self.report(met.map_or_else(
                    |error| Report::AnswerFailed { contact, error },
                    |established_link| Report::LinkEstablished {
                        contact,
                        established_link: Box::new(established_link),
                    },
                ))
                .await;
                Ok(())
            }
            (ServiceKind::Requests, Purpose::Invitation) => {
                let secret = self.keyring.invitation_of(&preface).ok_or(LinkError::Handshake)?;
                if !slot.name(Class::Invitation(secret.id())) {
                    return Ok(());
                }
                self.answer_request(stream, &preface, &secret).await
            }
            _ => Err(LinkError::Handshake),
        }
    }

    async fn answer_contact(
        &self,
        stream: Stream,
        contact: ContactId,
        preface: &Preface,
        (version, keys): (KeyVersion, &PairKeys),
    ) -> Result<EstablishedLink, LinkError> {
        let established = handshake::accept_contact(stream, &self.identity, preface, keys).await?;
        self.greet(contact, version, established).await
    }

    async fn greet(
        &self,
        contact: ContactId,
        version: KeyVersion,
        established: Established,
    ) -> Result<EstablishedLink, LinkError> {
        let (held, ours) = self.keyring.hold(contact, established.id);
        let mut session = Session::new(established);
        let theirs = exchange_hellos(&mut session, ours).await?;
        Ok(EstablishedLink { session, version, theirs, held })
    }

    async fn answer_request(
        &self,
        stream: Stream,
        preface: &Preface,
        secret: &InvitationSecret,
    ) -> Result<(), LinkError> {
        let established =
            handshake::accept_by_invitation(stream, &self.identity, preface, secret).await?;
        let peer = established.peer;
        let mut session = Session::new(established);
        exchange_hellos(&mut session, vec![]).await?;
        let Frame::Request(introduction) = session.read().await? else {
            return Err(LinkError::Unexpected);
        };

        let (answer, answered) = oneshot::channel();
        self.report(Report::Requested(ContactRequest {
            invitation: secret.id(),
            peer,
            introduction,
            answer,
        }))
        .await;

        // The node drops the request when it stops, or when it will not answer.
        let Ok(RequestAnswer { frame, contact }) = answered.await else { return Ok(()) };
        session.write(&frame).await?;

        // The asker says hello again, or closes, once it has stored the answer: closing first could
        // cut it off.
        let Ok(Frame::Hello { links: theirs, .. }) = session.read().await else { return Ok(()) };
        let Some((contact, version)) = contact else { return Ok(()) };
        let (held, ours) = self.keyring.hold(contact, session.id);
        session.write(&Frame::Hello { version: VERSION, links: ours }).await?;
        self.report(Report::LinkEstablished {
            contact,
            established_link: Box::new(EstablishedLink { session, version, theirs, held }),
        })
        .await;

        Ok(())
    }

    /// Goes on, as a contact, over the session in which we became one. If the other will not, the
    /// contact is dialled in its time.
    pub(crate) async fn go_on(self, contact: ContactId, version: KeyVersion, mut session: Session) {
        let (held, ours) = self.keyring.hold(contact, session.id);
        let met = timeout(HANDSHAKE_DEADLINE, exchange_hellos(&mut session, ours)).await;
        match met.map_err(LinkError::from).flatten() {
            Ok(theirs) => {
                self.report(Report::LinkEstablished {
                    contact,
                    established_link: Box::new(EstablishedLink { session, version, theirs, held }),
                })
                .await;
            }
            Err(error) => tracing::debug!(%error, "the session of a request does not go on"),
        }
    }

    pub(crate) async fn dial(
        self,
        transport: &dyn Transport,
        contact: ContactId,
        to: Address,
        attempt: u32,
        rng: StdRng,
    ) {
        let met = self.try_dial(transport, contact, to, attempt, rng).await;
        self.report(match met {
            Ok(established_link) => {
                Report::LinkEstablished { contact, established_link: Box::new(established_link) }
            }
            Err(error) => Report::DialFailed { contact, error },
        })
        .await;
    }

    async fn try_dial(
        &self,
        transport: &dyn Transport,
        contact: ContactId,
        to: Address,
        attempt: u32,
        mut rng: StdRng,
    ) -> Result<EstablishedLink, AttemptError> {
        let (version, keys) = self.keyring.keys(contact).ok_or(LinkError::Unexpected)?;
        let stream = transport.dial(Destination::Peer(to), isolation(contact), attempt).await?;
        let established_link = timeout(HANDSHAKE_DEADLINE, async {
            let established =
                handshake::dial_contact(stream, &self.identity, &keys, &mut rng).await?;
            self.greet(contact, version, established).await
        });
        Ok(established_link.await.map_err(LinkError::from).flatten()?)
    }

    /// Asks at a front door to become a contact.
    pub(crate) async fn ask(
        self,
        transport: &dyn Transport,
        contact: ContactId,
        invitation: &Invitation,
        introduction: Vec<u8>,
        attempt: u32,
        rng: StdRng,
    ) {
        let began = Instant::now();
        let answer =
            self.try_ask(transport, contact, invitation, &introduction, attempt, rng).await;
        self.report(match answer {
            Ok((peer, answer, session)) => {
                Report::Answered(Answered { contact, began, peer, introduction, answer, session })
            }
            Err(error) => Report::RequestFailed { contact, error },
        })
        .await;
    }

    async fn try_ask(
        &self,
        transport: &dyn Transport,
        contact: ContactId,
        invitation: &Invitation,
        introduction: &[u8],
        attempt: u32,
        mut rng: StdRng,
    ) -> Result<(PublicIdentity, Frame, Box<Session>), AttemptError> {
        let front_door = Destination::Peer(invitation.front_door.into());
        let stream = transport.dial(front_door, isolation(contact), attempt).await?;
        let answered = timeout(HANDSHAKE_DEADLINE, async {
            let established =
                handshake::dial_by_invitation(stream, &self.identity, invitation, &mut rng).await?;
            let peer = established.peer;
            let mut session = Session::new(established);
            // Without waiting for the other's hello: a way there and back is saved.
            session.write(&Frame::Hello { version: VERSION, links: vec![] }).await?;
            session.write(&Frame::Request(introduction.to_vec())).await?;
            read_hello(&mut session).await?;
            let answer = session.read().await?;
            Ok((peer, answer, Box::new(session)))
        });
        Ok(answered.await.map_err(LinkError::from).flatten()?)
    }

    pub(crate) async fn report(&self, report: Report) {
        // The node takes reports until it stops; then nobody needs them.
        let _ = self.reports.send(report).await;
    }
}

fn isolation(contact: ContactId) -> IsolationToken {
    IsolationToken(contact.0.cast_unsigned())
}

async fn exchange_hellos(
    session: &mut Session,
    links: Vec<LinkId>,
) -> Result<Vec<LinkId>, LinkError> {
    session.write(&Frame::Hello { version: VERSION, links }).await?;
    read_hello(session).await
}

/// The links that the other end holds.
async fn read_hello(session: &mut Session) -> Result<Vec<LinkId>, LinkError> {
    match session.read().await? {
        Frame::Hello { version, links } if version >= VERSION => Ok(links),
        _ => Err(LinkError::Unexpected),
    }
}
