//! A rendezvous server that does wrong when it is told to: the real one, behind Debian's tor, and
//! between them somebody who passes on what both sides say, or says something else.

use std::fs;
use std::future::pending;
use std::iter::repeat_n;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use toml::Table;

use crate::c_tor::CTor;
use crate::network::TORRC;
use crate::server::RendezvousServer;

/// What an endless body has: a gibibyte.
const ENDLESS: usize = 1 << 30;
/// How long the onion service may take to be found.
const PUBLISHED: Duration = Duration::from_mins(1);

/// What becomes of what a client asks for.
#[derive(Clone, Debug)]
pub enum Conduct {
    /// It gets what the server says.
    Honest,
    /// It gets nothing.
    Mute,
    /// It gets what the server says, once this has an end.
    Late,
    /// Under this path it gets a status and bytes.
    Says(&'static str, StatusCode, Bytes),
    /// Under this path it gets a beginning, and then the same again and again, a gibibyte of it.
    Drones(&'static str, Bytes, Bytes),
}

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// The server, and who is before it. Dropping it ends all; its directory stays.
#[derive(Debug)]
pub struct Liar {
    server: RendezvousServer,
    between: Arc<Between>,
    _tor: CTor,
    _serving: AbortOnDropHandle<()>,
}

impl Liar {
    /// Starts one in the new directory `home`, honest for now, with these settings above the
    /// server's defaults.
    pub async fn start(home: &Path, arti_config: &Path, mut settings: Table) -> Result<Self> {
        fs::create_dir_all(home)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let network = fs::read_to_string(arti_config.with_file_name(TORRC))?;
        let tor = CTor::service(&network, &home.join("tor"), listener.local_addr()?)?;
        let address = timeout(PUBLISHED, tor.address())
            .await
            .context("the onion service is not published")??;
        let socket = home.join("socket");
        let onion = Table::from_iter([
            ("enabled".to_owned(), false.into()),
            ("address".to_owned(), address.into()),
        ]);
        let listen =
            Table::from_iter([("unix".to_owned(), socket.to_string_lossy().into_owned().into())]);

        settings.extend([("onion".to_owned(), onion.into()), ("listen".to_owned(), listen.into())]);
        let server = RendezvousServer::start(home, arti_config, settings).await?;
        let between = Arc::new(Between {
            socket,
            conduct: watch::Sender::new(Conduct::Honest),
            given: AtomicUsize::new(0),
        });
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&between))));

        Ok(Self { server, between, _tor: tor, _serving: serving })
    }

    /// Its onion address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// Cuts all connections, and treats those that come like this.
    pub fn turns(&self, conduct: Conduct) {
        self.between.conduct.send_replace(conduct);
    }

    /// The board as it is now.
    pub async fn board(&self) -> Result<Bytes> {
        let request = Request::get("/v1/board")
            .header(HOST, self.address())
            .body(Empty::new().map_err(|e| match e {}))?;
        Ok(self
            .between
            .pass_on(request.map(Body::new))
            .await?
            .into_body()
            .collect()
            .await?
            .to_bytes())
    }

    /// The most bytes that anybody took of an endless body.
    #[must_use]
    pub fn most_taken(&self) -> usize {
        self.between.given.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Between {
    /// Where the server listens.
    socket: PathBuf,
    conduct: watch::Sender<Conduct>,
    given: AtomicUsize,
}

async fn serve(listener: TcpListener, between: Arc<Between>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => drop(connections.spawn(Arc::clone(&between).connection(stream))),
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Between {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut conduct = self.conduct.subscribe();
        let late = matches!(*conduct.borrow_and_update(), Conduct::Late);
        let answer = service_fn(|request| self.answer(request));
        let connection =
            server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::select! {
            _ = connection => {}
            // What comes late comes all the same.
            _ = conduct.changed(), if !late => {}
        }
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>> {
        let mut conduct = self.conduct.subscribe();
        let now = conduct.borrow_and_update().clone();
        let concerns = |under: &str| request.uri().path().starts_with(under);
        match now {
            Conduct::Mute => pending().await,
            Conduct::Says(under, status, bytes) if concerns(under) => {
                let body = Full::new(bytes).map_err(|e| match e {});
                Ok(Response::builder().status(status).body(Body::new(body))?)
            }
            Conduct::Drones(under, beginning, piece) if concerns(under) => {
                Ok(Response::new(self.endless(beginning, &piece)))
            }
            Conduct::Late => {
                let answer = self.pass_on(request.map(Body::new)).await;
                conduct.changed().await?;
                answer
            }
            _ => self.pass_on(request.map(Body::new)).await,
        }
    }

    /// Made as it is taken.
    fn endless(self: &Arc<Self>, beginning: Bytes, piece: &Bytes) -> Body {
        let (this, mut given) = (Arc::clone(self), 0);
        let pieces = repeat_n(piece.clone(), ENDLESS / piece.len());
        let frames = stream::iter([beginning].into_iter().chain(pieces)).map(move |bytes| {
            given += bytes.len();
            this.given.fetch_max(given, Ordering::Relaxed);
            Ok(Frame::data(bytes))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    async fn pass_on(&self, request: Request<Body>) -> Result<Response<Body>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer.
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?.map(Body::new))
    }
}
