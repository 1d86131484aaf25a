//! Handing packets to the main core, each class by a ring and at a rate of its own
//! ([`crate::punt`]).

use std::net::Ipv4Addr;

use ahash::RandomState;
use capture::Ending;
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::ring::Producer;
use nat::{Instant, Side};
use wire::parse::Ipv4;

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
/// Packets a second of one real server that are served as answers to checks.
const OF_A_SERVER: u32 = 20_000;
/// Senders that are told apart; those that meet in one place share it.
const SENDERS: usize = 256;

/// The way of one class, of one side, to the main core.
struct Way {
    ring: Producer,
    /// What waits to be put into the ring.
    waiting: Burst<BURST>,
    bucket: TokenBucket,
}

/// The ways of all classes.
pub(super) struct Punt {
    /// By [`PuntClass::ring`].
    ways: Vec<Way>,
    /// Something waits.
    has_waiting: bool,
    next_hops: Box<[TokenBucket; SENDERS]>,
    servers: Box<[TokenBucket; SENDERS]>,
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
        let classes = PuntClass::rings().map(|(class, _)| class);
        let ways = classes.zip(rings).map(way).collect();
        let buckets = |rate| Box::new([TokenBucket::new(rate, now); SENDERS]);
        let (next_hops, servers) = (buckets(OF_A_NEXT_HOP), buckets(OF_A_SERVER));
        Punt { ways, has_waiting: false, next_hops, servers, places: RandomState::new() }
    }
}

impl Punt {
    /// The class of what waits, if only one packet does, and what it is for.
    pub(super) fn waiting(&self) -> Option<(PuntClass, HandoffTag)> {
        let ways = PuntClass::rings().zip(&self.ways);
        let mut found =
            ways.filter_map(|((class, _), way)| Some((class, way.waiting.as_slice().first()?)));
        let (class, mbuf) = found.next()?;
        Some((class, HandoffTag::of(mbuf)?))
    }
}

impl Io {
    /// The class of ARP from this sender: a next hop that sends more than one has reason to is
    /// like any other station, so that it leaves the room to others.
    pub(super) fn class_of_arp(&mut self, view: &View, side: Side, sender: Ipv4Addr) -> PuntClass {
        let Punt { next_hops, places, .. } = &mut self.punt;
        let is_needed = view.neighbours.is_wanted(side, sender)
            || view.snapshot.punt.is_kernels_neighbour(sender);
        let mut has_token = || bucket_of(next_hops, places, side, sender).take(view.now);
        if is_needed && has_token() { PuntClass::Neighbour } else { PuntClass::Arp }
    }

    /// The class of a packet to a real address. So with a server that sends more than checks ask
    /// for.
    pub(super) fn class_for_kernel(&mut self, view: &View, side: Side, ip: &Ipv4) -> PuntClass {
        let class = view.snapshot.punt.class(side, ip);
        let Punt { servers, places, .. } = &mut self.punt;
        match class {
            PuntClass::Check if !bucket_of(servers, places, side, ip.source).take(view.now) => {
                PuntClass::Kernel
            }
            class => class,
        }
    }

    /// Gives a packet to the main core, tagged with what for.
    pub(super) fn punt(
        &mut self,
        class: PuntClass,
        side: Side,
        tag: HandoffTag,
        mut mbuf: Mbuf,
        now: Instant,
    ) {
        let ring = class.ring(side);
        let Some(way) = self.punt.ways.get_mut(ring) else { return };
        if !way.bucket.take(now) {
            self.ending.set(Ending::Dropped(DropReason::HousekeepingFull as u8));
            return self.drop_punted(class, 1);
        }
        self.ending.set(Ending::MainCore);
        tag.write(&mut mbuf);
        self.punt.has_waiting = true;
        let Err(mbuf) = way.waiting.push(mbuf) else { return };
        // It is empty then.
        self.flush_punted(class, side);
        if let Some(way) = self.punt.ways.get_mut(ring) {
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
        PuntClass::rings().for_each(|(class, side)| self.flush_punted(class, side));
    }

    fn flush_punted(&mut self, class: PuntClass, side: Side) {
        let way = self.punt.ways.get_mut(class.ring(side));
        let Some(Way { ring, waiting, .. }) = way else { return };
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

/// The bucket of a sender.
fn bucket_of<'a>(
    buckets: &'a mut [TokenBucket; SENDERS],
    places: &RandomState,
    side: Side,
    sender: Ipv4Addr,
) -> &'a mut TokenBucket {
    &mut buckets[places.hash_one((side, sender)) as usize % SENDERS]
}
