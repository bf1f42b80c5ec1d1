//! The keys of a directory authority, made by tor's own programs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use futures::try_join;
use tokio::io::AsyncWriteExt as _;

use super::directory::create_private;
use super::node::{Identity, NO_OPTIONS, Node};
use crate::process::{Launch, Output};

/// The public part of an authority, which every node and client has to know.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    pub(super) nickname: String,
    pub(super) or_port: u16,
    pub(super) dir_port: u16,
    /// Digest of the identity key that signs votes, in hex.
    pub(super) v3ident: String,
    /// Digest of the relay's RSA identity key, in hex.
    pub(super) fingerprint: String,
}

impl Authority {
    /// Creates an authority's keys in the node's directory.
    pub(super) async fn create(node: &Node) -> Result<Self> {
        let dir_port = node.ports().directory.context("an authority needs a directory port")?;
        let keys = node.directory().join("keys");
        create_private(&keys)?;
        try_join!(certify(node, &keys, dir_port), create_identity(node))?;
        Ok(Self {
            nickname: node.nickname().to_owned(),
            or_port: node.ports().advertised,
            dir_port,
            v3ident: read_v3ident(&keys)?,
            fingerprint: Identity::read(node)?.rsa,
        })
    }
}

/// Creates the key that signs votes, and its certificate.
async fn certify(node: &Node, keys: &Path, dir_port: u16) -> Result<()> {
    let launch = Launch::new("tor-gencert")
        .args(["--create-identity-key", "--passphrase-fd", "0", "-m", "12"])
        .args(["-a", &format!("127.0.0.1:{dir_port}")])
        .arg("-i")
        .arg(keys.join("authority_identity_key"))
        .arg("-s")
        .arg(keys.join("authority_signing_key"))
        .arg("-c")
        .arg(keys.join("authority_certificate"));
    run(node, launch, "tor-gencert").await
}

/// Creates the relay's own keys, without running it.
async fn create_identity(node: &Node) -> Result<()> {
    // Without an authority of its own, tor would take this for a public relay.
    let placeholder = format!("nobody 127.0.0.1:1 {}", "f".repeat(40));
    let launch = node
        .tor(NO_OPTIONS)
        .args(["--list-fingerprint", "--ORPort", "1", "--DirAuthority", &placeholder])
        .args(["--Nickname", node.nickname()])
        .arg("--DataDirectory")
        .arg(node.directory());
    run(node, launch, "tor --list-fingerprint").await
}

async fn run(node: &Node, launch: Launch, name: &str) -> Result<()> {
    let log = Output::File(node.log());
    let mut child = launch.with_stdin().stdout(log.clone()).stderr(log).start()?;
    if let Some(stdin) = child.stdin() {
        // An empty passphrase. A program that reads none may have ended by now.
        let _ = stdin.write_all(b"\n").await;
    }
    child.close_stdin();
    let status = child.wait().await?;
    ensure!(status.success(), "{name}: {status}; {}", node.log_tail());
    Ok(())
}

fn read_v3ident(keys: &Path) -> Result<String> {
    let certificate = fs::read_to_string(keys.join("authority_certificate"))?;
    let ident = certificate.lines().find_map(|line| line.strip_prefix("fingerprint "));
    Ok(ident.context("tor-gencert wrote no fingerprint")?.to_owned())
}
