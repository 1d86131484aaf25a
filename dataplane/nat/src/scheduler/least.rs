//! The place with the least of many keys: a tournament tree (Knuth, "The Art of Computer
//! Programming", volume 3, section 5.4.1).
//!
//! Each place is a leaf, and each node has the lesser of its two children, so the least of all is
//! at the root. To change a key takes as many comparisons as the tree has levels: 4 for up to 16
//! places, 8 for up to 256. They have no branches that depend on keys.
//!
//! Of several places with the same key the one comes first whose last turn is the longest ago.

use super::PLACES;

/// The key of a place that is not to be found.
pub(super) const NEVER: u32 = u32::MAX;

/// A place in the tree is one number, which compares as its parts do: the key in the upper half,
/// below it the number of its last turn, and at the bottom the place itself.
const KEY_SHIFT: u32 = 32;
const PLACE_BITS: u32 = 10;
const PLACE: u64 = (1 << PLACE_BITS) - 1;
const _: () = assert!(PLACES == 1 << PLACE_BITS);

/// Turns are counted up to here; then they are numbered anew.
const TURNS: u32 = 1 << (KEY_SHIFT - PLACE_BITS);

/// Nodes of a tree, the unused number 0 among them.
const SIZES: [usize; 3] = [32, 512, LARGEST];
const LARGEST: usize = 2 * PLACES;

const fn pack(key: u32, turn: u32, at: usize) -> u64 {
    (key as u64) << KEY_SHIFT | (turn as u64) << PLACE_BITS | at as u64
}

const fn key_of(node: u64) -> u32 {
    (node >> KEY_SHIFT) as u32
}

const fn place_of(node: u64) -> usize {
    (node & PLACE) as usize
}

/// A key and a last turn for each place.
#[derive(Clone, Debug)]
pub(super) struct Least {
    count: usize,
    /// The root is number 1, the children of a node are numbers 2n and 2n + 1, and the leaves
    /// are the last half.
    nodes: Vec<u64>,
    /// The number of the next turn.
    turn: u32,
}

impl Least {
    /// So many places, none of them to be found. Of equals the one at `start` is the first, then
    /// the ones behind it, and those before it.
    pub(super) fn new(count: usize, start: usize) -> Self {
        let count = count.min(PLACES);
        let leaves = SIZES.into_iter().map(|size| size / 2).find(|&leaves| count <= leaves);
        let leaves = leaves.unwrap_or(PLACES);
        let mut least = Least { count, nodes: vec![u64::MAX; 2 * leaves], turn: 0 };
        for at in (0..count).map(|nth| (start % count + nth) % count) {
            let turn = least.next_turn();
            if let Some(leaf) = least.nodes.get_mut(leaves + at) {
                *leaf = pack(NEVER, turn, at);
            }
        }
        least
    }

    /// The same for another list of places: `before` says which place one was. What a place had
    /// goes with it, and a new one is not to be found and comes behind its equals.
    pub(super) fn rearranged(&self, count: usize, before: impl Fn(usize) -> Option<usize>) -> Self {
        let mut least = Least::new(count, 0);
        // Behind all turns that there were, and before those to come.
        let newest = self.turn.min(TURNS - 1);
        least.turn = newest + 1;
        let leaves = least.nodes.len() / 2;
        let new = least.nodes.get_mut(leaves..).unwrap_or_default().iter_mut().take(least.count);
        for (at, leaf) in new.enumerate() {
            let old = before(at).filter(|&was| was < self.count);
            let old = old.and_then(|was| self.nodes.get(self.nodes.len() / 2 + was).copied());
            *leaf = match old {
                Some(old) => old & !PLACE | at as u64,
                None => pack(NEVER, newest, at),
            };
        }
        least.play_all();
        least
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The place with the least key.
    #[inline(always)]
    pub(super) fn find(&self) -> Option<usize> {
        let &root = self.nodes.get(1)?;
        (key_of(root) != NEVER).then_some(place_of(root))
    }

    pub(super) fn get(&self, at: usize) -> u32 {
        self.nodes.get(self.nodes.len() / 2 + at).map_or(NEVER, |&leaf| key_of(leaf))
    }

    /// Gives a place another key.
    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, key: u32) {
        let Some((number, &mut leaf)) = self.leaf(at) else { return };
        self.replace(number, u64::from(key) << KEY_SHIFT | leaf & u64::from(u32::MAX));
    }

    /// Says that a place has its turn: it comes behind its equals from its next [`Least::set`]
    /// on.
    #[inline(always)]
    pub(super) fn take_turn(&mut self, at: usize) {
        let turn = self.next_turn();
        let Some((_, leaf)) = self.leaf(at) else { return };
        *leaf = pack(key_of(*leaf), turn, at);
    }

    /// Gives a place that had its turn the same key again.
    pub(super) fn settle(&mut self, at: usize) {
        let Some((number, &mut leaf)) = self.leaf(at) else { return };
        self.replace(number, leaf);
    }

    /// The number of a place's leaf, and what it is.
    #[inline(always)]
    fn leaf(&mut self, at: usize) -> Option<(usize, &mut u64)> {
        let number = self.nodes.len() / 2 + at;
        Some((number, self.nodes.get_mut(number)?))
    }

    /// Gives every place its key, of the one that it had.
    pub(super) fn fill(&mut self, mut key: impl FnMut(usize, u32) -> u32) {
        let leaves = self.nodes.len() / 2;
        for at in 0..self.count {
            let Some(leaf) = self.nodes.get_mut(leaves + at) else { return };
            *leaf = u64::from(key(at, key_of(*leaf))) << KEY_SHIFT | *leaf & u64::from(u32::MAX);
        }
        self.play_all();
    }

    /// Puts a number at a leaf, and the winners at all nodes above it.
    #[inline(always)]
    fn replace(&mut self, leaf: usize, number: u64) {
        // A number of levels that is known makes straight code without a check of any index.
        match self.nodes.len() {
            32 => replace::<32>(&mut self.nodes, leaf, number),
            512 => replace::<512>(&mut self.nodes, leaf, number),
            _ => replace::<LARGEST>(&mut self.nodes, leaf, number),
        }
    }

    fn play_all(&mut self) {
        for at in (1..self.nodes.len() / 2).rev() {
            let children = self.nodes.get(2 * at..2 * at + 2).unwrap_or_default();
            let winner = children.iter().copied().min().unwrap_or(u64::MAX);
            if let Some(node) = self.nodes.get_mut(at) {
                *node = winner;
            }
        }
    }

    #[inline(always)]
    fn next_turn(&mut self) -> u32 {
        if self.turn == TURNS {
            self.number_turns_anew();
        }
        self.turn += 1;
        self.turn - 1
    }

    #[cold]
    fn number_turns_anew(&mut self) {
        let leaves = self.nodes.len() / 2;
        let Some(places) = self.nodes.get_mut(leaves..leaves + self.count) else { return };
        let mut order: Vec<_> = places.iter().map(|&leaf| leaf & u64::from(u32::MAX)).collect();
        order.sort_unstable();
        self.turn = 0;
        for at in order.into_iter().map(place_of) {
            if let Some(leaf) = places.get_mut(at) {
                *leaf = pack(key_of(*leaf), self.turn, at);
            }
            self.turn += 1;
        }
        self.play_all();
    }
}

// Within a caller's loop compilers make branches of `min`, and nobody foresees who wins.
#[inline(never)]
fn replace<const SIZE: usize>(nodes: &mut [u64], leaf: usize, number: u64) {
    const { assert!(SIZE.is_power_of_two()) };
    let Ok(nodes) = <&mut [u64; SIZE]>::try_from(nodes) else { return };
    let leaf = leaf % SIZE;
    let mut winner = number;
    nodes[leaf] = winner;
    for level in 0..SIZE.ilog2() - 1 {
        winner = winner.min(nodes[leaf >> level ^ 1]);
        nodes[leaf >> (level + 1)] = winner;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_least_whose_turn_is_the_longest_ago_is_found(
            changes in vec((0usize..PLACES, 0u32..9), 0..300),
            count in 0usize..=PLACES,
            start in 0usize..PLACES + 9,
            first_turn in prop_oneof![Just(0), TURNS - 50..TURNS],
        ) {
            let mut least = Least::new(count, start);
            least.turn = least.turn.max(first_turn);
            // Keys, and in which order the places have had their turns.
            let mut keys = vec![NEVER; count];
            let mut turns: Vec<_> = (0..count).map(|nth| (start + nth) % count).collect();
            let expected = |keys: &[u32], turns: &[usize]| {
                let open = turns.iter().copied().filter(|&at| keys[at] < NEVER);
                open.min_by_key(|&at| keys[at])
            };
            for (at, key) in changes {
                let key = if key == 8 { NEVER } else { key };
                if at < count {
                    keys[at] = key;
                    least.set(at, key);
                }
                let found = least.find();
                prop_assert_eq!(found, expected(&keys, &turns));
                if let Some(at) = found {
                    least.take_turn(at);
                    turns.retain(|&other| other != at);
                    turns.push(at);
                    if key % 2 == 0 {
                        least.settle(at);
                    } else {
                        keys[at] = key;
                        least.set(at, key);
                    }
                    prop_assert_eq!(least.find(), expected(&keys, &turns));
                }
            }
            least.fill(|at, _| keys[at]);
            prop_assert_eq!(least.find(), expected(&keys, &turns));
            // The other way around, with one that is new.
            let least = least.rearranged(count.min(PLACES - 1) + 1, |at| count.checked_sub(at + 1));
            let found = least.find().map(|at| count - 1 - at);
            prop_assert_eq!(found, expected(&keys, &turns));
        }
    }

    #[test]
    fn a_new_place_has_its_turn_behind_its_equals_and_then_like_them() {
        for turns in [0, 3, 1000] {
            let mut least = Least::new(3, 1);
            least.fill(|_, _| 7);
            let turn = |least: &mut Least| {
                let at = least.find().unwrap();
                least.take_turn(at);
                least.settle(at);
                at
            };
            for _ in 0..turns {
                turn(&mut least);
            }
            let mut least = least.rearranged(4, |at| (at < 3).then_some(at));
            least.fill(|_, _| 7);
            let picked: Vec<_> = (0..12).map(|_| turn(&mut least)).collect();
            assert_eq!(picked[3], 3, "{turns}: {picked:?}");
            for round in picked.chunks(4) {
                let mut places = round.to_vec();
                places.sort_unstable();
                assert_eq!(places, [0, 1, 2, 3], "{turns}: {picked:?}");
            }
        }
    }

    #[test]
    fn places_that_are_not_there_change_nothing() {
        for count in [0, 1, 5] {
            let mut least = Least::new(count, 0);
            least.set(PLACES, 1);
            least.take_turn(PLACES);
            least.settle(usize::MAX / 2);
            assert_eq!(least.find(), None);
        }
    }
}
