//! The private Tor network: it starts, survives killed and restarted relays, and leaves nothing
//! behind. No `chive` runs.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive_tests::network::{Options, TorNetwork};
use chive_tests::process::{Child, Launch, Output};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long a network may take to start on a busy machine.
const START_DEADLINE: Duration = Duration::from_mins(5);

/// How long processes may take to vanish. Tor itself looks for its owner only
/// every 15 s: this must not depend on it.
const VANISH_DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn relays_come_back_and_nothing_remains() -> Result<()> {
    let mut network = TorNetwork::start(Options::default()).await?;
    let directory = network.directory().to_owned();
    assert_eq!(network.process_ids().len(), network.nodes());
    assert_eq!(std::fs::read_to_string(network.arti_config_file())?, network.arti_config());

    network.kill(0).await?;
    assert_eq!(network.process_ids().len(), network.nodes() - 1);
    network.restart(0).await?;
    assert_eq!(network.process_ids().len(), network.nodes());

    network.stop(1)?;
    network.cont(1)?;
    assert!(network.kill(network.nodes()).await.is_err(), "there is no such node");

    network.kill_all_relays().await?;
    assert!(network.process_ids().is_empty());
    assert!(network.stop(1).is_err(), "the node is dead");
    network.restart_all().await?;

    let processes = network.process_ids();
    assert_eq!(processes.len(), network.nodes());
    drop(network);
    assert!(remaining(&processes).is_empty());
    assert!(!directory.exists(), "the directory remains");
    Ok(())
}

#[tokio::test]
async fn killing_the_owner_kills_the_network() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (mut owner, ready) = start_owner(directory.path(), 0).await?;
    assert!(ready.arti_config_file.starts_with(&ready.directory));
    assert_eq!(remaining(&ready.process_ids), ready.process_ids);
    owner.kill().await?;
    all_vanish(&ready.process_ids).await
}

#[tokio::test]
async fn closing_stdin_ends_a_network_with_delay() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (mut owner, ready) = start_owner(directory.path(), 5).await?;
    let ports = advertised_ports(&std::fs::read_to_string(&ready.arti_config_file)?)?;
    assert_eq!(ports.len(), ready.process_ids.len());
    owner.close_stdin();
    let status = timeout(VANISH_DEADLINE, owner.wait()).await??;
    assert!(status.success(), "{status}");
    assert!(remaining(&ready.process_ids).is_empty());
    assert!(!ready.directory.exists(), "the directory remains");
    for port in ports {
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err(), "{port} is in use");
    }
    Ok(())
}

#[tokio::test]
async fn a_directory_in_use_is_left_alone() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let precious = directory.path().join("precious");
    std::fs::write(&precious, "")?;
    let options = Options { directory: Some(directory.path().into()), ..Options::default() };
    let error = TorNetwork::start(options).await.err().context("it started")?;
    assert!(error.to_string().ends_with("is not empty"), "{error:#}");
    assert!(precious.exists());
    Ok(())
}

/// The line that the `tor-network` program prints.
#[derive(Deserialize)]
struct Ready {
    arti_config_file: PathBuf,
    directory: PathBuf,
    process_ids: Vec<u32>,
}

/// The ports at which clients find the nodes.
fn advertised_ports(arti_config: &str) -> Result<Vec<u16>> {
    let marked = arti_config.split("orports = [\"127.0.0.1:").skip(1);
    let ports = marked.map(|rest| rest.split('"').next().unwrap_or_default().parse());
    Ok(ports.collect::<Result<_, _>>()?)
}

/// Starts the `tor-network` program with this delay in milliseconds, and waits until its network is
/// ready.
async fn start_owner(directory: &Path, delay: u16) -> Result<(Child, Ready)> {
    let mut owner = Launch::new(env!("CARGO_BIN_EXE_tor-network"))
        .args(["--json", "--until-stdin-closes", "--delay", &delay.to_string(), "--dir"])
        .arg(directory.join("network"))
        .with_stdin()
        .stdout(Output::Lines)
        .stderr(Output::File(directory.join("stderr")))
        .start()?;
    let stdout = owner.stdout().context("the output is not piped")?;
    let line = stdout.find(START_DEADLINE, |_| true).await?;
    Ok((owner, serde_json::from_str(&line)?))
}

async fn all_vanish(processes: &[u32]) -> Result<()> {
    let vanished = async {
        while !remaining(processes).is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = timeout(VANISH_DEADLINE, vanished).await.is_ok();
    ensure!(in_time, "processes {:?} remain", remaining(processes));
    Ok(())
}

/// Those of the processes that have not vanished.
fn remaining(processes: &[u32]) -> Vec<u32> {
    let exists = |id: &u32| Path::new("/proc").join(id.to_string()).exists();
    processes.iter().copied().filter(exists).collect()
}
