//! A simulated world: real nodes whose network, clocks and random numbers all come from one seed.
//! Plays random histories of a few people, and checks what must hold after each.
//!
//! - `CHIVE_SIM_SEED=7` plays one history, and prints what happens in it.
//! - `CHIVE_SIM_COUNT=10000 CHIVE_SIM_FROM=5000` plays so many, starting with this seed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

mod commit_observer;
mod history;
mod network;
mod oracle;
mod person;

use history::{Played, number, play};

/// Histories that every run of the tests plays.
const HISTORIES: u64 = 2_000;

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Plays one history; what went wrong, with the way to play it again.
fn try_play(seed: u64) -> Result<Played, String> {
    let log = Arc::default();
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, &log)));
    played.map_err(|panic| {
        let log: &Mutex<Vec<String>> = &log;
        let log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let last = log[log.len().saturating_sub(12)..].join("\n  ");
        let reason = reason(&*panic);
        format!(
            "{last}\n{reason}\nplay it again: CHIVE_SIM_SEED={seed} cargo test -p chive --lib \
                node::sim::random"
        )
    })
}

#[test]
fn random_histories_lose_and_repeat_nothing() {
    if let Some(seed) = number("CHIVE_SIM_SEED") {
        let played = try_play(seed).unwrap_or_else(|failure| panic!("seed {seed}:\n  {failure}"));
        println!("{:?}", played.tally);
        return;
    }

    let (from, count) =
        (number("CHIVE_SIM_FROM").unwrap_or(1), number("CHIVE_SIM_COUNT").unwrap_or(HISTORIES));
    let (next, failures, tally) =
        (AtomicU64::new(from), Mutex::new(vec![]), Mutex::new(history::Tally::default()));
    let work = || {
        while failures.lock().unwrap().len() < 5 {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                break;
            }
            match try_play(seed) {
                Ok(played) => tally.lock().unwrap().add(&played.tally),
                Err(failure) => failures.lock().unwrap().push(format!("seed {seed}:\n  {failure}")),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);

    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    println!("{:?}", tally.lock().unwrap());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_same_seed_plays_the_same_history() {
    for seed in 1..=8 {
        let (once, again) = (try_play(seed), try_play(seed));
        let logs = (once.map(|played| played.log), again.map(|played| played.log));
        let (Ok(once), Ok(again)) = logs else { panic!("seed {seed} does not come to its end") };
        let differs = once.iter().zip(&again).find(|(one, other)| one != other);
        assert!(once.len() == again.len() && differs.is_none(), "seed {seed}: {differs:#?}");
    }
}
