//! A private Tor network on one machine, made of C-tor processes. Nothing leaves the machine: every
//! node listens on 127.0.0.1 and knows no other authority than the network's own.
//!
//! | module | what it is |
//! |---|---|
//! | `node` | one tor process, with its directory, log and identity |
//! | `authority` | the keys of a directory authority |
//! | `torrc` | the configuration files, and when authorities vote |
//! | `bandwidths` | the bandwidths that authorities vote for |
//! | `consensus` | whether a node knows the whole network |
//! | `delay` | forwarders that delay every byte |
//! | `arti` | the network as a part of arti's configuration |
//! | `directory`, `ports` | where it all is, on disk and on 127.0.0.1 |

mod arti;
mod authority;
mod bandwidths;
mod consensus;
mod delay;
mod directory;
mod node;
mod ports;
mod torrc;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use tokio::time::{sleep, timeout};
use tracing::info;

use crate::process::find_program;
use authority::Authority;
use delay::Delay;
use directory::Directory;
use node::{Node, NodePorts, POLL_INTERVAL};
use ports::Ports;
use torrc::{TorrcTemplate, Votes};

/// The name of the file for C-tor's clients and onion services.
pub const TORRC: &str = "torrc";

/// The name of the file with the relays' bandwidths.
const BANDWIDTHS: &str = "bandwidths";

/// How long a node may take to accept connections, and then to build a circuit, without a delay.
const NODE_DEADLINE: Duration = Duration::from_secs(30);

/// How many connections lie between two clients with full vanguards: four from the dialler to the
/// rendezvous point, and five from there to the onion service.
const CONNECTIONS: u32 = 9;

/// Nothing that has a deadline takes this many round trips between two clients.
const ROUND_TRIPS: u32 = 100;

/// The size, the place and the speed of a network.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of directory authorities. Clients do not route through them. With
    /// fewer than 3, relays may differ in weight, as the bandwidths are not
    /// believed.
    pub authorities: usize,
    /// Number of relays that are not authorities, at least 5.
    pub relays: usize,
    /// An empty or missing directory to use, or `None` for a new temporary one.
    /// It is removed at the end, with its content.
    pub directory: Option<PathBuf>,
    /// Leave the directory, with the logs of all nodes, where it is.
    pub keep_directory: bool,
    /// Send cells as they come (`Schedulers Vanilla`): round trips of about
    /// 1 ms instead of KIST's 16 ms.
    pub vanilla_scheduler: bool,
    /// How long a byte is on its way over one connection to a node. With
    /// 20 ms, a round trip between two clients takes about 400 ms, as on the
    /// public network. The directory ports of authorities have no delay.
    pub delay: Duration,
    /// How long the start may take without a delay.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authorities: 3,
            relays: 5,
            directory: None,
            keep_directory: false,
            vanilla_scheduler: true,
            delay: Duration::ZERO,
            deadline: Duration::from_mins(5),
        }
    }
}

/// A running private Tor network. Dropping it ends all its processes. If this
/// process is killed, they end, too, and only the directory remains.
///
/// Nodes are numbered: first the relays, then the authorities.
#[derive(Debug)]
pub struct TorNetwork {
    // Fields are dropped in this order: no node may run on in a removed directory.
    nodes: Vec<Node>,
    relays: usize,
    template: TorrcTemplate,
    arti_config: String,
    delay: Duration,
    _delays: Vec<Delay>,
    directory: Directory,
    _ports: Ports,
}

impl TorNetwork {
    /// Starts a network and waits until every node lists every node as usable
    /// and can serve all their descriptors: clients and onion services can
    /// start at once.
    ///
    /// Fails with the tail of a log if a node ends or the deadline passes.
    pub async fn start(options: Options) -> Result<Self> {
        check(&options)?;
        let began = Instant::now();
        let deadline = patience(options.deadline, options.delay);
        let directory = Directory::create(options.directory.clone(), options.keep_directory)?;
        info!("starting a Tor network in {}", directory.path().display());
        let mut network = Self::prepare(&options, directory).await?;
        match timeout(deadline, network.launch()).await {
            Ok(started) => started?,
            Err(_) => return Err(network.explain_deadline(deadline)),
        }
        info!("the Tor network is ready after {:.1} s", began.elapsed().as_secs_f64());
        Ok(network)
    }

    /// The directory that holds a subdirectory for each node (`relay0`, …,
    /// `auth0`, …), with its `log`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The network as a part of arti's configuration, in TOML: authorities,
    /// fallback caches and the rules of a network on one machine. It has no
    /// section on storage.
    #[must_use]
    pub fn arti_config(&self) -> &str {
        &self.arti_config
    }

    /// The network as a part of tor's configuration, for clients and onion services. It has no data
    /// directory and no port.
    #[must_use]
    pub fn tor_config(&self) -> &str {
        self.template.common()
    }

    /// A file with [`Self::arti_config`].
    #[must_use]
    pub fn arti_config_file(&self) -> PathBuf {
        self.directory.path().join("arti.toml")
    }

    /// A file with [`Self::tor_config`], beside that for arti.
    #[must_use]
    pub fn tor_config_file(&self) -> PathBuf {
        self.arti_config_file().with_file_name(TORRC)
    }

    /// The time that the delay adds to a round trip between two clients.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        round_trip(self.delay)
    }

    /// How long to wait for something that takes at most `usual` on a network without delay.
    #[must_use]
    pub fn patience(&self, usual: Duration) -> Duration {
        patience(usual, self.delay)
    }

    /// Number of relays that are not authorities.
    #[must_use]
    pub fn relays(&self) -> usize {
        self.relays
    }

    /// Number of all nodes, authorities included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The process ids of the nodes that run.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(Node::process_id).collect()
    }

    /// Kills a node (SIGKILL). Killing a dead node does nothing.
    pub async fn kill(&mut self, node: usize) -> Result<()> {
        self.node(node)?.kill().await
    }

    /// Freezes a node (SIGSTOP): its connections stay open and silent.
    pub fn stop(&mut self, node: usize) -> Result<()> {
        self.node(node)?.stop()
    }

    /// Lets a stopped node continue.
    pub fn cont(&mut self, node: usize) -> Result<()> {
        self.node(node)?.cont()
    }

    /// Kills a node if it runs, starts it again with the same identity and
    /// port, and waits until it accepts connections and has built a circuit. Fails
    /// after 30 s, and later with a delay, if too few other nodes run for a circuit.
    pub async fn restart(&mut self, node: usize) -> Result<()> {
        let node = self.node(node)?;
        node.kill().await?;
        node.start()?;
        node.wait_until_usable().await
    }

    /// Kills every node, authorities included: for clients, Tor is gone.
    pub async fn kill_all_relays(&mut self) -> Result<()> {
        try_join_all(self.nodes.iter_mut().map(Node::kill)).await?;
        Ok(())
    }

    /// Restarts every node and waits for all, as [`Self::restart`] does.
    pub async fn restart_all(&mut self) -> Result<()> {
        self.kill_all_relays().await?;
        self.nodes.iter_mut().rev().try_for_each(Node::start)?;
        try_join_all(self.nodes.iter_mut().map(Node::wait_until_usable)).await?;
        Ok(())
    }

    fn node(&mut self, node: usize) -> Result<&mut Node> {
        self.nodes.get_mut(node).with_context(|| format!("there is no node {node}"))
    }

    /// Creates keys and configuration files; starts nothing that stays.
    async fn prepare(options: &Options, directory: Directory) -> Result<Self> {
        let nodes = options.relays + options.authorities;
        let delayed = if options.delay.is_zero() { 0 } else { nodes };
        let ports = Ports::reserve(nodes + options.authorities + delayed)?;
        let nodes = create_nodes(options, &directory, &ports)?;
        let delays = start_delays(&nodes, options.delay).await?;
        let (_, with_keys) = nodes.split_at(options.relays);
        let authorities = try_join_all(with_keys.iter().map(Authority::create)).await?;
        let bandwidths = directory.path().join(BANDWIDTHS);
        let template = TorrcTemplate::new(&authorities, &bandwidths, options.vanilla_scheduler)?;
        info!("{} authorities have keys", authorities.len());

        Ok(Self {
            nodes,
            relays: options.relays,
            template,
            arti_config: arti::authorities_table(&authorities),
            delay: options.delay,
            _delays: delays,
            directory,
            _ports: ports,
        })
    }

    async fn launch(&mut self) -> Result<()> {
        self.start_nodes().await?;
        self.write_files_on_nodes()?;
        self.wait_until_all(Self::authorities, Node::has_all_descriptors).await?;
        info!("the authorities know all nodes and vote");
        self.vote()?;
        self.wait_until_all(Self::authorities, Node::knows_network).await?;
        info!("the authorities agree on a consensus");
        // Relays retry a failed download ever more slowly; this makes them try at once.
        self.nodes[..self.relays].iter_mut().try_for_each(Node::reload)?;
        self.wait_until_all(Self::all_nodes, Node::knows_network).await
    }

    async fn start_nodes(&mut self) -> Result<()> {
        let votes = Votes::later()?;
        for node in &self.nodes {
            node.configure(&self.template.torrc(node, votes)?)?;
        }
        // Authorities first: a relay whose first upload fails waits a minute.
        let (relays, authorities) = self.nodes.split_at_mut(self.relays);
        for nodes in [authorities, relays] {
            nodes.iter_mut().try_for_each(Node::start)?;
            try_join_all(nodes.iter_mut().map(Node::wait_until_open)).await?;
        }
        info!("all {} nodes run", self.nodes.len());
        Ok(())
    }

    fn write_files_on_nodes(&mut self) -> Result<()> {
        let identities: Vec<_> = self.nodes.iter().map(Node::identity).collect::<Result<_>>()?;
        bandwidths::write(&self.directory.path().join(BANDWIDTHS), &identities)?;
        self.arti_config.push_str(&arti::fallbacks_and_rules(&identities, self.round_trip()));
        let files = [
            (self.arti_config_file(), self.arti_config.as_str()),
            (self.tor_config_file(), self.tor_config()),
        ];
        files.iter().try_for_each(|(file, text)| {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
        })
    }

    fn vote(&mut self) -> Result<()> {
        let votes = Votes::now()?;
        for authority in &mut self.nodes[self.relays..] {
            authority.configure(&self.template.torrc(authority, votes)?)?;
            authority.reload()?;
        }
        Ok(())
    }

    fn authorities(&mut self) -> &mut [Node] {
        &mut self.nodes[self.relays..]
    }

    fn all_nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Waits until all of these nodes know all nodes, and fails if one ends.
    async fn wait_until_all(
        &mut self,
        which: fn(&mut Self) -> &mut [Node],
        knows: fn(&Node, usize) -> bool,
    ) -> Result<()> {
        let expected = self.nodes.len();
        loop {
            let mut all_know = true;
            for node in which(self) {
                node.check_alive()?;
                all_know &= knows(node, expected);
            }
            if all_know {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn explain_deadline(&mut self, deadline: Duration) -> anyhow::Error {
        let expected = self.nodes.len();
        let ignorant = self.nodes.iter().rev().find(|node| !node.knows_network(expected));
        let node = ignorant.unwrap_or(&self.nodes[0]);
        anyhow::anyhow!(
            "the Tor network was not ready within {} s; {}",
            deadline.as_secs(),
            node.log_tail()
        )
    }
}

/// Creates the nodes' directories: those of the relays, then those of the authorities.
fn create_nodes(options: &Options, directory: &Directory, ports: &Ports) -> Result<Vec<Node>> {
    let mut free = ports.iter();
    let mut port = || free.next().context("too few ports were reserved");
    let deadline = patience(NODE_DEADLINE, options.delay);
    let mut create = |nickname, is_authority: bool| {
        let advertised = port()?;
        let listening = if options.delay.is_zero() { advertised } else { port()? };
        let dir_port = is_authority.then(&mut port).transpose()?;
        let ports = NodePorts { advertised, listening, directory: dir_port };
        Node::create(directory, nickname, ports, deadline)
    };
    let relays = (0..options.relays).map(|number| (format!("relay{number}"), false));
    let authorities = (0..options.authorities).map(|number| (format!("auth{number}"), true));

    relays
        .chain(authorities)
        .map(|(nickname, is_authority)| create(nickname, is_authority))
        .collect()
}

/// Starts a forwarder in front of each node; none without a delay.
async fn start_delays(nodes: &[Node], delay: Duration) -> Result<Vec<Delay>> {
    let ports = nodes.iter().map(Node::ports).filter(|ports| ports.advertised != ports.listening);
    try_join_all(ports.map(|ports| Delay::start(ports.advertised, ports.listening, delay))).await
}

/// The time that a delay adds to a round trip between two clients.
fn round_trip(delay: Duration) -> Duration {
    2 * CONNECTIONS * delay
}

/// How long to wait, with a delay, for something that takes at most `usual` without one.
fn patience(usual: Duration, delay: Duration) -> Duration {
    usual + ROUND_TRIPS * round_trip(delay)
}

fn check(options: &Options) -> Result<()> {
    require("tor")?;
    require("tor-gencert")?;
    ensure!(options.authorities > 0, "a Tor network needs an authority");
    // Authorities vote no bandwidth for each other, so clients do not choose them.
    ensure!(options.relays >= 5, "arti finds no paths among fewer than 5 relays");
    Ok(())
}

fn require(program: &str) -> Result<()> {
    ensure!(find_program(program).is_some(), "{program} is missing: apt-get install tor");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tor_says_what_to_install() {
        let message = require("no-such-tor").err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), Some("no-such-tor is missing: apt-get install tor"));
    }

    #[test]
    fn too_small_networks_are_refused() {
        let refused = |options| check(&options).is_err();
        assert!(refused(Options { authorities: 0, ..Options::default() }));
        assert!(refused(Options { relays: 4, ..Options::default() }));
    }
}
