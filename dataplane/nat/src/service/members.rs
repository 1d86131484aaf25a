//! Which servers have changed, and which of them are a service's, without a look at each.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::{MAXIMUM_SERVERS, Server, ServerId};

/// Numbers of servers in a word, a bit for each.
const WORD: usize = u64::BITS as usize;
const WORDS: usize = MAXIMUM_SERVERS / WORD;
// A bit for each word is a word.
const _: () = assert!(WORDS <= WORD && WORDS * WORD == MAXIMUM_SERVERS);

/// Some servers of all: a bit for each, by number, and a bit for each word in which there is one.
/// One thread writes.
#[derive(Debug)]
pub(super) struct Changed {
    words: [AtomicU64; WORDS],
    summary: AtomicU64,
}

impl Default for Changed {
    fn default() -> Self {
        let words = [const { AtomicU64::new(0) }; WORDS];
        Changed { words, summary: AtomicU64::new(0) }
    }
}

impl Changed {
    #[inline(always)]
    pub(super) fn insert(&self, server: ServerId) {
        let (number, bit) = word_and_bit(server);
        let Some(word) = self.words.get(number) else { return };
        word.store(word.load(Relaxed) | 1 << bit, Relaxed);
        self.summary.store(self.summary.load(Relaxed) | 1 << number, Relaxed);
    }
}

/// The servers of a service whose numbers share a word.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    bits: u64,
    /// The place of each in the service.
    places: [u16; WORD],
}

/// The servers of a service by the words of their numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Members {
    /// The words that have a group, and which one.
    words: u64,
    group_of: [u8; WORDS],
    groups: Box<[Group]>,
}

impl Members {
    pub(super) fn new<A>(servers: &[Server<A>]) -> Self {
        let (mut words, mut group_of) = (0u64, [0; WORDS]);
        let mut groups: Vec<Group> = Vec::new();
        for (place, server) in (0..).zip(servers) {
            let (word, bit) = word_and_bit(server.id);
            let Some(number) = group_of.get_mut(word) else { continue };
            if words & 1 << word == 0 {
                words |= 1 << word;
                *number = groups.len() as u8;
                groups.push(Group { bits: 0, places: [0; WORD] });
            }
            if let Some(group) = groups.get_mut(usize::from(*number)) {
                group.bits |= 1 << bit;
                group.places[bit] = place;
            }
        }
        Members { words, group_of, groups: groups.into() }
    }

    /// Takes the servers of this service out of `changed`, and calls `each` with each one's place
    /// and number.
    ///
    /// It is one loop over servers, not one over words and in it one over bits: mostly two servers
    /// have changed between picks, which processors foresee, and in one word or in two, which
    /// they don't.
    #[inline(always)]
    pub(super) fn take(&self, changed: &Changed, mut each: impl FnMut(usize, usize)) {
        let mut summary = changed.summary.load(Relaxed);
        let mut pending = summary & self.words;
        if pending == 0 {
            return;
        }
        while pending != 0 {
            let number = pending.trailing_zeros() as usize % WORDS;
            let word = &changed.words[number];
            let Some(group) = self.groups.get(usize::from(self.group_of[number])) else { break };
            let all = word.load(Relaxed);
            let found = all & group.bits;
            let first = found & found.wrapping_neg();
            word.store(all & !first, Relaxed);
            summary &= !(u64::from(all == first) << number);
            pending &= !(u64::from(found == first) << number);
            // There are others' in the word.
            if found != 0 {
                let bit = found.trailing_zeros() as usize % WORD;
                each(group.places[bit].into(), number * WORD + bit);
            }
        }
        changed.summary.store(summary, Relaxed);
    }
}

/// Where the bit of a server is.
#[inline(always)]
const fn word_and_bit(server: ServerId) -> (usize, usize) {
    (server.index() / WORD, server.index() % WORD)
}
