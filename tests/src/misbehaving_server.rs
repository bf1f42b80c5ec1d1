//! A rendezvous server that misbehaves when it is told to: the real one, behind Debian's tor, with
//! a proxy in between that passes on what both sides say, or says something else. It never touches
//! the server's data.

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

/// The size of an endless body: a gibibyte.
const ENDLESS: usize = 1 << 30;
/// How long the onion service may take to publish its descriptor.
const PUBLISHED: Duration = Duration::from_mins(5);

/// How the server treats requests.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// It answers as the real server does.
    Honest,
    /// It never answers.
    Silent,
    /// It answers as the real server does, but only once the behavior changes.
    Late,
    /// Under this path, it answers with this status and body.
    Replaces(&'static str, StatusCode, Bytes),
    /// Under this path, it answers with these first bytes, and then a gibibyte of this piece.
    Endless(&'static str, Bytes, Bytes),
}

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// The server, the proxy and the tor in front of them. Dropping it ends all; its directory stays.
#[derive(Debug)]
pub struct MisbehavingServer {
    server: RendezvousServer,
    proxy: Arc<Proxy>,
    _tor: CTor,
    _serving: AbortOnDropHandle<()>,
}

impl MisbehavingServer {
    /// Starts one in the new directory `home`, honest for now. `settings` override the server's
    /// defaults.
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

        let proxy = Arc::new(Proxy {
            socket,
            behavior: watch::Sender::new(Behavior::Honest),
            max_bytes_sent: AtomicUsize::new(0),
        });
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&proxy))));

        Ok(Self { server, proxy, _tor: tor, _serving: serving })
    }

    /// The onion address, under which the proxy answers.
    #[must_use]
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// Cuts all connections, and treats new ones like this.
    pub fn behaves(&self, behavior: Behavior) {
        self.proxy.behavior.send_replace(behavior);
    }

    /// The real board as it is now.
    pub async fn board(&self) -> Result<Bytes> {
        let request = Request::get("/v1/board")
            .header(HOST, self.address())
            .body(Empty::new().map_err(|e| match e {}))?;
        let answer = self.proxy.pass_on(request.map(Body::new)).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    }

    /// The most bytes that any client has read of an endless body.
    #[must_use]
    pub fn max_bytes_sent(&self) -> usize {
        self.proxy.max_bytes_sent.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Proxy {
    /// Where the real server listens.
    socket: PathBuf,
    behavior: watch::Sender<Behavior>,
    max_bytes_sent: AtomicUsize,
}

async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(Arc::clone(&proxy).connection(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Proxy {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut behavior = self.behavior.subscribe();
        let is_late = matches!(*behavior.borrow_and_update(), Behavior::Late);
        let answer = service_fn(|request| self.answer(request));
        let connection =
            server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::select! {
            _ = connection => {}
            // A late answer still has to be sent when the behavior changes.
            _ = behavior.changed(), if !is_late => {}
        }
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>> {
        let mut behavior = self.behavior.subscribe();
        let now = behavior.borrow_and_update().clone();
        let is_under = |path: &str| request.uri().path().starts_with(path);
        match now {
            Behavior::Silent => pending().await,
            Behavior::Replaces(path, status, bytes) if is_under(path) => {
                let body = Full::new(bytes).map_err(|e| match e {});
                Ok(Response::builder().status(status).body(Body::new(body))?)
            }
            Behavior::Endless(path, beginning, piece) if is_under(path) => {
                Ok(Response::new(self.endless(beginning, &piece)))
            }
            Behavior::Late => {
                let answer = self.pass_on(request.map(Body::new)).await;
                behavior.changed().await?;
                answer
            }
            _ => self.pass_on(request.map(Body::new)).await,
        }
    }

    /// A body whose pieces are made as they are read.
    fn endless(self: &Arc<Self>, beginning: Bytes, piece: &Bytes) -> Body {
        let (this, mut sent) = (Arc::clone(self), 0);
        let pieces = repeat_n(piece.clone(), ENDLESS / piece.len());
        let frames = stream::iter([beginning].into_iter().chain(pieces)).map(move |bytes| {
            sent += bytes.len();
            this.max_bytes_sent.fetch_max(sent, Ordering::Relaxed);
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
