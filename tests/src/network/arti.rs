//! The network as a part of arti's configuration. Nothing here is written to disk.

use std::time::Duration;

use super::authority::Authority;
use super::node::Identity;

/// How long building a circuit may take on a network without delay.
const CIRCUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// How many round trips between two clients it may take in addition: one for its hops, and some for
/// handshakes between relays that have no connection yet.
const CIRCUIT_ROUND_TRIPS: u32 = 4;

/// The authorities that sign the consensus.
pub(super) fn authorities_table(authorities: &[Authority]) -> String {
    let v3idents: Vec<_> = authorities.iter().map(|a| format!("\"{}\"", a.v3ident)).collect();
    format!(
        "[tor_network.authorities]\nv3idents = [{}]\nuploads = []\ndownloads = []\nvotes = []\n",
        v3idents.join(", ")
    )
}

/// The nodes to bootstrap from, and the rules that a network on one machine needs. Its
/// delay adds `round_trip` to a round trip between two clients.
pub(super) fn fallbacks_and_rules(nodes: &[Identity], round_trip: Duration) -> String {
    let fallbacks: String = nodes.iter().map(fallback_table).collect();
    let circuit_timeout = (CIRCUIT_TIMEOUT + CIRCUIT_ROUND_TRIPS * round_trip).as_millis();
    format!("{fallbacks}{RULES}cbtinitialtimeout = {circuit_timeout}\n")
}

fn fallback_table(node: &Identity) -> String {
    let Identity { or_port, rsa, ed25519 } = node;
    format!(
        "
[[tor_network.fallback_caches]]
rsa_identity = \"{rsa}\"
ed_identity = \"{ed25519}\"
orports = [\"127.0.0.1:{or_port}\"]
"
    )
}

const RULES: &str = r#"
# All nodes share one address, which must not make them one family.
[path_rules]
ipv4_subnet_family_prefix = 33
ipv6_subnet_family_prefix = 129
reachable_addrs = ["*:*"]

# On loopback, arti learns a circuit timeout that is too short to build any
# circuit. It must not learn, but keep to this one, in milliseconds.
[override_net_params]
cbtdisabled = 1
"#;

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, Result};
    use toml::{Table, Value};

    use super::*;

    #[test]
    fn the_configuration_is_what_arti_reads() -> Result<()> {
        let authority = Authority {
            nickname: "auth0".into(),
            or_port: 1,
            dir_port: 2,
            v3ident: "0123456789ABCDEF0123456789ABCDEF01234567".into(),
            fingerprint: "89ABCDEF0123456789ABCDEF0123456701234567".into(),
        };
        let node = Identity {
            or_port: 3,
            rsa: "76543210FEDCBA9876543210FEDCBA9876543210".into(),
            ed25519: "6FyfdC1hN7EMSSr7FEsvDF1d8HwctiwThdLX7/R/2cg".into(),
        };
        let config = authorities_table(&[authority])
            + &fallbacks_and_rules(&[node.clone(), node], Duration::from_millis(400));
        let config: Table = config.parse()?;

        let network = config["tor_network"].as_table().context("no network")?;
        let idents = &network["authorities"]["v3idents"];
        assert_eq!(idents, &Value::from(vec!["0123456789ABCDEF0123456789ABCDEF01234567"]));
        let caches = network["fallback_caches"].as_array().context("no caches")?;
        assert_eq!(caches.len(), 2);
        assert_eq!(caches[1]["orports"], Value::from(vec!["127.0.0.1:3"]));
        assert_eq!(config["path_rules"]["ipv4_subnet_family_prefix"], Value::from(33));
        assert_eq!(config["override_net_params"]["cbtdisabled"], Value::from(1));
        assert_eq!(config["override_net_params"]["cbtinitialtimeout"], Value::from(3600));
        assert!(!config.contains_key("storage"));
        Ok(())
    }
}
