//! Ports of 127.0.0.1 for the nodes, disjoint from those of other networks on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Result, ensure};

/// Below the range from which Linux takes the ports of outgoing connections:
/// those would occupy the port of a node that is down for a moment.
const RANGE: Range<u16> = 10_000..32_000;

/// One port to reserve the block, and the rest for nodes.
const BLOCK: u16 = 64;

/// A block of ports of 127.0.0.1.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    count: u16,
    /// Listens on the block's first port as long as the network lives: other
    /// networks, even of other processes, then leave the whole block alone.
    _reservation: TcpListener,
}

impl Ports {
    /// Finds `count` free ports.
    pub(super) fn reserve(count: usize) -> Result<Self> {
        let limit = usize::from(BLOCK - 1);
        ensure!(count <= limit, "{count} ports are needed, only {limit} fit in a block");
        let count = u16::try_from(count)?;
        let found =
            RANGE.step_by(usize::from(BLOCK)).find_map(|first| Self::try_block(first, count));
        found.ok_or_else(|| anyhow::anyhow!("there is no free block of {BLOCK} ports"))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u16> + use<> {
        nodes_ports(self.first, self.count)
    }

    fn try_block(first: u16, count: u16) -> Option<Self> {
        let reservation = listen(first)?;
        let all_free = nodes_ports(first, count).all(|port| listen(port).is_some());
        all_free.then_some(Self { first, count, _reservation: reservation })
    }
}

fn nodes_ports(first: u16, count: u16) -> impl Iterator<Item = u16> + use<> {
    first + 1..=first + count
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_networks_get_different_ports() -> Result<()> {
        let (one, other) = (Ports::reserve(10)?, Ports::reserve(10)?);
        assert!(one.iter().all(|port| other.iter().all(|taken| port != taken)));
        assert_eq!(one.iter().count(), 10);
        Ok(())
    }
}
