//! `store`: how long the owner of a large profile waits. Tor is not started.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use chive::api::client::Client;
use chive::api::server;
use chive::api::server::limits::DEFAULT_HISTORY;
use chive::api::types::Search;
use chive::clock::Clock;
use chive::node::{self, INCOMING_QUEUE, KeyUpdates, Links, Parts};
use chive::profile::{self, Passphrase};
use chive::transport::memory::MemoryNetwork;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::figures::{Figures, Samples, Summary};
use super::fill::{PASSPHRASE, fill};
use super::setup::Bench;

const MESSAGES: usize = 100_000;
const PEOPLE: usize = 20;
/// The ranks of frequency of the words that are searched.
const RANKS: [usize; 3] = [4, 200, 4000];
/// The limits in milliseconds.
const OPEN: f64 = 1_000.0;
const PAGE: f64 = 20.0;
const SEARCH: f64 = 50.0;
/// How often the profile is opened.
const OPENED: usize = 10;
/// How often each question is asked per opening.
const ASKED: usize = 20;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let directory = bench.home().join("profile");
    let began = Instant::now();
    let vocabulary = fill(&directory, "Alice", PEOPLE, MESSAGES).await?;
    let filled = began.elapsed();
    let (mut open, mut page) = (Samples::default(), Samples::default());
    let mut search = RANKS.map(|rank| (rank, Samples::default()));
    for _ in 0..bench.pairs(OPENED) {
        let began = Instant::now();
        let profile = profile::open(&directory, &Passphrase::new(PASSPHRASE.into())).await?;
        let listener = server::bind(&profile.socket())?;
        let (accepted, incoming) = mpsc::channel(INCOMING_QUEUE);
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::new(MemoryNetwork::default().transport(accepted)),
            incoming,
            directory: directory.clone(),
            clock: Clock::system(),
            rng: StdRng::from_os_rng(),
            key_updates: KeyUpdates::default(),
            links: Links::Always,
        };
        let running = node::start(parts).await?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server::serve(
            listener,
            running.handle.clone(),
            stop.clone().cancelled_owned(),
        ));
        let api = Client::new(profile.socket());

        api.status().await?;
        open.push_ms(began.elapsed());
        for asked in 0..ASKED {
            let began = Instant::now();
            api.history(&format!("Contact {}", asked % PEOPLE), DEFAULT_HISTORY, None).await?;
            page.push_ms(began.elapsed());
            for (rank, took) in &mut search {
                let began = Instant::now();
                let found = api.search(&search_for(vocabulary.word(*rank))).await?;
                took.push_ms(began.elapsed());
                ensure!(!found.is_empty(), "nothing is found");
            }
        }

        stop.cancel();
        serving.await??;
        running.stop.cancel();
        running.ended.await?;
    }

    let slowest = search.iter().map(|(_, took)| took.median()).fold(0.0, f64::max);
    let figures =
        [("open", open.median(), OPEN), ("page", page.median(), PAGE), ("search", slowest, SEARCH)];
    let figures = Figures::new(Summary::of_several("store", &figures, "ms"))
        .row("open: passphrase, store, node, first answer", "ms", open)
        .row(format!("last page of a conversation ({DEFAULT_HISTORY} messages)"), "ms", page);
    let figures = search.into_iter().fold(figures, |figures, (rank, took)| {
        figures.row(
            format!("search of the word that is number {} in frequency", rank + 1),
            "ms",
            took,
        )
    });

    Ok(figures
        .note(format!(
            "{MESSAGES} messages with {PEOPLE} people, written in {:.0} s",
            filled.as_secs_f64()
        ))
        .note("through the local API; Tor is not started"))
}

fn search_for(word: &str) -> Search {
    Search { text: word.into(), conversation: None, limit: DEFAULT_HISTORY, before: None }
}
