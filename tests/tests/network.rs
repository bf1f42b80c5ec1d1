//! The private Tor network: it starts, survives what is done to its relays, and
//! leaves nothing behind.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use chive_tests::network::{Options, TorNetwork};

#[tokio::test]
async fn relays_come_back_and_nothing_remains() -> Result<()> {
    let mut network = TorNetwork::start(Options::default()).await?;
    let directory = network.directory().to_owned();

    network.kill(0).await?;
    ensure!(network.process_ids().len() == 7, "the killed relay runs on");
    let began = Instant::now();
    network.restart(0).await?;
    eprintln!("restart: {:?}", began.elapsed());
    ensure!(
        network.process_ids().len() == 8,
        "the relay did not come back"
    );

    network.stop(1)?;
    network.cont(1)?;
    ensure!(network.kill(8).await.is_err(), "there is no ninth node");

    network.kill_all_relays().await?;
    ensure!(network.process_ids().is_empty(), "some relay runs on");
    let began = Instant::now();
    network.restart_all().await?;
    eprintln!("restart all: {:?}", began.elapsed());

    let processes = network.process_ids();
    drop(network);
    ensure!(
        remaining(&processes).is_empty(),
        "dropping the network left processes behind"
    );
    ensure!(
        !directory.exists(),
        "dropping the network left its directory behind"
    );
    Ok(())
}

/// Those of the processes that have not vanished.
fn remaining(processes: &[u32]) -> Vec<u32> {
    let exists = |id: &u32| Path::new("/proc").join(id.to_string()).exists();
    processes.iter().copied().filter(exists).collect()
}
