//! The index: from the hash of a key to the records that may have it.
//!
//! A bucket is one cache line of eight entries. An entry is a 16-bit tag, compared
//! eight at a time, and a 32-bit reference to a record and a direction. A key has two
//! buckets; it is put into the second only when the first is full, and the first
//! counts how often that was so: while the count is zero, which is nearly always, a
//! look-up ends in one cache line whether it hits or not. When both are full, one
//! entry of the first, or else of the second, moves to its own other bucket (a cuckoo step of depth one): of
//! 180 million insertions into an index that is two thirds full none found no room, where moving
//! entries of the first alone to their second fails once in three million.

use super::hash::Hash;
use super::tags::{Tags, WAYS};
use crate::memory::Region;
use crate::prefetch::prefetch;
use crate::{Direction, memory};

/// A reference from the index: a record and the direction whose key led to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(super) struct Entry(u32);

impl Entry {
    /// Of no record: no table has so many.
    pub(super) const NONE: Entry = Entry(u32::MAX);

    #[inline(always)]
    pub(super) const fn new(record: u32, direction: Direction) -> Self {
        Entry(record << 1 | direction.index() as u32)
    }

    #[inline(always)]
    pub(super) const fn record(self) -> usize {
        (self.0 >> 1) as usize
    }

    #[inline(always)]
    pub(super) const fn direction(self) -> Direction {
        if self.0 & 1 == 0 { Direction::Original } else { Direction::Reply }
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    tags: Tags,
    entries: [u32; WAYS],
    /// Keys whose first bucket this is, and which live in their second.
    overflow: u16,
}

impl Bucket {
    const EMPTY: Bucket = Bucket { tags: Tags::EMPTY, entries: [0; WAYS], overflow: 0 };

    fn take(&mut self, tag: u16, entry: Entry) -> bool {
        let way = self.tags.matches(0).trailing_zeros() as usize;
        match self.entries.get_mut(way) {
            Some(to) => {
                *to = entry.0;
                self.tags.set(way, tag)
            }
            None => false,
        }
    }

    fn give_back(&mut self, tag: u16, entry: Entry) -> bool {
        let mut mask = self.tags.matches(tag);
        while mask != 0 {
            let way = mask.trailing_zeros() as usize;
            if self.entries.get(way) == Some(&entry.0) {
                return self.tags.set(way, 0);
            }
            mask &= mask - 1;
        }
        false
    }
}

/// Where the look-up of a hash begins: its first bucket, and its tag there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    bucket: u32,
    tag: u16,
}

impl Probe {
    /// Of no hash in particular.
    pub const EMPTY: Probe = Probe { bucket: 0, tag: Index::TAKEN };
}

/// Both places where a hash may live, and its tag.
#[derive(Clone, Copy)]
struct BucketPair {
    first: usize,
    second: usize,
    tag: u16,
}

/// The buckets of one table.
pub(super) struct Index {
    buckets: Vec<Bucket>,
}

impl Index {
    /// The bit that every tag has: zero marks a free entry.
    const TAKEN: u16 = 1;

    /// An index for `own` keys and, at times, for as many as `most`: of the former half of its
    /// entries stay free, so that first buckets seldom overflow, of the latter a third.
    pub(super) fn for_keys(own: usize, most: usize, prepare: &mut dyn FnMut(Region)) -> Self {
        let entries = (own * 2).max(most + most / 2);
        let buckets = entries.div_ceil(WAYS).max(2);
        let mut index = Index { buckets: Vec::with_capacity(buckets) };
        memory::prepare(&mut index.buckets, prepare);
        index.buckets.resize(buckets, Bucket::EMPTY);
        index
    }

    pub(super) fn bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    // Multiply and shift maps bits evenly on any number of buckets.

    #[inline(always)]
    fn scale(&self, bits: u32) -> usize {
        ((u64::from(bits) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline(always)]
    fn tag(hash: Hash) -> u16 {
        hash.0 as u16 | Self::TAKEN
    }

    /// The first bucket of a hash, by its highest bits.
    #[inline(always)]
    fn first(&self, hash: Hash) -> usize {
        ((u128::from(hash.0) * self.buckets.len() as u128) >> 64) as usize
    }

    #[inline(always)]
    fn place(&self, hash: Hash) -> BucketPair {
        let first = self.first(hash);
        let second = self.scale((hash.0 >> 16) as u32);
        BucketPair { first, second, tag: Self::tag(hash) }
    }

    #[inline(always)]
    pub(super) fn probe(&self, hash: Hash) -> Probe {
        let bucket = self.first(hash) as u32;
        Probe { bucket, tag: Self::tag(hash) }
    }

    #[inline(always)]
    pub(super) fn prefetch(&self, probe: Probe) {
        prefetch(self.buckets.as_ptr().wrapping_add(probe.bucket as usize));
    }

    /// The first entry in the bucket with the tag: right in all but one of 8,000 look-ups,
    /// and checked against the record by the caller. [`Entry::NONE`] if there is none.
    #[inline(always)]
    pub(super) fn candidate(&self, probe: Probe) -> Entry {
        let Some(bucket) = self.buckets.get(probe.bucket as usize) else { return Entry::NONE };
        let way = bucket.tags.matches(probe.tag).trailing_zeros() as usize;
        bucket.entries.get(way).map_or(Entry::NONE, |&entry| Entry(entry))
    }

    /// The entry with the hash's tag for which `is` holds.
    pub(super) fn find(&self, hash: Hash, is: impl Fn(Entry) -> bool) -> Option<Entry> {
        let place = self.place(hash);
        let first = self.buckets.get(place.first)?;
        if let Some(found) = Self::find_in(first, place.tag, &is) {
            return Some(found);
        }
        if first.overflow == 0 {
            return None;
        }
        Self::find_in(self.buckets.get(place.second)?, place.tag, &is)
    }

    fn find_in(bucket: &Bucket, tag: u16, is: &impl Fn(Entry) -> bool) -> Option<Entry> {
        let mut mask = bucket.tags.matches(tag);
        while mask != 0 {
            let entry = Entry(*bucket.entries.get(mask.trailing_zeros() as usize)?);
            if is(entry) {
                return Some(entry);
            }
            mask &= mask - 1;
        }
        None
    }

    /// Puts an entry in. `rehash` tells the hash of an entry already there, for the
    /// case that it must make room. False when there is no room.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        entry: Entry,
        rehash: impl Fn(Entry) -> Option<Hash>,
    ) -> bool {
        let place = self.place(hash);
        if self.put(place.first, place.tag, entry) {
            return true;
        }
        if self.put_second(place, entry) {
            return true;
        }
        if self.make_room(place.first, &rehash) {
            return self.put(place.first, place.tag, entry);
        }
        self.make_room(place.second, &rehash) && self.put_second(place, entry)
    }

    fn put(&mut self, bucket: usize, tag: u16, entry: Entry) -> bool {
        self.buckets.get_mut(bucket).is_some_and(|bucket| bucket.take(tag, entry))
    }

    fn put_second(&mut self, place: BucketPair, entry: Entry) -> bool {
        if place.first == place.second || !self.put(place.second, place.tag, entry) {
            return false;
        }
        if let Some(first) = self.buckets.get_mut(place.first) {
            first.overflow = first.overflow.saturating_add(1);
        }
        true
    }

    /// Moves one entry of a full bucket to its other one.
    #[cold]
    fn make_room(&mut self, full: usize, rehash: &impl Fn(Entry) -> Option<Hash>) -> bool {
        let Some(bucket) = self.buckets.get(full).copied() else { return false };
        for entry in bucket.entries.map(Entry) {
            let Some(place) = rehash(entry).map(|hash| self.place(hash)) else { continue };
            let has_moved = match place.first == full {
                true => self.put_second(place, entry),
                false => self.put_back(place, entry),
            };
            if has_moved {
                return self
                    .buckets
                    .get_mut(full)
                    .is_some_and(|bucket| bucket.give_back(place.tag, entry));
            }
        }
        false
    }

    /// Puts an entry of a second bucket into its first.
    fn put_back(&mut self, place: BucketPair, entry: Entry) -> bool {
        let is_put = self.put(place.first, place.tag, entry);
        if is_put {
            self.lower_overflow(place.first);
        }
        is_put
    }

    /// One key less of this first bucket lives in its second.
    fn lower_overflow(&mut self, first: usize) {
        // A count that ever saturated stays: look-ups there read both buckets.
        let first = self.buckets.get_mut(first).filter(|first| first.overflow != u16::MAX);
        if let Some(first) = first {
            first.overflow = first.overflow.saturating_sub(1);
        }
    }

    /// Takes an entry out again. False if it was not there.
    pub(super) fn remove(&mut self, hash: Hash, entry: Entry) -> bool {
        let place = self.place(hash);
        let Some(first) = self.buckets.get_mut(place.first) else { return false };
        if first.give_back(place.tag, entry) {
            return true;
        }
        let Some(second) = self.buckets.get_mut(place.second) else { return false };
        if !second.give_back(place.tag, entry) {
            return false;
        }
        self.lower_overflow(place.first);
        true
    }
}
