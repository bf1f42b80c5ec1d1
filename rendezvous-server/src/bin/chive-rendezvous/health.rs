//! `chive-rendezvous health`: asks a running server, on the operator's address, whether it is
//! ready. It never starts anything and never goes over Tor.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chive_rendezvous::config::ListenSettings;

/// For the connection, and for each read of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The server's answers are far below this size, in bytes.
const MAX_ANSWER: u64 = 16 * 1024;

/// The server's answer: ready, or the first thing that is wrong as an error.
pub(super) fn ask(admin: &ListenSettings) -> anyhow::Result<String> {
    let unreachable = "the server does not answer";
    if let Some(path) = &admin.unix {
        let stream = UnixStream::connect(path).context(unreachable)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        return answer(stream);
    }
    let Some(address) = admin.tcp else {
        bail!("the server has no [admin] address to be asked on")
    };
    let stream = TcpStream::connect_timeout(&address, TIMEOUT).context(unreachable)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    answer(stream)
}

fn answer(mut stream: impl Read + Write) -> anyhow::Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut text).context("the server does not answer")?;
    let (head, body) =
        text.split_once("\r\n\r\n").context("the server answers with something else than HTTP")?;
    let message = body.trim().to_owned();
    if head.starts_with("HTTP/1.1 200 ") { Ok(message) } else { bail!(message) }
}
