//! How many connections each worker may have, of those that the machine can hold.
//!
//! Clients are shared out among workers by their addresses, so a proxy that many clients are behind is
//! all one worker's. Were the machine's room divided by the workers, it would get a part of it. So half
//! of the room is divided, and each worker has its part for sure; the other half is lent to
//! whoever needs it, a little ahead of what it has.
//!
//! The main core lends ([`Reserve::share`]); a worker reads its limit when it opens a connection.
//! Nobody waits for the other: a main core that stands still leaves the limits as they are, and
//! their sum is never more than the room that the machine has by the counts that it read.

use core::ops::Deref;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::OnceLock;

use crate::memory::Region;

/// How far ahead of what it has a worker is lent room: at a million new connections a second, 65 ms.
const AHEAD: usize = 1 << 16;

/// What the table of one worker holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// As many connections as it holds for sure; their memory is touched at the start.
    pub own: usize,
    /// As many as it ever holds.
    pub most: usize,
}

impl From<usize> for Capacity {
    /// Of a worker that shares with nobody.
    fn from(connections: usize) -> Self {
        Capacity { own: connections, most: connections }
    }
}

/// How many connections one worker may have. Read by the worker, written by the main core, on
/// cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub struct Room {
    limit: AtomicUsize,
    /// How much of the limit is only for shares that have not what they are sure of.
    withheld: AtomicUsize,
    /// What the limit could become if nobody else took any.
    reach: AtomicUsize,
    most: usize,
    /// The worker's memory that grows with what it has.
    regions: OnceLock<Vec<Region>>,
    /// Connections for which it has been asked of the kernel. Only the main core writes it.
    prepared: AtomicUsize,
}

impl Room {
    /// The room that a worker begins with.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        let Capacity { own, most } = capacity;
        Room {
            limit: AtomicUsize::new(own),
            withheld: AtomicUsize::new(0),
            reach: AtomicUsize::new(most),
            most,
            regions: OnceLock::new(),
            prepared: AtomicUsize::new(own),
        }
    }

    /// As many connections as the worker may have now.
    #[inline(always)]
    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// As many of these as are kept for shares that have not what they are sure of.
    #[inline(always)]
    pub fn withheld(&self) -> usize {
        self.withheld.load(Relaxed)
    }

    /// As many as it could have if nobody else took any: what its limit comes to in a while.
    #[inline(always)]
    pub fn reach(&self) -> usize {
        self.reach.load(Relaxed)
    }

    /// As many as it can ever have.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Withholds so many for shares.
    pub fn withhold(&self, connections: usize) {
        if self.withheld() != connections {
            self.withheld.store(connections, Relaxed);
        }
    }

    /// Remembers where the memory is that grows.
    pub(crate) fn set_regions(&self, regions: Vec<Region>) {
        // A worker makes its table once.
        let _ = self.regions.set(regions);
    }

    /// Sets the limit, once the memory for it is there.
    fn set(&self, limit: usize, reach: usize, populate: &mut dyn FnMut(Region)) {
        let prepared = self.prepared.load(Relaxed);
        if limit > prepared {
            // Whole steps, so that the kernel is asked seldom.
            let until = limit.next_multiple_of(AHEAD).min(self.most);
            // Before the worker has made its table there is no memory yet.
            if let Some(regions) = self.regions.get() {
                for region in regions {
                    populate(region.part(prepared, until, self.most));
                }
                self.prepared.store(until, Relaxed);
            }
        }
        // What is as it was is not written: workers have the lines.
        if self.limit() != limit {
            self.limit.store(limit, Relaxed);
        }
        if self.reach() != reach {
            self.reach.store(reach, Relaxed);
        }
    }
}

/// The room of a machine, and how it is shared out.
#[derive(Clone, Debug)]
pub struct Reserve {
    capacity: Capacity,
    /// What is lent.
    lent: usize,
    /// Who gets what cannot be divided.
    turn: usize,
}

impl Reserve {
    /// Of a machine that holds so many connections, for so many workers.
    #[must_use]
    pub fn new(connections: usize, workers: usize) -> Self {
        let (connections, workers) = (connections.max(1), workers.max(1));
        let own = if workers == 1 { connections } else { (connections / 2 / workers).max(1) };
        let lent = connections.saturating_sub(own.saturating_mul(workers));
        Reserve { capacity: Capacity { own, most: own + lent }, lent, turn: 0 }
    }

    /// What the table of each worker has to hold.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Lends what is free of the reserve, by the connections that each worker has. `populate` is
    /// shown the memory that a worker may come to use next.
    pub fn share<R: Deref<Target = Room>>(
        &mut self,
        rooms: &[R],
        held: impl Fn(usize) -> usize,
        populate: &mut dyn FnMut(Region),
    ) {
        let Capacity { own, most } = self.capacity;
        let used: usize = (0..rooms.len()).map(|at| held(at).saturating_sub(own)).sum();
        let free = self.lent.saturating_sub(used);
        let (each, rest) = (free / rooms.len().max(1), free % rooms.len().max(1));
        self.turn = self.turn.wrapping_add(1);
        for (at, room) in rooms.iter().enumerate() {
            let held = held(at).max(own);
            let more = usize::from((at + self.turn) % rooms.len() < rest);
            let limit = held.saturating_add((each + more).min(AHEAD)).min(most);
            room.set(limit, held.saturating_add(free).min(most), populate);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn rooms(reserve: &Reserve, workers: usize) -> Vec<Arc<Room>> {
        (0..workers).map(|_| Arc::new(Room::new(reserve.capacity()))).collect()
    }

    fn share(reserve: &mut Reserve, rooms: &[Arc<Room>], held: &[usize]) {
        reserve.share(rooms, |at| held[at], &mut |_| ());
    }

    #[test]
    fn one_worker_has_it_all_and_of_many_each_reaches_more_than_half() {
        assert_eq!(Reserve::new(1_000_000, 1).capacity(), 1_000_000.into());
        for workers in 2..=64 {
            let Capacity { own, most } = Reserve::new(1_000_000, workers).capacity();
            assert!(most > 500_000 && own > 0, "{workers}: {own} {most}");
            assert!(own * workers <= 500_000, "{workers}");
        }
    }

    /// A worker whose clients are all behind one address takes what is lent, until nothing is left;
    /// the others keep their parts.
    #[test]
    fn one_worker_takes_the_reserve_and_the_others_keep_their_parts() {
        let mut reserve = Reserve::new(1_000_000, 4);
        let rooms = rooms(&reserve, 4);
        let mut held = [0; 4];
        for _ in 0..100 {
            share(&mut reserve, &rooms, &held);
            held[2] = rooms[2].limit();
        }
        assert_eq!(held[2], 625_000);
        assert_eq!(
            rooms.iter().map(|room| room.limit()).collect::<Vec<_>>(),
            [125_000, 125_000, 625_000, 125_000]
        );
        held[2] = 200_000;
        share(&mut reserve, &rooms, &held);
        assert_eq!(rooms[0].limit(), 125_000 + AHEAD, "what is given back is lent anew");
    }

    /// The last places go to whoever still takes some.
    #[test]
    fn everything_is_lent_in_the_end() {
        let mut reserve = Reserve::new(1_003, 3);
        let rooms = rooms(&reserve, 3);
        let mut held = [100, 0, 3];
        for _ in 0..1000 {
            share(&mut reserve, &rooms, &held);
            held[0] = rooms[0].limit();
            held[1] = rooms[1].limit();
        }
        let own = reserve.capacity().own;
        assert_eq!(held[0] + held[1] + own, 1_003);
    }

    #[test]
    fn memory_is_asked_for_before_it_is_lent() {
        let mut reserve = Reserve::new(4_000_000, 2);
        let rooms = rooms(&reserve, 2);
        let bytes = reserve.capacity().most * 64;
        rooms[0].set_regions(vec![Region { start: 0x1000_0000, bytes }]);
        let mut asked = Vec::new();
        reserve.share(&rooms, |at| [1_000_000, 0][at], &mut |region| asked.push(region));
        let [region] = asked[..] else { panic!("{asked:?}") };
        assert_eq!(region.start, 0x1000_0000 + 1_000_000 * 64);
        assert!(region.start + region.bytes >= 0x1000_0000 + rooms[0].limit() * 64);
        asked.clear();
        reserve.share(&rooms, |at| [1_000_000, 0][at], &mut |region| asked.push(region));
        assert_eq!(asked, [], "once");
    }

    proptest! {
        /// Whatever the workers do within their limits, the machine has room for it.
        #[test]
        fn never_more_than_the_machine_holds(
            connections in 1..10_000_usize, workers in 1..9_usize,
            steps in prop::collection::vec((0..8_usize, 0..10_000_usize), 0..60),
        ) {
            let mut reserve = Reserve::new(connections, workers);
            let rooms = rooms(&reserve, workers);
            let mut held = vec![0; workers];
            for (worker, wanted) in steps {
                share(&mut reserve, &rooms, &held);
                let worker = worker % workers;
                held[worker] = wanted.min(rooms[worker].limit());
                let sum: usize = rooms.iter().map(|room| room.limit()).sum();
                // Of fewer connections than workers each has one all the same.
                prop_assert!(sum <= connections.max(workers), "{sum} of {connections}");
                let held: usize = held.iter().sum();
                prop_assert!(held <= connections.max(workers));
            }
        }
    }
}
