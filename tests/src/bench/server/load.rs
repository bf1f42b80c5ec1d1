//! Load for a server: records that are made before the measurement, and connections that are kept
//! alive. Nothing here measures.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use chive::clock::Clock;
use chive_shared::blinding::{PresenceSecret, Signer};
use chive_shared::board::Cursor;
use chive_shared::epoch::Epoch;
use chive_shared::limits::{MAX_RECORD_LIFE, RECORD, SUBMISSION, WORK};
use chive_shared::record::{Record, RecordDraft};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

/// People who write to one server.
pub(super) struct Writers {
    server: ServerId,
    signers: Vec<Signer>,
    epoch: Epoch,
    /// How many records each of them has made.
    rounds: u64,
}

const SECRET: PresenceSecret = PresenceSecret([2; 32]);

impl Writers {
    /// People whose keys are made from these numbers.
    pub(super) fn new(server: ServerId, numbers: Range<u64>) -> Self {
        let epoch = Epoch::at(Clock::system().now().0);
        let signer = |number: u64| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_be_bytes());
            Signer::new(&SigningKey::from_bytes(&seed), &SECRET, epoch, &server)
        };
        Self { server, signers: numbers.map(signer).collect(), epoch, rounds: 0 }
    }

    /// The next record of each.
    pub(super) fn next(&mut self) -> impl Iterator<Item = Record> + '_ {
        let now = Clock::system().now().0;
        let sequence = Sequence(Sequence::next(now, None).0 + self.rounds);
        self.rounds += 1;
        let status = Status { state: State::Online, since: now, hint: None };
        let draft =
            RecordDraft { epoch: self.epoch, sequence, expires: now + MAX_RECORD_LIFE, status };
        let server = &self.server;
        self.signers.iter().map(move |signer| Record::make(signer, &SECRET, server, draft, [7; 24]))
    }

    /// This many records, of as many people as there are.
    pub(super) fn records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            let more = count - records.len();
            records.extend(self.next().take(more));
        }
        records
    }
}

/// The body of a request that puts records.
pub(super) fn submission(records: &[Record]) -> Bytes {
    records
        .iter()
        .flat_map(|record| record.as_bytes().iter().chain(&[0; WORK]))
        .copied()
        .collect::<Vec<u8>>()
        .into()
}

/// A connection that is kept alive.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl Connection {
    pub(super) async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Self::over(stream).await
    }

    /// To a Unix socket, as a tor in front of the server opens them.
    pub(super) async fn open_local(to: &Path) -> Result<Self> {
        Self::over(UnixStream::connect(to).await?).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, _driver: AbortOnDropHandle::new(tokio::spawn(connection)) })
    }

    /// Puts the records of a [`submission`]; when this returns, they are durable.
    pub(super) async fn put(&mut self, records: Bytes) -> Result<()> {
        let one = records.len() == SUBMISSION;
        let (method, path) = match records.get(1..33).filter(|_| one) {
            Some(address) => ("PUT", format!("/v1/records/{}", HEXLOWER.encode(address))),
            None => ("POST", "/v1/records".to_owned()),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "server")
            .body(Full::new(records))?;
        let answer = self.ask(request).await?.collect().await?.to_bytes();
        let refused = !one && answer.windows(6).any(|word| word == b"\"code\"");
        ensure!(!refused, "a record was refused: {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    /// Sends a GET; the body of the answer is not read yet.
    pub(super) async fn get(&mut self, path: &str) -> Result<Incoming> {
        let request = Request::builder().uri(path).header("host", "server").body(Full::default())?;
        self.ask(request).await
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Incoming> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let problem = answer.into_body().collect().await?.to_bytes();
        anyhow::bail!("{status}: {}", String::from_utf8_lossy(&problem))
    }
}

/// The number of bytes of a body.
pub(super) async fn length(mut body: Incoming) -> Result<usize> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(length)
}

/// A stream of changes, of which only the events' ids are parsed.
pub(super) struct Changes {
    body: Incoming,
    line: Vec<u8>,
    _connection: Connection,
}

impl Changes {
    /// Follows from a cursor on.
    pub(super) async fn follow(to: SocketAddr, after: Cursor) -> Result<Self> {
        let mut connection = Connection::open(to).await?;
        let body = connection.get(&format!("/v1/stream?after={after}")).await?;
        Ok(Self { body, line: vec![], _connection: connection })
    }

    /// The next event: the change up to which everything has arrived, and the event's text.
    pub(super) async fn next(&mut self) -> Result<(u64, Vec<u8>)> {
        loop {
            if let Some(end) = self.line.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.line.drain(..end + 2).collect();
                let text = str::from_utf8(&event)?;
                if let Some(id) = text.lines().find_map(|line| line.strip_prefix("id: ")) {
                    let change =
                        id.rsplit('-').next().context("an id without a change")?.parse()?;
                    return Ok((change, event));
                }
                ensure!(text.starts_with(':'), "the stream ended: {text}");
                continue;
            }
            let frame = self.body.frame().await.context("the stream ended")??;
            self.line.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        }
    }
}

/// The records that an event brought.
pub(super) fn records_of(event: &[u8]) -> Result<Vec<Record>> {
    let data = str::from_utf8(event)?
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .context("no data")?;
    let bytes = data_encoding::BASE64.decode(data.as_bytes())?;
    Ok(chive_shared::board::parse(&bytes, bytes.len() / RECORD)?.1)
}

/// The cursor of a server's board now.
pub(super) async fn cursor(to: SocketAddr) -> Result<Cursor> {
    let body = Connection::open(to).await?.get("/v1/board").await?.collect().await?.to_bytes();
    Ok(chive_shared::board::parse(&body, body.len() / RECORD)?.0.cursor)
}
