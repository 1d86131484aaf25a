//! The entries of all persistent clients of the machine.

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::entry::{Second, TAG_BITS, Word};
use super::fingerprint::Fingerprint;
use super::targets::TargetId;
use crate::time::Seconds;

/// Places of a bucket: two cache lines, which processors fetch together.
const PLACES: usize = 16;
/// A tag has no more room, so there are at least so many buckets.
const LEAST_BITS: u32 = Fingerprint::BITS - TAG_BITS;
const MOST_BITS: u32 = 24;
/// How often a change is tried again that another worker was faster than. Each time the other
/// one has changed the same bucket.
const ATTEMPTS: usize = 16;

#[repr(align(128))]
struct Bucket([AtomicU64; PLACES]);

/// A fixed number of entries, which any thread reads and changes without a lock.
///
/// A fingerprint says a bucket, and lies in any of its places. There are twice as many places as
/// entries are asked for, so that of a full table one client in a thousand finds its bucket
/// full. The entry that ends first makes room then, and is counted.
pub struct Table {
    buckets: Box<[Bucket]>,
    bits: u32,
    evicted: AtomicU64,
}

/// An entry that was found, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    at: usize,
    word: Word,
}

impl Found {
    /// The server that it names.
    #[inline]
    pub(crate) const fn target(self) -> TargetId {
        self.word.target()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("places", &self.places()).finish_non_exhaustive()
    }
}

impl Table {
    /// Room for so many entries.
    pub fn new(entries: usize) -> Self {
        let wanted = entries.saturating_mul(2).div_ceil(PLACES).clamp(1, 1 << MOST_BITS);
        let bits = wanted.next_power_of_two().ilog2().max(LEAST_BITS);
        let bucket = || Bucket([const { AtomicU64::new(Word::EMPTY.0) }; PLACES]);
        let buckets = (0..1usize << bits).map(|_| bucket()).collect();
        Table { buckets, bits, evicted: AtomicU64::new(0) }
    }

    /// Places for entries.
    pub fn places(&self) -> usize {
        self.buckets.len() * PLACES
    }

    /// Memory in bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Entries that made room for others before their time.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    #[inline]
    fn first(&self, fingerprint: Fingerprint) -> (usize, u64) {
        let bucket = fingerprint.bits() as usize & (self.buckets.len() - 1);
        (bucket * PLACES, fingerprint.bits() >> self.bits)
    }

    #[inline]
    fn place(&self, at: usize) -> Option<&AtomicU64> {
        self.buckets.get(at / PLACES)?.0.get(at % PLACES)
    }

    /// The word at a place.
    #[inline]
    pub(super) fn word(&self, at: usize) -> Word {
        Word(self.place(at).map_or(0, |place| place.load(Relaxed)))
    }

    /// Whose entry a word at this place is.
    pub(super) fn fingerprint(&self, at: usize, word: Word) -> Option<Fingerprint> {
        Fingerprint::from_bits(word.tag() << self.bits | (at / PLACES) as u64)
    }

    /// The entry of this fingerprint that is not over.
    #[inline]
    pub(crate) fn find(&self, fingerprint: Fingerprint, now: Second) -> Option<Found> {
        let (first, tag) = self.first(fingerprint);
        (first..first + PLACES).find_map(|at| {
            let word = self.word(at);
            (word.has_tag(tag) && word.left(now).is_some()).then_some(Found { at, word })
        })
    }

    /// Gives an entry more time: it lasts until this second if that is later. A change that
    /// another thread makes meanwhile counts instead.
    #[inline]
    pub(crate) fn extend(&self, found: Found, until: Second, now: Second) {
        let Found { at, word } = found;
        if until.left(now) <= word.left(now) {
            return;
        }
        if let Some(place) = self.place(at) {
            let longer = Word::new(word.tag(), word.target(), until);
            // Whoever was faster knows at least as much.
            let _ = place.compare_exchange(word.0, longer.0, SeqCst, Relaxed);
        }
    }

    /// Makes this the server of the fingerprint if its server is `seen` still, where none stands
    /// for no entry. Returns the server of the fingerprint now: another one if some other thread
    /// was first.
    pub(crate) fn put(
        &self,
        fingerprint: Fingerprint,
        seen: Option<TargetId>,
        target: TargetId,
        until: Second,
        now: Second,
    ) -> TargetId {
        let (first, tag) = self.first(fingerprint);
        let new = Word::new(tag, target, until);
        for _ in 0..ATTEMPTS {
            let (at, old) = match self.room(first, tag, seen, now) {
                Room::Taken(other) => return other,
                Room::At(at, old) => (at, old),
            };
            let Some(place) = self.place(at) else { break };
            if place.compare_exchange(old.0, new.0, SeqCst, SeqCst).is_err() {
                continue;
            }
            if !old.has_tag(tag) && old.left(now).is_some() {
                self.evicted.fetch_add(1, Relaxed);
            }
            return self.settle(first, at, new, now);
        }
        target
    }

    /// Where an entry is to be put.
    fn room(&self, first: usize, tag: u64, seen: Option<TargetId>, now: Second) -> Room {
        let mut best: Option<(Option<Seconds>, usize, Word)> = None;
        for at in first..first + PLACES {
            let word = Word(self.place(at).map_or(0, |place| place.load(SeqCst)));
            let left = word.left(now);
            if word.has_tag(tag) {
                return match left {
                    Some(_) if Some(word.target()) != seen => Room::Taken(word.target()),
                    _ => Room::At(at, word),
                };
            }
            if best.is_none_or(|(least, ..)| left < least) {
                best = Some((left, at, word));
            }
        }
        best.map_or(Room::At(first, Word::EMPTY), |(_, at, word)| Room::At(at, word))
    }

    /// Sees to it that a fingerprint has one entry: two threads may have put theirs at two places
    /// if the bucket changed between their looks. The later of them sees both, and the one at the
    /// first place stays.
    fn settle(&self, first: usize, mine: usize, word: Word, now: Second) -> TargetId {
        for at in (first..first + PLACES).filter(|&at| at != mine) {
            let Some(place) = self.place(at) else { continue };
            let other = Word(place.load(SeqCst));
            if !other.has_tag(word.tag()) {
                continue;
            }
            if at < mine && other.left(now).is_some() {
                self.remove(mine, word.tag());
                return other.target();
            }
            self.remove(at, word.tag());
        }
        word.target()
    }

    /// Empties a place, if its entry has this tag.
    fn remove(&self, at: usize, tag: u64) {
        let Some(place) = self.place(at) else { return };
        let empty = |word| Word(word).has_tag(tag).then_some(Word::EMPTY.0);
        let _ = place.fetch_update(SeqCst, SeqCst, empty);
    }

    /// Empties places from `from` on whose entries are over, or are to go. Returns how many are
    /// left in them.
    pub(super) fn clear(&self, from: usize, count: usize, goes: impl Fn(Word) -> bool) -> usize {
        let end = from.saturating_add(count).min(self.places());
        let mut left = 0;
        for at in from..end {
            let word = self.word(at);
            if word.is_empty() {
                continue;
            }
            let gone = goes(word)
                && self.place(at).is_some_and(|place| {
                    place.compare_exchange(word.0, Word::EMPTY.0, SeqCst, Relaxed).is_ok()
                });
            left += usize::from(!gone);
        }
        left
    }

    /// Empties places whose entries are over, from `from` on. To be called for all of them within
    /// a month, as seconds come again ([`Second`]).
    pub fn sweep(&self, from: usize, count: usize, now: Second) {
        self.clear(from, count, |word| word.left(now).is_none());
    }
}

enum Room {
    /// The fingerprint has this server.
    Taken(TargetId),
    /// Instead of this word.
    At(usize, Word),
}
