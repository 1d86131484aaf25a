//! The timer wheel: when to look at a connection again.
//!
//! A packet never touches the wheel. The wheel looks at a connection at the tick for
//! which it is armed; if packets came in the meantime it is armed anew for when it would
//! expire now. A connection whose time got shorter (a TCP connection that closes) is
//! armed a second time for the earlier tick; the entry left behind names a tick for which
//! the connection is no longer armed, and is passed over when its time comes.
//!
//! Slots are chains of chunks, each a cache line of fourteen connections, so a visit
//! asks for the records of a whole chunk at once, and for the chunk after it (see Varghese and Lauck, "Hashed and
//! hierarchical timing wheels", 1987, scheme 6, for the wheel itself).

use crate::memory::{self, Region};
use crate::prefetch::prefetch;
use crate::record::{ConnectionId, NONE};
use crate::time::Instant;

/// Length of a tick: 2^10 ms.
const TICK_SHIFT: u32 = 10;
/// Slots, a power of two: 70 minutes. Longer times are reached in several visits.
const SLOTS: usize = 4096;
/// Connections in a chunk.
pub(crate) const CHUNK: usize = 14;
/// Empty slots that one step may pass over.
const EMPTY_PER_STEP: usize = 64;

/// A number of ticks since the origin of time.
pub(crate) type Tick = u32;

/// The tick of what is not in the wheel: 139 years after the origin.
pub(crate) const NEVER: Tick = u32::MAX;

/// The same of what is about to be closed.
pub(crate) const ENDING: Tick = NEVER - 1;

/// Connections of the chunks that may be out of the wheel at a time: those to be visited,
/// and those to be closed; all may have to go back.
const OUT: usize = 2 * CHUNK;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Chunk {
    ids: [u32; CHUNK],
    len: u32,
    next: u32,
}

/// The connections of one chunk, due for a visit.
pub(crate) struct Due {
    ids: [u32; CHUNK],
    len: usize,
    /// The tick that has come.
    pub(crate) tick: Tick,
}

impl Due {
    pub(crate) fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.ids.iter().take(self.len).map(|&id| ConnectionId(id))
    }
}

pub(crate) struct Wheel {
    /// First chunk of each slot.
    slots: Vec<u32>,
    chunks: Vec<Chunk>,
    free: u32,
    /// Entries in all slots, and the most there may be.
    entries: usize,
    limit: usize,
    /// The tick whose slot is being visited; all before it are done.
    current: Tick,
}

impl Wheel {
    /// A wheel for this many connections. Each may be armed twice.
    pub(crate) fn new(connections: usize, now: Instant, prepare: &mut dyn FnMut(Region)) -> Self {
        let limit = connections * 2 + OUT;
        // Each slot may end in a chunk that is not full.
        let count = limit / CHUNK + SLOTS + 1;
        let mut chunks = Vec::with_capacity(count);
        memory::prepare(&mut chunks, prepare);
        for number in 1..=count as u32 {
            let next = if number as usize == count { NONE } else { number };
            chunks.push(Chunk { ids: [0; CHUNK], len: 0, next });
        }
        Wheel {
            slots: vec![NONE; SLOTS],
            chunks,
            free: 0,
            entries: 0,
            limit,
            current: Self::tick_of(now),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<Chunk>() + self.slots.len() * size_of::<u32>()
    }

    /// The tick in which an instant lies.
    pub(crate) fn tick_of(instant: Instant) -> Tick {
        (instant.millis() >> TICK_SHIFT) as Tick
    }

    /// The first tick at whose visit this instant has passed, or as far towards it as
    /// the wheel reaches.
    pub(crate) fn tick_for(&self, deadline: Instant) -> Tick {
        let wanted = Self::tick_of(deadline).wrapping_add(1);
        let ahead = wanted.wrapping_sub(self.current);
        // A deadline that has passed is due at the next tick; one beyond the horizon is
        // visited there.
        let ahead = if ahead as i32 <= 0 { 1 } else { ahead.min(SLOTS as u32 - 1) };
        self.current.wrapping_add(ahead)
    }

    /// True while a new entry fits and room stays for the chunks that were taken out, as
    /// their connections may have to go back.
    pub(crate) fn has_room(&self) -> bool {
        self.entries + OUT < self.limit
    }

    /// Arms a connection for a tick from [`Wheel::tick_for`]. False when there is no
    /// room at all; callers other than a visit ask [`Wheel::has_room`] before.
    pub(crate) fn arm(&mut self, id: ConnectionId, tick: Tick) -> bool {
        if self.entries >= self.limit {
            return false;
        }
        let Some(slot) = self.slots.get_mut(tick as usize % SLOTS) else { return false };
        let open =
            self.chunks.get(*slot as usize).is_some_and(|chunk| (chunk.len as usize) < CHUNK);
        if !open {
            let fresh = self.free;
            let Some(chunk) = self.chunks.get_mut(fresh as usize) else { return false };
            self.free = chunk.next;
            chunk.next = *slot;
            chunk.len = 0;
            *slot = fresh;
        }
        let Some(chunk) = self.chunks.get_mut(*slot as usize) else { return false };
        let Some(place) = chunk.ids.get_mut(chunk.len as usize) else { return false };
        *place = id.0;
        chunk.len += 1;
        self.entries += 1;
        true
    }

    /// The next chunk of connections whose tick has come, if any has.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let reached = Self::tick_of(now);
        for _ in 0..EMPTY_PER_STEP {
            if (reached.wrapping_sub(self.current) as i32) < 0 {
                return None;
            }
            if let Some(due) = self.take_chunk() {
                return Some(due);
            }
            if reached == self.current {
                return None;
            }
            self.current = self.current.wrapping_add(1);
        }
        None
    }

    fn take_chunk(&mut self) -> Option<Due> {
        let slot = self.slots.get_mut(self.current as usize % SLOTS)?;
        let number = *slot;
        let chunk = self.chunks.get_mut(number as usize)?;
        let due = Due { ids: chunk.ids, len: chunk.len as usize, tick: self.current };
        let next = chunk.next;
        *slot = next;
        chunk.next = self.free;
        self.free = number;
        self.entries -= due.len;
        prefetch(self.chunks.as_ptr().wrapping_add(next as usize));
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tick: u64) -> Instant {
        Instant::from_millis(tick << TICK_SHIFT)
    }

    fn drain(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
        let mut seen = Vec::new();
        for _ in 0..10_000 {
            if let Some(due) = wheel.due(now) {
                seen.extend(due.ids().map(|id| id.0));
            }
        }
        seen.sort_unstable();
        seen
    }

    #[test]
    fn an_entry_comes_back_at_its_tick_and_not_before() {
        let mut wheel = Wheel::new(100, at(0), &mut |_| ());
        let tick = wheel.tick_for(at(5));
        assert!(wheel.arm(ConnectionId(7), tick));
        assert!(drain(&mut wheel, at(u64::from(tick) - 1)).is_empty());
        assert_eq!(drain(&mut wheel, at(u64::from(tick))), [7]);
        assert!(drain(&mut wheel, at(9000)).is_empty());
    }

    #[test]
    fn a_tick_never_comes_before_the_deadline() {
        let wheel = Wheel::new(1, at(0), &mut |_| ());
        for millis in [0, 1, 1023, 1024, 1025, 60_000, 900_001] {
            let deadline = Instant::from_millis(millis);
            assert!(at(u64::from(wheel.tick_for(deadline))) > deadline);
        }
    }

    #[test]
    fn full_wheel_refuses_and_empties_again() {
        let mut wheel = Wheel::new(50, at(0), &mut |_| ());
        for round in 0..3u64 {
            let base = round * 5000;
            for number in 0..100 + OUT as u32 {
                assert_eq!(wheel.has_room(), number < 100);
                let deadline = at(base + 1 + u64::from(number) * 37 % 4000);
                let tick = wheel.tick_for(deadline);
                assert!(wheel.arm(ConnectionId(number), tick));
            }
            assert!(!wheel.arm(ConnectionId(200), wheel.tick_for(at(base + 3))));
            let all: Vec<_> = (0..100 + OUT as u32).collect();
            assert_eq!(drain(&mut wheel, at(base + 4999)), all);
        }
    }

    #[test]
    fn beyond_the_horizon_is_visited_at_the_horizon() {
        let wheel = Wheel::new(1, at(0), &mut |_| ());
        assert_eq!(wheel.tick_for(at(1_000_000)), SLOTS as u32 - 1);
    }
}
