//! The network as a part of arti's configuration.

use super::authority::Authority;
use super::node::Identity;

/// The authorities that sign the consensus.
pub(super) fn authorities_table(authorities: &[Authority]) -> String {
    let v3idents: Vec<_> = authorities
        .iter()
        .map(|a| format!("\"{}\"", a.v3ident))
        .collect();
    format!(
        "[tor_network.authorities]\nv3idents = [{}]\nuploads = []\ndownloads = []\nvotes = []\n",
        v3idents.join(", ")
    )
}

/// The nodes to bootstrap from, and what a network on one machine needs.
pub(super) fn fallbacks_and_rules(nodes: &[Identity]) -> String {
    let fallbacks: String = nodes.iter().map(fallback_table).collect();
    format!("{fallbacks}{RULES}")
}

fn fallback_table(node: &Identity) -> String {
    let Identity {
        or_port,
        rsa,
        ed25519,
    } = node;
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
# All nodes share one address: none may count as another's family for that.
[path_rules]
ipv4_subnet_family_prefix = 33
ipv6_subnet_family_prefix = 129
reachable_addrs = ["*:*"]

# On loopback, arti learns a circuit timeout that is too short to build any
# circuit. It must not learn, but keep to 2000 ms.
[override_net_params]
cbtdisabled = 1
cbtinitialtimeout = 2000
"#;
