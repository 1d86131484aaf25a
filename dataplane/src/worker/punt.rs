//! Handing packets to the main core, each class by a ring and at a rate of its own
//! ([`crate::punt`]).

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::ring::Producer;
use nat::Instant;

use super::BURST;
use super::io::Io;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;
use crate::rate::TokenBucket;

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
}

impl Punt {
    /// Over these rings, on one of so many workers.
    pub(super) fn new(rings: Vec<Producer>, workers: usize, now: Instant) -> Self {
        let way = |(class, ring): (PuntClass, Producer)| {
            let bucket = TokenBucket::new(class.rate(workers), now);
            Way { ring, waiting: Burst::new(), bucket }
        };
        let ways = PuntClass::ALL.into_iter().zip(rings).map(way).collect();
        Punt { ways, has_waiting: false }
    }
}

impl Io {
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
