//! Which class a packet is of.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use ahash::RandomState;
use config::{Config, Peer};
use nat::Side;
use wire::parse::{Ipv4, Payload};
use wire::{FiveTuple, Port, Protocol};

use super::{MulticastRules, PuntClass};

/// What tells classes of packets to real addresses apart: part of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PuntRules {
    /// The ends of the paths to the peer, this machine's first.
    paths: Vec<[Ipv4Addr; 2]>,
    /// The port of heartbeats and connection sync.
    peer_port: Option<Port>,
    /// The witness.
    witness: Option<Ipv4Addr>,
    /// Real servers, and what is asked in their place.
    servers: HashSet<Ipv4Addr, RandomState>,
    management: Vec<Port>,
    /// What the kernel is to have of multicast.
    pub multicast: MulticastRules,
}

impl PuntRules {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        let mut rules = PuntRules {
            servers: servers(config),
            management: config.node.management_ports.iter().copied().map(Port::new).collect(),
            multicast: MulticastRules::of([&config.public, &config.private]),
            ..PuntRules::default()
        };
        if let Some(Peer { paths, port, witness, .. }) = &config.peer {
            let ends =
                paths.iter().filter_map(|path| Some([ipv4(path.local)?, ipv4(path.remote)?]));
            rules.paths = ends.collect();
            rules.peer_port = Some(Port::new(*port));
            rules.witness = witness.and_then(ipv4);
        }
        rules
    }

    /// The peer's ends of the paths.
    pub fn peers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.paths.iter().map(|[_, remote]| *remote)
    }

    /// True for a station whose ARP the kernel needs as the router needs its next hops': the peer,
    /// and the witness.
    pub fn is_kernels_neighbour(&self, address: Ipv4Addr) -> bool {
        self.witness == Some(address) || self.paths.iter().any(|[_, remote]| *remote == address)
    }

    /// The class of a packet to a real address, which came in on a side.
    pub fn class(&self, side: Side, ip: &Ipv4) -> PuntClass {
        let is_echo_reply = matches!(ip.payload, Payload::IcmpQuery { is_reply: true, .. });
        if is_echo_reply && self.witness == Some(ip.source) {
            return PuntClass::Check;
        }
        let tuple = match ip.payload {
            Payload::Tcp { tuple, .. } | Payload::Udp { tuple } => Some(tuple),
            _ => None,
        };
        self.class_of(side, ip.source, tuple)
    }

    /// The same by its source, and its addresses and ports if it has some.
    pub fn class_of(
        &self,
        side: Side,
        source: Ipv4Addr,
        tuple: Option<FiveTuple<Ipv4Addr>>,
    ) -> PuntClass {
        if tuple.is_some_and(|tuple| self.is_of_peer(&tuple)) {
            PuntClass::Peer
        } else if self.is_checked(side, source) {
            PuntClass::Check
        } else if tuple.is_some_and(|tuple| self.is_management(&tuple)) {
            PuntClass::Management
        } else {
            PuntClass::Kernel
        }
    }

    fn is_of_peer(&self, tuple: &FiveTuple<Ipv4Addr>) -> bool {
        let ports = [tuple.source_port, tuple.destination_port];
        self.peer_port.is_some_and(|port| ports.contains(&port))
            && self.paths.contains(&[tuple.destination, tuple.source])
    }

    fn is_checked(&self, side: Side, source: Ipv4Addr) -> bool {
        side == Side::Private && self.servers.contains(&source)
    }

    fn is_management(&self, tuple: &FiveTuple<Ipv4Addr>) -> bool {
        let ports = [tuple.source_port, tuple.destination_port];
        tuple.protocol == Protocol::Tcp && ports.iter().any(|port| self.management.contains(port))
    }
}

fn servers(config: &Config) -> HashSet<Ipv4Addr, RandomState> {
    let mut addresses = HashSet::default();
    for service in &config.services {
        addresses.extend(service.checks.iter().filter_map(|check| check.address));
        for server in service.servers.iter().chain(&service.sorry) {
            addresses.insert(*server.address.ip());
            let checks = server.checks.iter().flatten();
            addresses.extend(checks.filter_map(|check| check.address));
        }
    }
    addresses
}

const fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}
