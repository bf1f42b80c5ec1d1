//! Debian's own tor as the baseline of benchmarks: a client with a SOCKS port, and an onion service
//! that echoes. It never carries a message of Chive's.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::c_tor::{self, PORT};
use crate::network::TorNetwork;

/// The pause before the next attempt to connect to the SOCKS socket.
const LOOK: Duration = Duration::from_millis(20);
/// How long one attempt may take on a network without delay.
const CONNECT: Duration = Duration::from_secs(30);
/// The pause after a failed attempt.
const RETRY: Duration = Duration::from_millis(500);

/// A tor on the private network, with an echo behind it if it is a service.
pub(super) struct EchoTor {
    tor: c_tor::CTor,
    socket: PathBuf,
    patience: Duration,
    _echo: Option<AbortOnDropHandle<()>>,
}

impl EchoTor {
    /// Starts a client with a SOCKS port on a Unix socket.
    pub(super) fn client(network: &TorNetwork, directory: &Path) -> Result<Self> {
        let socket = directory.join("socks");
        let options = format!("SocksPort unix:{}", socket.display());
        let tor = c_tor::CTor::start(network.tor_config(), directory, &options)?;
        Ok(Self { tor, socket, patience: network.patience(CONNECT), _echo: None })
    }

    /// Starts an onion service that echoes.
    pub(super) async fn service(network: &TorNetwork, directory: &Path) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let tor = c_tor::CTor::service(network.tor_config(), directory, listener.local_addr()?)?;
        let echo = AbortOnDropHandle::new(tokio::spawn(echo(listener)));
        Ok(Self {
            tor,
            socket: PathBuf::new(),
            patience: network.patience(CONNECT),
            _echo: Some(echo),
        })
    }

    /// The address of the service, once it can be found.
    pub(super) async fn address(&self) -> Result<String> {
        self.tor.address().await
    }

    /// The id of its process.
    pub(super) fn process_id(&self) -> u32 {
        self.tor.process_id()
    }

    /// Connects to a service until one attempt gets a byte back.
    pub(super) async fn echoes(&self, address: &str) -> Result<()> {
        loop {
            match timeout(self.patience, self.try_echo(address)).await {
                Ok(Ok(())) => return Ok(()),
                _ => sleep(RETRY).await,
            }
        }
    }

    async fn try_echo(&self, address: &str) -> Result<()> {
        let mut stream = self.socks(address).await?;
        stream.write_all(b"x").await?;
        ensure!(stream.read_u8().await? == b'x', "another byte came back");
        Ok(())
    }

    /// Opens a stream through SOCKS 5 (RFC 1928).
    async fn socks(&self, address: &str) -> Result<UnixStream> {
        let mut stream = loop {
            match UnixStream::connect(&self.socket).await {
                Ok(stream) => break stream,
                Err(_) => sleep(LOOK).await,
            }
        };
        stream.write_all(&[5, 1, 0]).await?;
        ensure!(stream.read_u16().await? == 0x0500, "no SOCKS 5");
        let length = u8::try_from(address.len()).context("a long address")?;
        let request = [&[5, 1, 0, 3, length], address.as_bytes(), &PORT.to_be_bytes()].concat();

        stream.write_all(&request).await?;
        let mut reply = [0; 4];
        stream.read_exact(&mut reply).await?;
        ensure!(reply[1] == 0, "SOCKS refuses with {}", reply[1]);

        // The address and port that it is bound to are not used.
        let mut bound = vec![0; if reply[3] == 4 { 18 } else { 6 }];
        stream.read_exact(&mut bound).await?;

        Ok(stream)
    }
}

async fn echo(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<u64> {
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await
}
