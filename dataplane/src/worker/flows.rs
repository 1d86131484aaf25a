//! What a worker knows of the flows that are its own.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::fragment::Tracker;
use nat::reassembly::Reassembly;
use nat::{Instant, Translator};

use super::fragments::Verdict;
use super::leaving::Departures;
use super::next_hops::NextHopCache;
use super::private_hosts::Redirected;

/// The flows of one worker: connections, fragments on their way, and the neighbours that
/// they went to last.
pub(super) struct Flows {
    pub(super) translator: Translator<Ipv4Addr>,
    pub(super) fragments: Tracker<Ipv4Addr, Mbuf, Verdict>,
    pub(super) next_hops: NextHopCache,
    /// Echo requests to the router itself that came in fragments.
    pub(super) reassembly: Reassembly,
    pub(super) redirected: Redirected,
    /// The search for connections of servers that are down.
    pub(super) departures: Departures,
    /// The last identification given to fragments.
    identification: u16,
}

impl Flows {
    pub(super) fn new(
        translator: Translator<Ipv4Addr>,
        fragments: Tracker<Ipv4Addr, Mbuf, Verdict>,
        identification: u16,
        now: Instant,
    ) -> Self {
        Flows {
            translator,
            fragments,
            next_hops: NextHopCache::EMPTY,
            reassembly: Reassembly::default(),
            redirected: Redirected::default(),
            departures: Departures::new(now),
            identification,
        }
    }

    /// An identification for fragments that leave with an address that many share.
    /// Towards one remote they come from this worker alone, so counting makes them unique.
    pub(super) fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }
}
