//! Receipts, words and sentences send the same number of Tor cells. Counts them with a bridge
//! between the client and its first relay.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::Message;
use chive_tests::person::{Env, Person};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use toml::Table;

use crate::stage::{Stage, meet};

/// A cell of Tor's, in bytes. TLS adds less than one cell to a few of them.
const CELL: u64 = 514;
/// A client may need a minute for its first circuits over an unknown bridge.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often each is counted, as Tor sends cells of its own now and then.
const TIMES: usize = 15;
/// The silence after which everything that belongs together has been sent.
const QUIET: Duration = Duration::from_millis(800);

/// A bridge in front of a relay, which counts what the client sends.
struct CountingBridge {
    line: String,
    sent: Arc<AtomicU64>,
    _carrying: AbortOnDropHandle<()>,
}

impl CountingBridge {
    async fn before_first_relay(config: &Table) -> Result<Self> {
        let relay = &config["tor_network"]["fallback_caches"][0];
        let text = |value: &toml::Value| value.as_str().map(str::to_owned).context("no text");
        let (rsa, ed25519, place) = (
            text(&relay["rsa_identity"])?,
            text(&relay["ed_identity"])?,
            text(&relay["orports"][0])?,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let line = format!("{} {rsa} ed25519:{ed25519}", listener.local_addr()?);
        let sent = Arc::new(AtomicU64::new(0));
        let carrying = tokio::spawn(carry_all(listener, place, Arc::clone(&sent)));
        Ok(Self { line, sent, _carrying: AbortOnDropHandle::new(carrying) })
    }

    /// The number of cells that are sent during an action, and until it is quiet.
    async fn cells(&self, doing: impl Future<Output = Result<()>>) -> Result<u64> {
        let before = self.quiet().await;
        doing.await?;
        Ok((self.quiet().await - before) / CELL)
    }

    async fn quiet(&self) -> u64 {
        loop {
            let sent = self.sent.load(Ordering::Relaxed);
            sleep(QUIET).await;
            if self.sent.load(Ordering::Relaxed) == sent {
                return sent;
            }
        }
    }
}

async fn carry_all(listener: TcpListener, relay: String, sent: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (relay, sent) = (relay.clone(), Arc::clone(&sent));
        connections.spawn(async move {
            let relay = TcpStream::connect(relay).await?;
            let ((from_client, to_client), (from_relay, to_relay)) =
                (client.into_split(), relay.into_split());
            let received = AtomicU64::new(0);
            tokio::try_join!(
                carry(from_client, to_relay, &sent),
                carry(from_relay, to_client, &received)
            )?;
            anyhow::Ok(())
        });
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    carried: &AtomicU64,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        carried.fetch_add(length as u64, Ordering::Relaxed);
        to.write_all(&buffer[..length]).await?;
    }
}

/// The value of more than half of the counts.
fn majority(counts: &[u64]) -> Result<u64> {
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for count in counts {
        *times.entry(*count).or_default() += 1;
    }
    let (count, often) =
        times.into_iter().max_by_key(|(_, often)| *often).context("nothing was counted")?;
    ensure!(2 * often > counts.len(), "no number of cells has a majority in {counts:?}");
    Ok(count)
}

async fn sends(from: &Person, to: &Person, text: &str) -> Result<()> {
    let message: Message = from.delivers(to.name(), text).await?;
    to.sees(&message.text).await.map(|_| ())
}

pub(crate) async fn receipts_words_and_sentences_have_the_same_size(stage: Stage) -> Result<()> {
    let config = fs::read_to_string(stage.env.tor_config.as_deref().unwrap_or(Path::new("")))?;
    let tap = CountingBridge::before_first_relay(&config.parse()?).await?;
    let file = stage.home.join("tapped.toml");
    fs::write(
        &file,
        format!("{config}\n[bridges]\nenabled = true\nbridges = [\"{}\"]\n", tap.line),
    )?;
    let stage = Stage::new(&stage.home, Env { patience: PATIENCE, ..stage.env.clone() });
    let tapped = Stage::new(&stage.home, Env { tor_config: Some(file), ..stage.env.clone() });
    let (alice, bob) = tokio::try_join!(tapped.person("Alice"), stage.person("Bob"))?;
    meet(&alice, &bob).await?;

    let mut counts: [Vec<u64>; 4] = Default::default();
    let [receipts, words, sentences, pages] = &mut counts;
    let (sentence, page) = (
        "The meeting is at the old place, an hour later than last time. ".repeat(4),
        "x".repeat(4000),
    );
    for number in 0..TIMES {
        // For what Bob writes, Alice sends nothing but the receipt.
        receipts.push(tap.cells(sends(&bob, &alice, &format!("{number}"))).await?);
        words.push(tap.cells(sends(&alice, &bob, &format!("{number}"))).await?);
        sentences.push(tap.cells(sends(&alice, &bob, &format!("{number}: {sentence}"))).await?);
        pages.push(tap.cells(sends(&alice, &bob, &format!("{number}: {page}"))).await?);
    }
    tracing::info!(?receipts, ?words, ?sentences, ?pages, "cells");
    let [receipt, word, sentence, page] =
        [majority(receipts)?, majority(words)?, majority(sentences)?, majority(pages)?];
    ensure!(receipt == word && word == sentence, "{counts:?}");
    ensure!(page > word, "the cells of a whole page are not counted: {counts:?}");
    Ok(())
}
