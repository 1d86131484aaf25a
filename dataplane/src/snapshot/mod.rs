//! The configuration as workers read it: immutable, whole, swapped between bursts.

mod build;

use core::time::Duration;
use std::net::Ipv4Addr;

use config::Cidr;
use nat::ports::PortRange;
use nat::scheduler::ClientKey;
use nat::service::Services;
use nat::timeouts::Timeouts;
use nat::{Seconds, Side};
use wire::MacAddress;

pub use build::{BuildError, Builder};

/// One side of the router.
#[derive(Clone, Debug)]
pub struct Network {
    /// The NIC's Ethernet address.
    pub mac: MacAddress,
    /// The one that the floating addresses are answered and announced with.
    pub floating_mac: MacAddress,
    /// This machine's own address and its network.
    pub real: Cidr<Ipv4Addr>,
    /// The floating addresses.
    pub floating: Vec<Ipv4Addr>,
    /// Largest IP packet that may be sent, in bytes.
    pub mtu: u16,
    /// Largest segment that a SYN sent on this side may offer.
    pub mss: u16,
    /// Routes, longest prefix first.
    routes: Vec<config::Route>,
    gateway: Option<Ipv4Addr>,
}

impl Network {
    /// The neighbour that packets to `destination` are given to.
    pub fn next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.real.contains(destination) {
            return Some(destination);
        }
        let route = self.routes.iter().find(|route| route.to.contains(destination));
        route.map(|route| route.via).or(self.gateway)
    }

    /// True for the address of a host on this side: on the link, or behind a route. (The
    /// rest of the world is behind a gateway.)
    pub fn is_inside(&self, address: Ipv4Addr) -> bool {
        self.real.contains(address) || self.routes.iter().any(|route| route.to.contains(address))
    }

    /// True for one of this side's floating addresses.
    pub fn is_floating(&self, address: Ipv4Addr) -> bool {
        self.floating.contains(&address)
    }

    /// True for an Ethernet address of this side of the router.
    pub fn is_own_mac(&self, mac: MacAddress) -> bool {
        mac == self.mac || mac == self.floating_mac
    }

    /// Every next hop that routes name.
    fn routers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.routes.iter().map(|route| route.via).chain(self.gateway)
    }

    /// True for any address that this machine answers for on this side.
    pub fn is_local(&self, address: Ipv4Addr) -> bool {
        self.real.address == address || self.is_floating(address)
    }
}

/// Source NAT of private networks.
#[derive(Clone, Debug)]
pub struct Masquerade {
    /// Which private hosts.
    pub sources: Vec<Cidr<Ipv4Addr>>,
    /// The address that they get.
    pub address: Ipv4Addr,
    /// The ports that they get.
    pub ports: PortRange,
}

/// A configuration in use.
pub struct Snapshot {
    /// Counts the configurations of this process.
    pub generation: u64,
    /// Both sides.
    pub networks: [Network; 2],
    /// The secret under which schedulers hash clients: the same in every snapshot of a process.
    pub client_key: ClientKey,
    /// Services and their real servers.
    pub services: Services<Ipv4Addr>,
    /// Rules, the first that matches counts.
    pub masquerades: Vec<Masquerade>,
    /// Timeouts of connections.
    pub timeouts: Timeouts,
    /// How long after a takeover segments of unknown TCP connections are only dropped.
    pub quiet: Duration,
    /// How long fragments wait for the first of their datagram.
    pub fragment_timeout: Seconds,
    /// The address that private hosts get towards real servers when they ask a virtual
    /// IP: the gateway address, so that the reply comes back here.
    pub hairpin: Ipv4Addr,
}

impl Snapshot {
    /// One side.
    #[inline(always)]
    pub fn network(&self, side: Side) -> &Network {
        &self.networks[side.index()]
    }

    /// True for a floating address of either side.
    pub fn is_floating(&self, address: Ipv4Addr) -> bool {
        self.networks.iter().any(|network| network.is_floating(address))
    }

    /// True for any address of this machine on either side.
    pub fn is_local(&self, address: Ipv4Addr) -> bool {
        self.networks.iter().any(|network| network.is_local(address))
    }

    /// The next hops that the configuration implies: routers on both sides, and real
    /// servers.
    pub fn next_hops(&self) -> Vec<(Side, Ipv4Addr)> {
        let routers = |side| self.network(side).routers().map(move |router| (side, router));
        let mut hops: Vec<_> = Side::ALL.into_iter().flat_map(routers).collect();
        let private = self.network(Side::Private);
        let servers = self.services.iter().flat_map(|service| &service.servers);
        let servers = servers.filter_map(|server| private.next_hop(server.address));
        hops.extend(servers.map(|server| (Side::Private, server)));
        hops.sort_unstable();
        hops.dedup();
        hops
    }

    /// The rule for a private host's own connections.
    pub fn masquerade(&self, source: Ipv4Addr) -> Option<&Masquerade> {
        self.masquerades.iter().find(|rule| rule.sources.iter().any(|net| net.contains(source)))
    }
}
