//! Debian's own tor on the private network: a client with a SOCKS port, and an onion service.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::network::TorNetwork;
use crate::process::{Child, Launch, Output};

/// How often files and sockets are looked for.
const LOOK: Duration = Duration::from_millis(20);
/// How long one connect may take.
const CONNECT: Duration = Duration::from_secs(30);
/// The pause after a connect that failed.
const RETRY: Duration = Duration::from_millis(500);
/// What makes the onion service's tor say so when a directory has its descriptor.
const LOG: &str = "Log [rend]info stdout\n";
/// How it says so.
const UPLOADED: &str = "Uploading hidden service descriptor: finished with status 200";
/// The port of the onion service.
const PORT: u16 = 80;

/// A tor that uses the private network.
pub(super) struct CTor {
    /// Its process.
    pub(super) process: Child,
    directory: PathBuf,
    _echo: Option<AbortOnDropHandle<()>>,
}

impl CTor {
    /// Starts a client.
    pub(super) fn client(network: &TorNetwork, directory: &Path) -> Result<Self> {
        let socket = directory.join("socks");
        Self::start(network, directory, &format!("SocksPort unix:{}", socket.display()), None)
    }

    /// Starts an onion service that gives back what it gets.
    pub(super) async fn service(network: &TorNetwork, directory: &Path) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (target, service) = (listener.local_addr()?, directory.join("service"));
        let options =
            format!("{LOG}SocksPort 0\nHiddenServiceDir {}\nHiddenServicePort {PORT} {target}", service.display());
        let echo = AbortOnDropHandle::new(tokio::spawn(echo(listener)));
        Self::start(network, directory, &options, Some(echo))
    }

    fn start(
        network: &TorNetwork,
        directory: &Path,
        options: &str,
        echo: Option<AbortOnDropHandle<()>>,
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        make_private(directory)?;
        let (torrc, none, log) = (directory.join("torrc"), directory.join("none"), directory.join("log"));
        let data = directory.join("data");
        fs::write(&torrc, format!("{}DataDirectory {}\n{options}\n", network.tor_config(), data.display()))?;
        fs::write(&none, "")?;
        let launch = Launch::new("tor").arg("--defaults-torrc").arg(none).arg("-f").arg(torrc);
        let process = launch.stdout(Output::File(log.clone())).stderr(Output::File(log)).start()?;
        Ok(Self { process, directory: directory.to_owned(), _echo: echo })
    }

    /// The address of the service, once its descriptor is at a first directory. A client that asks
    /// earlier is told that there is none, and does not ask there again for a quarter of an hour.
    pub(super) async fn address(&self) -> Result<String> {
        while !fs::read_to_string(self.directory.join("log"))?.contains(UPLOADED) {
            sleep(LOOK).await;
        }
        Ok(fs::read_to_string(self.directory.join("service").join("hostname"))?.trim().to_owned())
    }

    /// Connects to a service and gets a byte back; tries again until it does.
    pub(super) async fn echoes(&self, address: &str) -> Result<()> {
        loop {
            match timeout(CONNECT, self.try_echo(address)).await {
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

    /// A stream through SOCKS 5 (RFC 1928).
    async fn socks(&self, address: &str) -> Result<UnixStream> {
        let mut stream = loop {
            match UnixStream::connect(self.directory.join("socks")).await {
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
        // The address and port that it is bound to: of no interest.
        let mut bound = vec![0; if reply[3] == 4 { 18 } else { 6 }];
        stream.read_exact(&mut bound).await?;
        Ok(stream)
    }
}

fn make_private(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?)
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
