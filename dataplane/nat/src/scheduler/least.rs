//! The place with the least of many keys, found by looking at few of them.
//!
//! Keys lie in blocks of [`BLOCK`], and beside them the least key of each block. To change a key
//! takes a look at its block, to find the least one a look at the blocks' least keys and at one
//! block: for up to 1,024 places two times 32 keys, which vector instructions compare at once.
//!
//! The loops are written in rows of as many keys as a vector has, without branches, or compilers
//! make scalar code of them.

use super::PLACES;

/// The key of a place that is not to be found.
pub(super) const NEVER: u32 = u32::MAX;

/// Keys of a row, and rows of a block.
const LANES: usize = 8;
const ROWS: usize = 4;
/// Keys of a block.
const BLOCK: usize = ROWS * LANES;

// The least keys of all blocks are one block.
const _: () = assert!(PLACES <= BLOCK * BLOCK);

/// Some keys, on two cache lines.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Block([[u32; LANES]; ROWS]);

impl Block {
    const EMPTY: Block = Block([[NEVER; LANES]; ROWS]);

    #[inline(always)]
    fn get(&self, lane: usize) -> u32 {
        self.0[lane / LANES % ROWS][lane % LANES]
    }

    #[inline(always)]
    fn set(&mut self, lane: usize, key: u32) {
        self.0[lane / LANES % ROWS][lane % LANES] = key;
    }

    /// The least of what `change` makes of each key, which is given its lane.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "of iterators compilers make scalar code")]
    fn least(&self, change: impl Fn(u32, u32) -> u32) -> u32 {
        let mut least = [NEVER; LANES];
        for row in 0..ROWS {
            for lane in 0..LANES {
                let changed = change((row * LANES + lane) as u32, self.0[row][lane]);
                least[lane] = least[lane].min(changed);
            }
        }
        least.into_iter().fold(NEVER, u32::min)
    }

    /// The first lane that has this key and comes at `start` or behind it, behind the last lane
    /// beginning anew.
    #[inline(always)]
    fn first(&self, key: u32, start: u32) -> Option<usize> {
        let order = |lane: u32| lane.wrapping_sub(start) % BLOCK as u32;
        let least = self.least(|lane, one| order(lane) | !mask(one == key));
        (least != NEVER).then(|| (least + start) as usize % BLOCK)
    }
}

/// All bits if it is so, and none otherwise.
#[inline(always)]
const fn mask(is_so: bool) -> u32 {
    (is_so as u32).wrapping_neg()
}

/// A key for each place.
#[derive(Clone, Debug)]
pub(super) struct Least {
    count: usize,
    blocks: Vec<Block>,
    /// The least key of each block.
    minima: Block,
}

impl Least {
    /// So many places, none of them to be found.
    pub(super) fn new(count: usize) -> Self {
        let count = count.min(PLACES);
        let blocks = vec![Block::EMPTY; count.div_ceil(BLOCK)];
        Least { count, blocks, minima: Block::EMPTY }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, at: usize) -> u32 {
        self.blocks.get(at / BLOCK).map_or(NEVER, |block| block.get(at % BLOCK))
    }

    /// Gives a place another key.
    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, key: u32) {
        let Some(block) = self.blocks.get_mut(at / BLOCK) else { return };
        let changed = (at % BLOCK) as u32;
        // Read before it is written: a vector that holds what was just written waits for it.
        let least = block.least(|lane, old| old ^ ((old ^ key) & mask(lane == changed)));
        block.set(at % BLOCK, key);
        self.minima.set(at / BLOCK, least);
    }

    /// Gives every place its key.
    pub(super) fn fill(&mut self, mut key: impl FnMut(usize, u32) -> u32) {
        for at in 0..self.count {
            let before = self.get(at);
            self.set(at, key(at, before));
        }
    }

    /// The place that has the least key: of several the first from `start` on, and behind the
    /// last one the first of all.
    #[inline(always)]
    pub(super) fn find(&self, start: usize) -> Option<usize> {
        let key = self.minima.least(|_, key| key);
        if key == NEVER {
            return None;
        }
        let start = if start < self.count { start } else { 0 };
        let begins = start / BLOCK;
        if self.minima.get(begins) == key {
            let lane = self.blocks.get(begins)?.first(key, (start % BLOCK) as u32)?;
            if lane >= start % BLOCK {
                return Some(begins * BLOCK + lane);
            }
        }
        let number = self.minima.first(key, begins as u32 + 1)?;
        Some(number * BLOCK + self.blocks.get(number)?.first(key, 0)?)
    }
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
            let mut least = Least::new(count);
            let mut model = vec![NEVER; count];
            for (at, key) in changes {
                let key = if key == 8 { NEVER } else { key };
                if let Some(place) = model.get_mut(at) {
                    *place = key;
                    least.set(at, key);
                }
            }
            let start = if start < count { start } else { 0 };
            let order = (start..count).chain(0..start).filter(|&at| model[at] < NEVER);
            prop_assert_eq!(least.find(start), order.min_by_key(|&at| model[at]));
        }
    }
}
