//! `chive-rendezvous health`: asks a running server, on the operator's address, whether it is
//! ready.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chive_rendezvous::config::Listen;

/// For each byte of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer that is longer is not the server's.
const LONGEST: u64 = 16 * 1024;

/// What the server says: nothing is wrong, or the first thing that is.
pub(super) fn ask(admin: &Listen) -> anyhow::Result<String> {
    let unreachable = "the server does not answer";
    if let Some(path) = &admin.unix {
        let stream = UnixStream::connect(path).context(unreachable)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        return answer(stream);
    }
    let Some(address) = admin.tcp else {
        bail!("the server has no [admin] address to be asked on")
    };
    let stream = TcpStream::connect_timeout(&address, PATIENCE).context(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    answer(stream)
}

fn answer(mut stream: impl Read + Write) -> anyhow::Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text).context("the server does not answer")?;
    let (head, body) =
        text.split_once("\r\n\r\n").context("the server answers with something else than HTTP")?;
    let said = body.trim().to_owned();
    if head.starts_with("HTTP/1.1 200 ") { Ok(said) } else { bail!(said) }
}
