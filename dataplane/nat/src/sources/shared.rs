//! What networks of clients and private hosts have, on all workers together.
//!
//! A count-min sketch (Cormode and Muthukrishnan, "An improved data stream summary", 2005): each
//! source has a counter in each of two rows, and shares it with whoever meets it there. The lesser of
//! the two is what it has, or a little more. Counts are never too small, and memory is bounded
//! whatever the sources are.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use ahash::RandomState;
use wire::Address;

use super::{Class, Count, Rules};
use crate::time::Instant;

const ROWS: usize = 2;
/// The fewest and the most counters in a row. Of connections from sources all over, each counter
/// has eight at the most, so that a quota of a hundred is reached by nobody who has few.
const COLUMNS: core::ops::RangeInclusive<usize> = 1 << 16..=1 << 24;
const FOR_EACH: usize = 8;

#[derive(Debug, Default)]
struct Counter {
    /// Connections in the upper half, those half open in the lower one.
    counts: AtomicU64,
    /// A second in the upper half, connections opened in it in the lower one.
    opened: AtomicU64,
}

const CONNECTION: u64 = 1 << 32;

/// The counts that all workers share.
pub struct SharedCounts {
    counters: Vec<Counter>,
    columns: usize,
    hashers: [RandomState; ROWS],
}

impl SharedCounts {
    /// Counts of what these rules ask for, on a machine with so many connections.
    #[must_use]
    pub fn for_rules<A: Address>(rules: &Rules<A>, connections: usize) -> Self {
        let is_any = [Class::Network, Class::Host].iter().any(|class| rules.quota(*class).is_any());
        let columns = (connections / FOR_EACH).next_power_of_two();
        Self::of(if is_any { columns.clamp(*COLUMNS.start(), *COLUMNS.end()) } else { 0 })
    }

    fn of(columns: usize) -> Self {
        SharedCounts {
            columns,
            counters: (0..ROWS * columns).map(|_| Counter::default()).collect(),
            hashers: [(); ROWS].map(|()| RandomState::new()),
        }
    }

    fn counters<A: Address>(&self, class: Class, source: A) -> impl Iterator<Item = &Counter> {
        let at = move |(row, hasher): (usize, &RandomState)| {
            let hash = hasher.hash_one((class, source)) as usize;
            self.counters.get(row * self.columns + hash % self.columns.max(1))
        };
        self.hashers.iter().enumerate().filter_map(at)
    }

    pub(super) fn count<A: Address>(
        &self,
        class: Class,
        source: A,
        rate: Option<u32>,
        now: Instant,
    ) -> Count {
        let mut least = Count { connections: u32::MAX, half_open: u32::MAX, is_too_fast: true };
        for counter in self.counters(class, source) {
            let counts = counter.counts.load(Relaxed);
            let opened = in_this_second(counter.opened.load(Relaxed), now);
            least.connections = least.connections.min((counts >> 32) as u32);
            least.half_open = least.half_open.min(counts as u32);
            least.is_too_fast &= rate.is_some_and(|rate| opened >= rate);
        }
        least
    }

    pub(super) fn opened<A: Address>(
        &self,
        class: Class,
        source: A,
        is_half_open: bool,
        now: Instant,
    ) {
        let second = second(now);
        for counter in self.counters(class, source) {
            counter.counts.fetch_add(CONNECTION + u64::from(is_half_open), Relaxed);
            let opened = counter.opened.load(Relaxed);
            match opened >> 32 == second {
                true => drop(counter.opened.fetch_add(1, Relaxed)),
                // Another worker may begin the second at the same time: one of the two is not
                // counted.
                false => counter.opened.store(second << 32 | 1, Relaxed),
            }
        }
    }

    pub(super) fn changed<A: Address>(&self, class: Class, source: A, is_half_open: bool) {
        for counter in self.counters(class, source) {
            match is_half_open {
                true => counter.counts.fetch_add(1, Relaxed),
                false => counter.counts.fetch_sub(1, Relaxed),
            };
        }
    }

    pub(super) fn closed<A: Address>(&self, class: Class, source: A, was_half_open: bool) {
        for counter in self.counters(class, source) {
            counter.counts.fetch_sub(CONNECTION + u64::from(was_half_open), Relaxed);
        }
    }
}

impl Default for SharedCounts {
    fn default() -> Self {
        Self::of(*COLUMNS.start())
    }
}

fn second(now: Instant) -> u64 {
    (now.millis() / 1000) & u64::from(u32::MAX)
}

fn in_this_second(opened: u64, now: Instant) -> u32 {
    if opened >> 32 == second(now) { opened as u32 } else { 0 }
}
