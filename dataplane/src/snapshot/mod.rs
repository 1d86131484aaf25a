//! The configuration as workers read it: immutable, whole, swapped between bursts.

mod build;
mod numbering;
mod shares;

use core::time::Duration;
use std::collections::HashSet;
use std::net::Ipv4Addr;

use nat::policy::{Network, Policy};
use nat::service::{Service, ServiceId};
use nat::timeouts::Timeouts;
use nat::{Seconds, Side};
use wire::MacAddress;

use crate::punt::PuntRules;

pub use build::{BuildError, Builder, Checkpoint};

/// The NIC of one side: what frames that leave there look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The NIC's Ethernet address.
    pub mac: MacAddress,
    /// The one that the floating addresses are answered and announced with.
    pub floating_mac: MacAddress,
    /// Largest IP packet that may be sent, in bytes.
    pub mtu: u16,
    /// Largest segment that a SYN sent on this side may offer, in bytes.
    pub mss: u16,
}

impl Interface {
    /// True for an Ethernet address of this side of the router.
    pub fn is_own_mac(&self, mac: MacAddress) -> bool {
        mac == self.mac || mac == self.floating_mac
    }
}

/// A configuration in use.
pub struct Snapshot {
    /// Counts the configurations of this process.
    pub generation: u64,
    /// Another number than before if connections must find their way anew: routes, MACs, MTUs
    /// or addresses are others, a service is new, or a service or a server is gone. Not for other
    /// weights, and not for a server that is new.
    pub ways: u64,
    /// The NICs of both sides.
    pub interfaces: [Interface; 2],
    /// What packets may open connections: addresses, routes, services, rules.
    pub policy: Policy<Ipv4Addr>,
    pub timeouts: Timeouts,
    /// How long after a takeover segments of unknown TCP connections are only dropped.
    pub quiet: Duration,
    /// How long fragments wait for the first of their datagram.
    pub fragment_timeout: Seconds,
    /// The services whose servers are asked whether their answers come back here.
    pub return_paths: HashSet<ServiceId>,
    /// Which class packets to real addresses are of.
    pub punt: PuntRules,
}

impl Snapshot {
    /// The NIC of one side.
    #[inline(always)]
    pub fn interface(&self, side: Side) -> &Interface {
        &self.interfaces[side.index()]
    }

    /// The addresses and routes of one side.
    #[inline(always)]
    pub fn network(&self, side: Side) -> &Network<Ipv4Addr> {
        self.policy.network(side)
    }

    /// True if whatever connections remember of their way under the snapshot before holds.
    fn keeps_ways_of(&self, before: &Snapshot) -> bool {
        let (services, old) = (&self.policy.services, &before.policy.services);
        let keeps = |service: &Service<Ipv4Addr>| {
            let mut listens = service.listens.iter();
            let stay = listens.all(|one| services.has(one).is_some_and(|now| now.id == service.id));
            stay && service.all_servers().all(|one| services.server(one.id).is_some())
        };
        // A masqueraded flow may have what is a new service's now.
        let is_old =
            |service: &Service<Ipv4Addr>| service.listens.iter().all(|one| old.has(one).is_some());
        self.interfaces == before.interfaces
            && self.policy.networks == before.policy.networks
            && old.iter().all(keeps)
            && services.iter().all(is_old)
    }

    /// The next hops that the configuration implies: routers on both sides, and real
    /// servers.
    pub fn next_hops(&self) -> Vec<(Side, Ipv4Addr)> {
        let routers = |side| self.network(side).routers().map(move |router| (side, router));
        let mut hops: Vec<_> = Side::ALL.into_iter().flat_map(routers).collect();
        let private = self.network(Side::Private);
        let servers = self.policy.services.iter().flat_map(Service::all_servers);
        let servers = servers.filter_map(|server| private.next_hop(server.address));
        hops.extend(servers.map(|server| (Side::Private, server)));
        hops.sort_unstable();
        hops.dedup();
        hops
    }
}
