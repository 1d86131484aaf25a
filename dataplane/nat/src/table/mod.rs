//! The connection table of one worker: fixed size, made once, owned by one thread.
//!
//! ```text
//!   key --hash--> bucket (64 bytes: 8 tags, 8 entries) --entry--> record (64 bytes)
//!         \______ second bucket, when the first was full
//! ```
//!
//! A connection is one [`Record`] and two entries in the index, one for each
//! direction's key. A look-up therefore reads two cache lines. The calls that a burst
//! makes are split so that the lines of 32 packets travel at once: [`Table::prefetch`]
//! for all, then [`Table::candidate`] and [`Table::prefetch_record`] for all, then
//! [`Table::confirm`].

mod hash;
mod index;
mod tags;

#[cfg(test)]
mod tests;

use wire::Address;

pub use crate::memory::Region;
pub use crate::record::{ConnectionId, Key, Record};
pub use hash::Hash;
pub use index::Probe;

use crate::prefetch::prefetch;
use crate::record::NONE;
use crate::room::Capacity;
use crate::{Direction, memory};
use hash::KeyHasher;
use index::{Entry, Index};

/// A packet's connection and the direction in which the packet travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// Which connection.
    pub id: ConnectionId,
    /// Which way.
    pub direction: Direction,
}

/// What the index says of a hash before the record has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate(Entry);

impl Candidate {
    /// No record.
    pub const NONE: Candidate = Candidate(Entry::NONE);
}

/// Why a connection could not be put into the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InsertError {
    /// Every record is in use, or (in one of millions) no bucket has room.
    #[error("the connection table is full")]
    Full,
    /// A connection with this key for this direction exists already.
    #[error("the {0:?} tuple belongs to another connection")]
    Taken(Direction),
}

/// The most connections that one table can hold.
pub const MAXIMUM_CAPACITY: usize = 1 << 30;

/// The table.
pub struct Table<A> {
    index: Index,
    /// Those that were ever in use, and the table's own part; there is room for all of them.
    records: Vec<Record<A>>,
    /// First record of the list of free ones, or `NONE`.
    free: u32,
    live: usize,
    /// As many connections as there may be now.
    limit: usize,
    capacity: Capacity,
    hasher: KeyHasher,
}

impl<A: Address> Table<A> {
    /// A table for `capacity` connections (at least 1, at most [`MAXIMUM_CAPACITY`]).
    /// Its memory is taken now and never moves: that of its own part is touched, the rest when it is
    /// needed. `prepare` sees each large region before its first touch.
    pub fn new(capacity: impl Into<Capacity>, prepare: &mut dyn FnMut(Region)) -> Self {
        Self::with_hasher(KeyHasher::random(), capacity.into(), prepare)
    }

    /// A table whose hash repeats: see [`crate::Connections::from_seed`].
    pub(crate) fn from_seed(seed: u64, capacity: usize) -> Self {
        Self::with_hasher(KeyHasher::from_seed(seed), capacity.into(), &mut |_| ())
    }

    fn with_hasher(
        hasher: KeyHasher,
        Capacity { own, most }: Capacity,
        prepare: &mut dyn FnMut(Region),
    ) -> Self {
        let most = most.clamp(1, MAXIMUM_CAPACITY);
        let own = own.clamp(1, most);
        let index = Index::for_keys(own * 2, most * 2, prepare);
        let mut records = Vec::with_capacity(most);
        memory::prepare(&mut records, prepare);
        for number in 1..=own as u32 {
            let next = if number as usize == own { NONE } else { number };
            records.push(Record::free(next));
        }
        let capacity = Capacity { own, most };
        Table { index, records, free: 0, live: 0, limit: most, capacity, hasher }
    }

    /// The memory of its records.
    pub(crate) fn region(&self) -> Region {
        Region::of(&self.records)
    }

    /// Takes as many connections as this from now on. Those that it has stay.
    #[inline(always)]
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Connections in the table.
    pub fn len(&self) -> usize {
        self.live
    }

    /// True when no connection is in the table.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The most connections that it can hold.
    pub fn capacity(&self) -> usize {
        self.capacity.most
    }

    /// Records that a walk over the table has to look at: all that were ever in use.
    pub fn places(&self) -> usize {
        self.records.len()
    }

    /// Memory of index and records, in bytes.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.capacity.most * size_of::<Record<A>>()
    }

    /// The hash of a key.
    #[inline(always)]
    pub fn hash(&self, key: &Key<A>) -> Hash {
        self.hasher.hash(key)
    }

    /// Where the look-up of a key begins, for the calls below.
    #[inline(always)]
    pub fn probe(&self, key: &Key<A>) -> Probe {
        self.index.probe(self.hash(key))
    }

    /// Asks for the index line of a probe.
    #[inline(always)]
    pub fn prefetch(&self, probe: Probe) {
        self.index.prefetch(probe);
    }

    /// The likely entry of a probe, from its index line alone; [`Candidate::NONE`] if there
    /// is none.
    #[inline(always)]
    pub fn candidate(&self, probe: Probe) -> Candidate {
        Candidate(self.index.candidate(probe))
    }

    /// Asks for the record of a candidate.
    #[inline(always)]
    pub fn prefetch_record(&self, candidate: Candidate) {
        prefetch(self.records.as_ptr().wrapping_add(candidate.0.record()));
    }

    /// The hit, if the candidate's record has this key.
    #[inline(always)]
    pub fn confirm(&self, candidate: Candidate, key: &Key<A>) -> Option<Hit> {
        self.entry_has(candidate.0, key).then(|| Self::hit(candidate.0))
    }

    /// The record of a candidate that has this key, and which way the packet travels. No
    /// free record has the key of a packet.
    #[inline(always)]
    pub(crate) fn confirm_mut(
        &mut self,
        candidate: Candidate,
        key: &Key<A>,
    ) -> Option<(Hit, &mut Record<A>)> {
        let Candidate(entry) = candidate;
        let record = self.records.get_mut(entry.record())?;
        (record.key(entry.direction()) == key).then_some((Self::hit(entry), record))
    }

    /// The connection with this key: the whole look-up in one call, for single packets.
    pub fn look_up(&self, key: &Key<A>) -> Option<Hit> {
        self.find(key).map(|Candidate(entry)| Self::hit(entry))
    }

    /// The same as a candidate whose record has the key, for when the likely one has not.
    pub fn find(&self, key: &Key<A>) -> Option<Candidate> {
        self.find_hashed(self.hash(key), key)
    }

    fn find_hashed(&self, hash: Hash, key: &Key<A>) -> Option<Candidate> {
        self.index.find(hash, |entry| self.entry_has(entry, key)).map(Candidate)
    }

    #[inline(always)]
    fn entry_has(&self, entry: Entry, key: &Key<A>) -> bool {
        self.records.get(entry.record()).is_some_and(|record| record.key(entry.direction()) == key)
    }

    #[inline(always)]
    fn hit(entry: Entry) -> Hit {
        Hit { id: ConnectionId(entry.record() as u32), direction: entry.direction() }
    }

    /// The record of a live connection.
    #[inline(always)]
    pub fn get(&self, id: ConnectionId) -> Option<&Record<A>> {
        self.records.get(id.index()).filter(|record| record.is_live())
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Record<A>> {
        self.slot_mut(id).filter(|record| record.is_live())
    }

    /// The record of this number, also a free one.
    #[inline(always)]
    pub(crate) fn slot_mut(&mut self, id: ConnectionId) -> Option<&mut Record<A>> {
        self.records.get_mut(id.index())
    }

    /// The record at this place, if a connection has it.
    pub(crate) fn at_mut(&mut self, at: usize) -> Option<(ConnectionId, &mut Record<A>)> {
        let record = self.records.get_mut(at).filter(|record| record.is_live())?;
        Some((ConnectionId(at as u32), record))
    }

    #[inline(always)]
    pub(crate) fn prefetch_id(&self, id: ConnectionId) {
        prefetch(self.records.as_ptr().wrapping_add(id.index()));
    }

    /// Asks for the index lines of the keys with these hashes.
    #[inline(always)]
    pub(crate) fn prefetch_hashed(&self, hashes: [Hash; 2]) {
        for hash in hashes {
            self.prefetch(self.index.probe(hash));
        }
    }

    /// Puts a connection in.
    ///
    /// # Errors
    ///
    /// [`InsertError`]; the table is then as before.
    pub fn insert(&mut self, record: Record<A>) -> Result<ConnectionId, InsertError> {
        let hashes = record.keys.map(|key| self.hash(&key));
        for direction in [Direction::Original, Direction::Reply] {
            let at = direction.index();
            if self.find_hashed(hashes[at], &record.keys[at]).is_some() {
                return Err(InsertError::Taken(direction));
            }
        }
        if record.keys[0] == record.keys[1] {
            return Err(InsertError::Taken(Direction::Reply));
        }
        if self.live >= self.limit {
            return Err(InsertError::Full);
        }
        if self.free == NONE {
            self.grow()?;
        }
        let number = self.free;
        let slot = self.records.get_mut(number as usize).ok_or(InsertError::Full)?;
        let next = slot.next_free();
        // The connection that was to be looked at again is gone.
        slot.visits.looks_again();
        let visits = slot.visits;
        *slot = record;
        slot.visits = visits;
        if !self.enter(hashes, number) {
            if let Some(slot) = self.records.get_mut(number as usize) {
                slot.release(next);
            }
            return Err(InsertError::Full);
        }
        self.free = next;
        self.live += 1;
        Ok(ConnectionId(number))
    }

    /// Adds a free record, in memory that is reserved for it.
    #[cold]
    fn grow(&mut self) -> Result<(), InsertError> {
        let number = self.records.len();
        if number >= self.capacity.most || number >= self.records.capacity() {
            return Err(InsertError::Full);
        }
        self.records.push(Record::free(NONE));
        self.free = number as u32;
        Ok(())
    }

    /// Enters both directions into the index, or neither.
    fn enter(&mut self, hashes: [Hash; 2], number: u32) -> bool {
        let (records, hasher) = (&self.records, &self.hasher);
        let rehash = |entry: Entry| {
            let record = records.get(entry.record())?;
            Some(hasher.hash(record.key(entry.direction())))
        };
        let entries =
            [Direction::Original, Direction::Reply].map(|direction| Entry::new(number, direction));
        if !self.index.insert(hashes[0], entries[0], rehash) {
            return false;
        }
        if !self.index.insert(hashes[1], entries[1], rehash) {
            self.index.remove(hashes[0], entries[0]);
            return false;
        }
        true
    }

    /// Takes a connection out and returns its last record.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Record<A>> {
        let record = *self.get(id)?;
        self.take_out(id, record.keys.map(|key| self.hash(&key)));
        Some(record)
    }

    /// Takes a live connection out, whose keys have these hashes.
    #[inline(always)]
    pub(crate) fn take_out(&mut self, id: ConnectionId, hashes: [Hash; 2]) {
        for (direction, hash) in [Direction::Original, Direction::Reply].into_iter().zip(hashes) {
            let removed = self.index.remove(hash, Entry::new(id.0, direction));
            debug_assert!(removed, "a live record has both its entries in the index");
        }
        if let Some(slot) = self.records.get_mut(id.index()) {
            slot.release(self.free);
            self.free = id.0;
            self.live -= 1;
        }
    }

    /// The live connections among the `count` records from `start` on, for listings.
    pub fn scan(
        &self,
        start: usize,
        count: usize,
    ) -> impl Iterator<Item = (ConnectionId, &Record<A>)> {
        let end = start.saturating_add(count).min(self.records.len());
        let range = self.records.get(start.min(end)..end).unwrap_or_default();
        range
            .iter()
            .enumerate()
            .filter(|(_, record)| record.is_live())
            .map(move |(at, record)| (ConnectionId((start + at) as u32), record))
    }
}
