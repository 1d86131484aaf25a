//! Handing packets to the main core, each class by a ring and at a rate of its own
//! ([`crate::punt`]).

use std::net::Ipv4Addr;

use ahash::RandomState;
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::ring::Producer;
use nat::{Instant, Side};

use super::BURST;
use super::io::Io;
use super::view::View;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;
use crate::rate::TokenBucket;

/// ARP frames a second of one next hop that are served as a next hop's: some ten times as many as
/// there are questions to it.
const OF_A_NEXT_HOP: u32 = 200;
/// Next hops that are told apart; those that meet in one place share it.
const NEXT_HOPS: usize = 256;

/// The way of one class to the main core.
struct Way {
    ring: Producer,
    /// What waits to be put into the ring.
    waiting: Burst<BURST>,
    bucket: TokenBucket,
}

/// The ways of all classes.
pub(super) struct Punt {
    /// In the order of classes.
    ways: Vec<Way>,
    /// Something waits.
    has_waiting: bool,
    next_hops: Box<[TokenBucket; NEXT_HOPS]>,
    /// Nobody outside can choose addresses that meet in one place.
    places: RandomState,
}

impl Punt {
    /// Over these rings, on one of so many workers.
    pub(super) fn new(rings: Vec<Producer>, workers: usize, now: Instant) -> Self {
        let way = |(class, ring): (PuntClass, Producer)| {
            let bucket = TokenBucket::new(class.rate(workers), now);
            Way { ring, waiting: Burst::new(), bucket }
        };
        let ways = PuntClass::ALL.into_iter().zip(rings).map(way).collect();
        let next_hops = Box::new([TokenBucket::new(OF_A_NEXT_HOP, now); NEXT_HOPS]);
        Punt { ways, has_waiting: false, next_hops, places: RandomState::new() }
    }
}

impl Io {
    /// The class of ARP from this sender: a next hop that sends more than one has reason to is
    /// like any other station, so that it leaves the room to others.
    pub(super) fn class_of_arp(&mut self, view: &View, side: Side, sender: Ipv4Addr) -> PuntClass {
        let Punt { next_hops, places, .. } = &mut self.punt;
        let place = places.hash_one((side, sender)) as usize % NEXT_HOPS;
        let has_token = |bucket: &mut TokenBucket| bucket.take(view.now);
        let is_next_hop = view.neighbours.is_wanted(side, sender);
        match is_next_hop && next_hops.get_mut(place).is_some_and(has_token) {
            true => PuntClass::Neighbour,
            false => PuntClass::Arp,
        }
    }

    /// Gives a packet to the main core, tagged with what for.
    pub(super) fn punt(&mut self, class: PuntClass, tag: HandoffTag, mut mbuf: Mbuf, now: Instant) {
        let Some(way) = self.punt.ways.get_mut(class.index()) else { return };
        if !way.bucket.take(now) {
            return self.drop_punted(class, 1);
        }
        tag.write(&mut mbuf);
        self.punt.has_waiting = true;
        let Err(mbuf) = way.waiting.push(mbuf) else { return };
        // It is empty then.
        self.flush_punted(class);
        if let Some(way) = self.punt.ways.get_mut(class.index()) {
            drop(way.waiting.push(mbuf));
        }
    }

    fn drop_punted(&self, class: PuntClass, count: u64) {
        self.counters.punt_dropped[class.index()].add(count);
        self.counters.drops.add(DropReason::HousekeepingFull, count);
    }

    /// Puts all that waits into the rings.
    #[inline(always)]
    pub(super) fn flush_punt(&mut self) {
        if self.punt.has_waiting {
            self.flush_all_punted();
        }
    }

    #[inline(never)]
    fn flush_all_punted(&mut self) {
        self.punt.has_waiting = false;
        PuntClass::ALL.into_iter().for_each(|class| self.flush_punted(class));
    }

    fn flush_punted(&mut self, class: PuntClass) {
        let Some(Way { ring, waiting, .. }) = self.punt.ways.get_mut(class.index()) else { return };
        if waiting.is_empty() {
            return;
        }
        let sent = ring.enqueue(waiting);
        let lost = waiting.len();
        waiting.clear();
        self.counters.punted[class.index()].add(sent as u64);
        self.drop_punted(class, lost as u64);
    }
}
