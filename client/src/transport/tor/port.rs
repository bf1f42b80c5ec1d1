//! The ports of onion services. No relay sees them.

use crate::transport::{Address, Destination, OnionAddress};

/// Where the onion service of a client takes streams.
pub(super) const PEER_PORT: u16 = 1042;

/// Where the onion service of a rendezvous server takes streams.
pub(super) const SERVER_PORT: u16 = 80;

/// The onion service to dial, and the port on it.
pub(super) fn onion_and_port(to: Destination) -> (OnionAddress, u16) {
    match to {
        Destination::Peer(Address::Onion(onion)) => (onion, PEER_PORT),
        Destination::Server(Address::Onion(onion)) => (onion, SERVER_PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_and_servers_have_their_own_ports() {
        let onion = OnionAddress([1; 32]);
        assert_eq!(onion_and_port(Destination::Peer(onion.into())), (onion, 1042));
        assert_eq!(onion_and_port(Destination::Server(onion.into())), (onion, 80));
    }
}
