//! The place with the least of many keys, found by looking at few of them.
//!
//! Keys lie in blocks of [`BLOCK`], and beside them the least key of each block. To change a key
//! takes a look at its block, to find the least one a look at the blocks' least keys and at one
//! block: for 256 places two times 16 keys, which vector instructions compare at once.

use super::PLACES;

/// Keys of a block.
const BLOCK: usize = 16;

// The blocks that have the least key fit a word.
const _: () = assert!(PLACES / BLOCK <= u64::BITS as usize);

/// What can be a key: the greatest is of a place that is not to be found.
pub(super) trait Key: Copy + Ord {
    const NEVER: Self;
}

impl Key for u32 {
    const NEVER: Self = u32::MAX;
}

impl Key for u64 {
    const NEVER: Self = u64::MAX;
}

/// A key for each place.
#[derive(Clone, Debug)]
pub(super) struct Least<K> {
    count: usize,
    blocks: Vec<[K; BLOCK]>,
    /// The least key of each block, a block of them at a time.
    minima: Vec<[K; BLOCK]>,
}

impl<K: Key> Least<K> {
    /// So many places, none of them to be found.
    pub(super) fn new(count: usize) -> Self {
        let count = count.min(PLACES);
        let blocks = count.div_ceil(BLOCK);
        Least {
            count,
            blocks: vec![[K::NEVER; BLOCK]; blocks],
            minima: vec![[K::NEVER; BLOCK]; blocks.div_ceil(BLOCK)],
        }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, at: usize) -> K {
        self.blocks.get(at / BLOCK).map_or(K::NEVER, |block| block[at % BLOCK])
    }

    /// Gives a place another key.
    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, key: K) {
        let number = at / BLOCK;
        let Some(block) = self.blocks.get_mut(number) else { return };
        block[at % BLOCK] = key;
        let least = least(block);
        if let Some(minima) = self.minima.get_mut(number / BLOCK) {
            minima[number % BLOCK] = least;
        }
    }

    /// Gives every place its key.
    pub(super) fn fill(&mut self, mut key: impl FnMut(usize, K) -> K) {
        for at in 0..self.count {
            let before = self.get(at);
            self.set(at, key(at, before));
        }
    }

    /// The place that has the least key: of several the first from `start` on, and behind the
    /// last one the first of all.
    #[inline(always)]
    pub(super) fn find(&self, start: usize) -> Option<usize> {
        let key = self.minima.iter().map(least).min().filter(|&key| key < K::NEVER)?;
        let start = if start < self.count { start } else { 0 };
        let first = start / BLOCK;
        let here = self.blocks.get(first).map_or(0, |block| equal(block, key));
        let here = here & (u32::MAX << (start % BLOCK));
        if here != 0 {
            return Some(first * BLOCK + here.trailing_zeros() as usize);
        }
        let mut with = 0;
        for (at, minima) in self.minima.iter().enumerate() {
            with |= u64::from(equal(minima, key)) << (at * BLOCK);
        }
        let behind = with & (u64::MAX << first << 1);
        let number = if behind != 0 { behind } else { with }.trailing_zeros() as usize;
        let lane = equal(self.blocks.get(number)?, key).trailing_zeros() as usize;
        Some(number * BLOCK + lane)
    }
}

#[inline(always)]
fn least<K: Key>(keys: &[K; BLOCK]) -> K {
    keys.iter().fold(K::NEVER, |least, &key| least.min(key))
}

/// A bit for each key that is this one.
#[inline(always)]
fn equal<K: Key>(keys: &[K; BLOCK], key: K) -> u32 {
    let bits = keys.iter().enumerate();
    bits.fold(0, |bits, (at, &one)| bits | (u32::from(one == key) << at))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_the_least_from_anywhere_on_is_found(
            changes in vec((0usize..PLACES, 0u32..9), 0..300),
            count in 0usize..=PLACES,
            start in 0usize..PLACES + 9,
        ) {
            let mut least = Least::<u32>::new(count);
            let mut model = vec![u32::MAX; count];
            for (at, key) in changes {
                let key = if key == 8 { u32::MAX } else { key };
                if let Some(place) = model.get_mut(at) {
                    *place = key;
                    least.set(at, key);
                }
            }
            let start = if start < count { start } else { 0 };
            let order = (start..count).chain(0..start).filter(|&at| model[at] < u32::MAX);
            prop_assert_eq!(least.find(start), order.min_by_key(|&at| model[at]));
        }
    }
}
