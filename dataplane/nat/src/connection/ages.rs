//! When connections were opened.
//!
//! A record has no byte left for it, and no packet asks: so it stands beside the records, and is
//! written once, when a connection opens.

use crate::memory::{self, Region};
use crate::record::ConnectionId;
use crate::room::Capacity;
use crate::time::Instant;

/// For each record when its connection was opened.
#[derive(Debug)]
pub(super) struct Ages {
    opened: Vec<Ticks>,
}

/// Times of 1,024 ms since the origin of instants: they last for 139 years, and need no division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ticks(u32);

impl Ticks {
    #[inline(always)]
    fn of(now: Instant) -> Self {
        Ticks((now.millis() >> 10) as u32)
    }
}

impl Ages {
    /// Room for the records of a table; the memory of its own part is touched now.
    pub(super) fn new(Capacity { own, most }: Capacity, prepare: &mut dyn FnMut(Region)) -> Self {
        let mut opened = Vec::with_capacity(most);
        memory::prepare(&mut opened, prepare);
        opened.resize(own, Ticks(0));
        Ages { opened }
    }

    pub(super) fn region(&self) -> Region {
        Region::of(&self.opened)
    }

    pub(super) fn bytes(&self) -> usize {
        self.opened.capacity() * size_of::<Ticks>()
    }

    #[inline(always)]
    pub(super) fn opened(&mut self, id: ConnectionId, now: Instant) {
        match self.opened.get_mut(id.index()) {
            Some(opened) => *opened = Ticks::of(now),
            None => self.grow(id, now),
        }
    }

    /// Records are added one after the other, in memory that is reserved for them.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, id: ConnectionId, now: Instant) {
        if id.index() == self.opened.len() && self.opened.len() < self.opened.capacity() {
            self.opened.push(Ticks::of(now));
        }
    }

    /// Seconds since the connection was opened, to about a second.
    pub(super) fn seconds(&self, id: ConnectionId, now: Instant) -> u64 {
        let opened = self.opened.get(id.index()).map_or(0, |opened| u64::from(opened.0) << 10);
        now.millis().saturating_sub(opened) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_those_of_the_last_connection_also_of_added_records() {
        let mut ages = Ages::new(Capacity { own: 1, most: 3 }, &mut |_| ());
        let at = |seconds: u64| Instant::from_millis(seconds * 1024);
        for (record, second) in [(0, 10), (1, 20), (2, 30), (1, 40)] {
            ages.opened(ConnectionId(record), at(second));
        }
        let seconds = |record| ages.seconds(ConnectionId(record), at(50));
        assert_eq!([0, 1, 2].map(seconds), [40, 10, 20].map(|ticks| ticks * 1024 / 1000));
        assert_eq!(ages.opened.capacity() * 4, ages.bytes());
        // 49 days, after which the stamps of records begin anew.
        assert_eq!(ages.seconds(ConnectionId(0), at(10 + (1 << 23))), (1 << 33) / 1000);
    }
}
