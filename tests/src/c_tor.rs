//! Debian's own tor on the private network: a client, or an onion service in front of a listener of
//! ours. It never joins the public network.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::process::{Child, Launch, Output};

/// How often the log is read while waiting for words in it.
const LOOK: Duration = Duration::from_millis(20);
/// The option that makes tor log when a directory has the service's descriptor.
const LOG: &str = "Log [rend]info stdout\n";
/// The message that it logs then.
const UPLOADED: &str = "Uploading hidden service descriptor: finished with status 200";
/// The port of the onion service.
pub const PORT: u16 = 80;

/// A tor that uses the private network. Dropping it ends it; its directory stays.
#[derive(Debug)]
pub struct CTor {
    process: Child,
    directory: PathBuf,
}

impl CTor {
    /// Starts one with these options in the new directory. `network` is the network's part of the
    /// configuration.
    pub fn start(network: &str, directory: &Path, options: &str) -> Result<Self> {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        let (torrc, none, log) =
            (directory.join("torrc"), directory.join("none"), directory.join("log"));
        let data = directory.join("data");
        fs::write(&torrc, format!("{network}DataDirectory {}\n{options}\n", data.display()))?;
        fs::write(&none, "")?;
        let launch = Launch::new("tor").arg("--defaults-torrc").arg(none).arg("-f").arg(torrc);
        let process = launch.stdout(Output::File(log.clone())).stderr(Output::File(log)).start()?;
        Ok(Self { process, directory: directory.to_owned() })
    }

    /// Starts an onion service that connects its streams to `target`.
    pub fn service(network: &str, directory: &Path, target: SocketAddr) -> Result<Self> {
        let service = service_in(directory);
        let options = format!(
            "{LOG}SocksPort 0\nHiddenServiceDir {}\nHiddenServicePort {PORT} {target}",
            service.display()
        );
        Self::start(network, directory, &options)
    }

    /// The address of the service, once its descriptor is at a first directory. A client that asks
    /// earlier finds none, and does not ask that directory again for a quarter of an hour.
    pub async fn address(&self) -> Result<String> {
        while !fs::read_to_string(self.directory.join("log"))?.contains(UPLOADED) {
            sleep(LOOK).await;
        }
        Ok(fs::read_to_string(service_in(&self.directory).join("hostname"))?.trim().to_owned())
    }

    /// The id of its process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

fn service_in(directory: &Path) -> PathBuf {
    directory.join("service")
}
