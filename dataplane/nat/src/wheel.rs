//! The timer wheel: when to look at a connection again.
//!
//! A packet never touches the wheel. The wheel visits a record when its connection may be
//! over; if packets came in the meantime the record is put in again, for when the connection
//! would be over now. When the time of a connection gets shorter (a TCP connection closes),
//! its record is put in a second time, for an earlier visit.
//!
//! An entry stays until its slot comes, whatever becomes of the connection: the record says
//! which entries are its own ([`Visits`]), and keeps them for its next connection. No record
//! ever has a third. A second entry is therefore for a visit no later than the shortest of
//! all timeouts from now: whatever the connection does before that visit, it can't be over
//! earlier. So the wheel has room for every record, and no connection outlives its timeout by
//! more than two ticks.
//!
//! Slots are chains of chunks, each a cache line of fourteen connections, so a visit
//! asks for the records of a whole chunk at once, and for the chunk after it (see Varghese and Lauck, "Hashed and
//! hierarchical timing wheels", 1987, scheme 6, for the wheel itself).

use crate::memory::{self, Region};
use crate::prefetch::prefetch;
use crate::record::{ConnectionId, NONE, Slot, Visits};
use crate::room::Capacity;
use crate::time::{Instant, Seconds};

/// Length of a tick: 2^10 ms.
const TICK_SHIFT: u32 = 10;
/// Slots, a power of two: 70 minutes. Longer times are reached in several visits.
const SLOTS: usize = 4096;
/// Connections in a chunk.
pub(crate) const CHUNK: usize = 14;
/// Empty slots that one step may pass over.
const EMPTY_PER_STEP: usize = 64;

/// A number of ticks since the origin of time.
type Tick = u32;

/// Entries of one record, see [`Visits`].
const PER_RECORD: usize = 2;

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
    /// The slot whose time has come.
    pub(crate) slot: Slot,
}

impl Due {
    pub(crate) fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.ids.iter().take(self.len).map(|&id| ConnectionId(id))
    }
}

pub(crate) struct Wheel {
    /// First chunk of each slot.
    slots: Box<[u32; SLOTS]>,
    /// Those that were ever in use, and the table's own part; there is room for all of them.
    chunks: Vec<Chunk>,
    /// As many as all records can need.
    most: usize,
    free: u32,
    /// The tick whose slot is being visited; all before it are done.
    current: Tick,
    /// No connection is over in fewer ticks.
    shortest: Tick,
}

impl Wheel {
    /// A wheel for this many records.
    pub(crate) fn new(records: Capacity, now: Instant, prepare: &mut dyn FnMut(Region)) -> Self {
        // Each slot may end in a chunk that is not full.
        let chunks_for = |records: usize| records * PER_RECORD / CHUNK + SLOTS + 1;
        let (own, most) = (chunks_for(records.own), chunks_for(records.most));
        let mut chunks = Vec::with_capacity(most);
        memory::prepare(&mut chunks, prepare);
        for number in 1..=own as u32 {
            let next = if number as usize == own { NONE } else { number };
            chunks.push(Chunk { ids: [0; CHUNK], len: 0, next });
        }
        Wheel {
            slots: Box::new([NONE; SLOTS]),
            chunks,
            most,
            free: 0,
            current: Self::tick_of(now),
            shortest: 1,
        }
    }

    /// Sets the shortest of all timeouts.
    pub(crate) fn set_shortest(&mut self, timeout: Seconds) {
        // What is over within a tick is found so at the next.
        let ticks = (timeout.millis() >> TICK_SHIFT) + 1;
        self.shortest = ticks.min(SLOTS as u64 - 1) as Tick;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.most * size_of::<Chunk>() + size_of_val(&*self.slots)
    }

    /// The memory of its chunks.
    pub(crate) fn region(&self) -> Region {
        Region::of(&self.chunks)
    }

    /// Takes a free chunk, or a new one in memory that is reserved for it.
    #[inline(always)]
    fn take_free(chunks: &mut Vec<Chunk>, free: &mut u32, most: usize) -> Option<u32> {
        let number = *free;
        match chunks.get(number as usize) {
            Some(chunk) => *free = chunk.next,
            None => return Self::grow(chunks, most),
        }
        Some(number)
    }

    #[cold]
    #[inline(never)]
    fn grow(chunks: &mut Vec<Chunk>, most: usize) -> Option<u32> {
        let number = chunks.len();
        if number >= most.min(chunks.capacity()) {
            return None;
        }
        chunks.push(Chunk { ids: [0; CHUNK], len: 0, next: NONE });
        Some(number as u32)
    }

    /// The tick in which an instant lies.
    fn tick_of(instant: Instant) -> Tick {
        (instant.millis() >> TICK_SHIFT) as Tick
    }

    /// How many ticks from the current one it is to the first at whose visit this instant
    /// has passed; no more than the wheel reaches.
    #[inline(always)]
    fn ticks_to(&self, deadline: Instant) -> Tick {
        let wanted = Self::tick_of(deadline).wrapping_add(1);
        let ahead = wanted.wrapping_sub(self.current);
        // A deadline that has passed is due at the next tick; one beyond the horizon is
        // visited there.
        if ahead as i32 <= 0 { 1 } else { ahead.min(SLOTS as Tick - 1) }
    }

    /// The slot of the tick that comes so many after the current one.
    #[inline(always)]
    fn slot_in(&self, ticks: Tick) -> Slot {
        (self.current.wrapping_add(ticks) as usize % SLOTS) as Slot
    }

    /// In how many ticks a slot is visited.
    #[inline(always)]
    fn ticks_until(&self, slot: Slot) -> Tick {
        Tick::from(slot).wrapping_sub(self.current) % SLOTS as Tick
    }

    /// Sees to it that the record is visited at the first tick after the deadline, or before.
    #[inline(always)]
    pub(crate) fn visit_by(&mut self, deadline: Instant, id: ConnectionId, visits: &mut Visits) {
        let ticks = self.ticks_to(deadline);
        if visits.is_empty() {
            self.put(ticks, id, visits);
        } else {
            self.visit_sooner(ticks, id, visits);
        }
    }

    #[inline(never)]
    fn visit_sooner(&mut self, ticks: Tick, id: ConnectionId, visits: &mut Visits) {
        let is_soon = visits.awaited().is_none_or(|slot| self.ticks_until(slot) <= ticks);
        // What has two entries is visited within the shortest timeout.
        if !is_soon && !visits.is_full() {
            self.put(ticks.min(self.shortest), id, visits);
        }
    }

    /// Puts an entry for a visit in so many ticks.
    #[inline(always)]
    fn put(&mut self, ticks: Tick, id: ConnectionId, visits: &mut Visits) {
        let slot = self.slot_in(ticks);
        let is_put = self.put_into(slot, id);
        debug_assert!(is_put, "the wheel has room for the entries of all records");
        if is_put {
            visits.add(slot);
        }
    }

    #[inline(always)]
    fn put_into(&mut self, slot: Slot, id: ConnectionId) -> bool {
        let Some(slot) = self.slots.get_mut(slot as usize % SLOTS) else { return false };
        let open =
            self.chunks.get(*slot as usize).is_some_and(|chunk| (chunk.len as usize) < CHUNK);
        if !open {
            let Some(fresh) = Self::take_free(&mut self.chunks, &mut self.free, self.most) else {
                return false;
            };
            let Some(chunk) = self.chunks.get_mut(fresh as usize) else { return false };
            chunk.next = *slot;
            chunk.len = 0;
            *slot = fresh;
        }
        let Some(chunk) = self.chunks.get_mut(*slot as usize) else { return false };
        let Some(place) = chunk.ids.get_mut(chunk.len as usize) else { return false };
        *place = id.0;
        chunk.len += 1;
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
        let slot = self.slot_in(0);
        let first = self.slots.get_mut(slot as usize % SLOTS)?;
        let number = *first;
        let chunk = self.chunks.get_mut(number as usize)?;
        let due = Due { ids: chunk.ids, len: chunk.len as usize, slot };
        let next = chunk.next;
        *first = next;
        chunk.next = self.free;
        self.free = number;
        prefetch(self.chunks.as_ptr().wrapping_add(next as usize));
        Some(due)
    }
}

#[cfg(test)]
impl Wheel {
    /// Every entry: the slot, and whose it is.
    pub(crate) fn entries(&self) -> Vec<(Slot, ConnectionId)> {
        let mut entries = Vec::new();
        for (slot, &first) in self.slots.iter().enumerate() {
            let mut number = first;
            while let Some(chunk) = self.chunks.get(number as usize) {
                let ids = chunk.ids.iter().take(chunk.len as usize);
                entries.extend(ids.map(|&id| (slot as Slot, ConnectionId(id))));
                number = chunk.next;
            }
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tick: u64) -> Instant {
        Instant::from_millis(tick << TICK_SHIFT)
    }

    fn wheel(records: usize) -> Wheel {
        Wheel::new(records.into(), at(0), &mut |_| ())
    }

    /// Who is visited up to this instant, and in which slots.
    fn drain(wheel: &mut Wheel, now: Instant) -> Vec<(u32, Slot)> {
        let mut seen = Vec::new();
        for _ in 0..10_000 {
            if let Some(due) = wheel.due(now) {
                seen.extend(due.ids().map(|id| (id.0, due.slot)));
            }
        }
        seen.sort_unstable();
        seen
    }

    #[test]
    fn a_record_is_visited_at_its_tick_and_not_before() {
        let mut wheel = wheel(100);
        let mut visits = Visits::NONE;
        wheel.visit_by(at(5), ConnectionId(7), &mut visits);
        assert!(drain(&mut wheel, at(5)).is_empty());
        assert_eq!(drain(&mut wheel, at(6)), [(7, 6)]);
        visits.visited(6);
        assert!(visits.is_empty());
        assert!(drain(&mut wheel, at(9000)).is_empty());
    }

    #[test]
    fn a_visit_never_comes_before_the_deadline() {
        let wheel = wheel(1);
        for millis in [0, 1, 1023, 1024, 1025, 60_000, 900_001] {
            let deadline = Instant::from_millis(millis);
            assert!(at(u64::from(wheel.ticks_to(deadline))) > deadline);
        }
    }

    #[test]
    fn beyond_the_horizon_is_visited_at_the_horizon() {
        assert_eq!(wheel(1).ticks_to(at(1_000_000)), SLOTS as u32 - 1);
    }

    #[test]
    fn a_shorter_time_takes_a_second_entry_and_nothing_takes_a_third() {
        let mut wheel = wheel(1);
        wheel.set_shortest(Seconds(10));
        let (id, mut visits) = (ConnectionId(0), Visits::NONE);
        let mut deadlines = vec![900, 950, 60, 30, 10];
        deadlines.extend([900, 60, 10].repeat(100));
        for seconds in deadlines {
            wheel.visit_by(Instant::from_millis(seconds * 1000), id, &mut visits);
        }
        // Within the shortest timeout, and when the first deadline has passed.
        assert_eq!(drain(&mut wheel, at(2000)), [(0, 10), (0, 879)]);
        visits.visited(10);
        visits.visited(879);
        assert!(visits.is_empty());
    }

    #[test]
    fn all_records_find_room_for_both_their_entries_again_and_again() {
        let mut wheel = wheel(50);
        for round in 0..3u64 {
            let base = round * 5000;
            let mut records = [Visits::NONE; 50];
            for (number, visits) in records.iter_mut().enumerate() {
                let (id, number) = (ConnectionId(number as u32), number as u64);
                for deadline in [4000 - number * 37, 3 + number] {
                    wheel.visit_by(at(base + deadline), id, visits);
                }
                assert!(visits.is_full());
            }
            assert_eq!(wheel.entries().len(), 100);
            assert_eq!(drain(&mut wheel, at(base + 4999)).len(), 100);
        }
    }
}
