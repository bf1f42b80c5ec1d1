//! The real client and the real store, killed at random moments of a conversation: over Unix
//! sockets, because over Tor each kill costs a second. `CHIVE_KILLS=1000` kills more often,
//! `CHIVE_SEED=7` chooses other moments. No Tor is started.

use std::fs;
use std::io::{Write as _, stderr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{ContactState, Presence};
use chive_tests::person::{Env, Person};
use chive_tests::soak::SoakTest;

/// The least number of kills.
const KILLS: u32 = 200;
const PATIENCE: Duration = Duration::from_mins(5);
/// Kills of each side between two comparisons of the states.
const ROUND: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_kills_lose_and_duplicate_nothing() -> Result<()> {
    let home = tempfile::Builder::new().prefix("kills").tempdir()?;
    let network = home.path().join("net");

    fs::create_dir(&network)?;
    let env = Env { program: chive_loopback(), tor_config: Some(network), patience: PATIENCE };
    let mut alice = Person::create(&env, &home.path().join("alice"), "Alice").await?;
    let mut bob = Person::create(&env, &home.path().join("bob"), "Bob").await?;
    tokio::try_join!(alice.start(), bob.start())?;
    bob.adds(&alice.invites().await?, "Alice").await?;
    tokio::try_join!(
        alice.until_contact("Bob", ContactState::Accepted),
        bob.until_presence("Alice", Presence::Online),
        alice.until_presence("Bob", Presence::Online),
    )?;
    let (kills, seed) = (number("CHIVE_KILLS", u64::from(KILLS))?, number("CHIVE_SEED", 1)?);
    let soak_test = SoakTest {
        kills: ROUND,
        rounds: u32::try_from(kills)?.div_ceil(2 * ROUND),
        pause: Duration::ZERO..Duration::from_millis(60),
        start: Duration::from_millis(600),
        link: Duration::from_secs(3),
        seed,
    };
    let began = Instant::now();
    let report = soak_test.run(&mut alice, &mut bob).await;
    let report =
        report.with_context(|| format!("CHIVE_SEED={seed} in {}", home.path().display()))?;
    writeln!(stderr(), "{report:?} in {:.1} s", began.elapsed().as_secs_f64())?;
    ensure!(u64::from(report.kills) >= kills, "only {} kills", report.kills);
    ensure!(
        report.linked >= report.kills / 4,
        "too few were killed while they had a link: {report:?}"
    );

    Ok(())
}

fn chive_loopback() -> PathBuf {
    env!("CARGO_BIN_EXE_chive-loopback").into()
}

fn number(variable: &str, default: u64) -> Result<u64> {
    let given = std::env::var(variable).ok();
    given.map_or(Ok(default), |given| {
        given.parse().with_context(|| format!("{variable} is not a number"))
    })
}
