//! Which servers have changed, and which of them are a service's, without a look at each.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::{MAXIMUM_SERVERS, Server, ServerId};

/// Numbers of servers in a word, a bit for each; and words in a summary.
const WORD: usize = u64::BITS as usize;
const WORDS: usize = MAXIMUM_SERVERS / WORD;
const SUMMARIES: usize = WORDS / WORD;
const _: () = assert!(SUMMARIES * WORD * WORD == MAXIMUM_SERVERS);

/// Some servers of all: a bit for each, by number, and a bit for each word in which there is one.
/// One thread writes.
#[derive(Debug)]
pub(super) struct Changed {
    words: [AtomicU64; WORDS],
    summaries: [AtomicU64; SUMMARIES],
}

impl Default for Changed {
    fn default() -> Self {
        let words = [const { AtomicU64::new(0) }; WORDS];
        let summaries = [const { AtomicU64::new(0) }; SUMMARIES];
        Changed { words, summaries }
    }
}

impl Changed {
    #[inline(always)]
    pub(super) fn insert(&self, server: ServerId) {
        let (number, bit) = word_and_bit(server);
        let Some(word) = self.words.get(number) else { return };
        word.store(word.load(Relaxed) | 1 << bit, Relaxed);
        let summary = &self.summaries[number / WORD % SUMMARIES];
        summary.store(summary.load(Relaxed) | 1 << (number % WORD), Relaxed);
    }
}

/// The servers of a service whose numbers share a word.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    bits: u64,
    /// The place of each in the service.
    places: [u16; WORD],
}

/// The groups of a service whose words share a summary: most services have one.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Block {
    /// Which summary.
    summary: usize,
    /// The words that have a group, and which one.
    words: u64,
    group_of: [u16; WORD],
}

/// The servers of a service by the words of their numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Members {
    blocks: Box<[Block]>,
    groups: Box<[Group]>,
}

impl Members {
    pub(super) fn new<A>(servers: &[Server<A>]) -> Self {
        let (mut blocks, mut groups): (Vec<Block>, Vec<Group>) = (Vec::new(), Vec::new());
        for (place, server) in (0..=u16::MAX).zip(servers) {
            let (number, bit) = word_and_bit(server.id);
            let (summary, word) = (number / WORD, number % WORD);
            let known = blocks.iter().position(|block| block.summary == summary);
            let at = known.unwrap_or(blocks.len());
            if known.is_none() {
                blocks.push(Block { summary, words: 0, group_of: [0; WORD] });
            }
            let Some(block) = blocks.get_mut(at) else { continue };
            if block.words & 1 << word == 0 {
                block.words |= 1 << word;
                block.group_of[word] = groups.len() as u16;
                groups.push(Group { bits: 0, places: [0; WORD] });
            }
            if let Some(group) = groups.get_mut(usize::from(block.group_of[word])) {
                group.bits |= 1 << bit;
                group.places[bit] = place;
            }
        }
        Members { blocks: blocks.into(), groups: groups.into() }
    }

    /// Takes the servers of this service out of `changed`, and calls `each` with each one's place
    /// and number.
    #[inline(always)]
    pub(super) fn take(&self, changed: &Changed, mut each: impl FnMut(usize, usize)) {
        for block in &self.blocks {
            self.take_of(block, changed, &mut each);
        }
    }

    /// Calls `each` as [`Members::take`] does, and leaves all in `changed`.
    pub(super) fn peek(&self, changed: &Changed, mut each: impl FnMut(usize, usize)) {
        for block in &self.blocks {
            let at = block.summary % SUMMARIES;
            for (number, &group) in block.group_of.iter().enumerate() {
                let is_word = block.words & 1 << number != 0;
                let Some(group) = self.groups.get(usize::from(group)).filter(|_| is_word) else {
                    continue;
                };
                let Some(word) = changed.words.get(at * WORD + number) else { continue };
                let found = word.load(Relaxed) & group.bits;
                for (bit, place) in group.places.iter().enumerate() {
                    if found & 1 << bit != 0 {
                        each((*place).into(), (at * WORD + number) * WORD + bit);
                    }
                }
            }
        }
    }

    /// It is one loop over servers, not one over words and in it one over bits: mostly two servers
    /// have changed between picks, which processors foresee, and in one word or in two, which
    /// they don't.
    #[inline(always)]
    fn take_of(&self, block: &Block, changed: &Changed, each: &mut impl FnMut(usize, usize)) {
        let at = block.summary % SUMMARIES;
        let mut summary = changed.summaries[at].load(Relaxed);
        let mut pending = summary & block.words;
        if pending == 0 {
            return;
        }
        while pending != 0 {
            let number = pending.trailing_zeros() as usize % WORD;
            let word = &changed.words[at * WORD + number];
            let Some(group) = self.groups.get(usize::from(block.group_of[number])) else { break };
            let all = word.load(Relaxed);
            let found = all & group.bits;
            let first = found & found.wrapping_neg();
            word.store(all & !first, Relaxed);
            summary &= !(u64::from(all == first) << number);
            pending &= !(u64::from(found == first) << number);
            // There are others' in the word.
            if found != 0 {
                let bit = found.trailing_zeros() as usize % WORD;
                each(group.places[bit].into(), (at * WORD + number) * WORD + bit);
            }
        }
        changed.summaries[at].store(summary, Relaxed);
    }
}

/// Where the bit of a server is.
#[inline(always)]
const fn word_and_bit(server: ServerId) -> (usize, usize) {
    (server.index() / WORD, server.index() % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use wire::Port;

    use super::*;

    fn servers(numbers: &BTreeSet<u32>) -> Vec<Server<u8>> {
        let server = |&number| Server {
            id: ServerId::numbered(number),
            address: 0,
            port: Port::new(80),
            weight: 1,
            seed: 0,
            limit: None,
        };
        numbers.iter().map(server).collect()
    }

    proptest! {
        #[test]
        fn each_service_takes_its_own_and_leaves_the_others(
            all in btree_set(0..MAXIMUM_SERVERS as u32, 2..200),
            picks in vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let (mine, others): (BTreeSet<u32>, BTreeSet<u32>) =
                all.iter().partition(|&&number| number % 3 > 0);
            let all: Vec<u32> = all.into_iter().collect();
            let picked: BTreeSet<u32> = picks.iter().map(|pick| *pick.get(&all)).collect();
            let changed = Changed::default();
            picked.iter().for_each(|&number| changed.insert(ServerId::numbered(number)));
            for service in [&mine, &others] {
                let (mut taken, mut seen) = (BTreeSet::new(), BTreeSet::new());
                let numbers: Vec<u32> = service.iter().copied().collect();
                Members::new(&servers(service)).peek(&changed, |place, number| {
                    assert_eq!(numbers[place] as usize, number);
                    assert!(seen.insert(number as u32));
                });
                Members::new(&servers(service)).take(&changed, |place, number| {
                    assert_eq!(numbers[place] as usize, number);
                    assert!(taken.insert(number as u32));
                });
                let expected: BTreeSet<u32> = picked.intersection(service).copied().collect();
                prop_assert_eq!(taken, expected.clone());
                prop_assert_eq!(seen, expected, "it was left there");
            }
            prop_assert!(changed.words.iter().all(|word| word.load(Relaxed) == 0));
            prop_assert!(changed.summaries.iter().all(|word| word.load(Relaxed) == 0));
        }
    }
}
