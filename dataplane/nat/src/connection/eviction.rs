//! Room in a full table: connections whose ends have not answered each other make it, others never
//! do.
//!
//! Whoever sends from forged addresses cannot go on from an answer that he does not see. Without
//! eviction 3,300 datagrams a second hold a table of a million for good (nf_conntrack's
//! early_drop is the kernel's answer to the same).
//!
//! A hand goes round over the records and takes the first that may go, as in the CLOCK algorithm
//! of page replacement. The newcomer gets the record that becomes free, behind the hand, so in a
//! flood the hand comes to it after all others: what is not answered has as long as the hand takes
//! to go round. Which records may go is a bit for each, so that the hand passes 64 others at a
//! time.

use super::{Connections, NewConnection};
use crate::record::ConnectionId;
use crate::sync::Replicated;

/// Words of 64 records that are looked at for one newcomer: a table of 131,072 in full.
const WORDS: usize = 2048;

/// The records that may make room.
#[derive(Debug)]
pub(super) struct Evictable {
    /// A bit for each record.
    words: Vec<u64>,
    /// How many may.
    count: usize,
    /// The word at which the next search begins, and the bits of it that it has gone by.
    hand: usize,
    passed: u64,
    /// Connections that have made room.
    evicted: u64,
}

impl Evictable {
    pub(super) fn new(records: usize) -> Self {
        let words = vec![0; records.div_ceil(64)];
        Evictable { words, count: 0, hand: 0, passed: 0, evicted: 0 }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.words.as_slice())
    }

    /// A record becomes free; true if it could have made room.
    #[inline(always)]
    pub(super) fn take(&mut self, id: ConnectionId) -> bool {
        let (word, bit) = place(id);
        let Some(word) = self.words.get_mut(word) else { return false };
        let might = *word & bit != 0;
        *word &= !bit;
        self.count -= usize::from(might);
        might
    }

    /// Takes whether a record may make room; whether it could before.
    #[inline(always)]
    pub(super) fn set(&mut self, id: ConnectionId, may: bool) -> bool {
        let (word, bit) = place(id);
        let Some(word) = self.words.get_mut(word) else { return false };
        let did = *word & bit != 0;
        *word = if may { *word | bit } else { *word & !bit };
        self.count = self.count + usize::from(may) - usize::from(did);
        did
    }

    /// The next that may make room, if there is one within reach of the hand.
    fn next(&mut self) -> Option<ConnectionId> {
        if self.count == 0 {
            return None;
        }
        for _ in 0..=WORDS.min(self.words.len()) {
            let left = self.words.get(self.hand)? & !self.passed;
            if left != 0 {
                let bit = left.trailing_zeros();
                // Those below it and itself.
                self.passed = u64::MAX >> (63 - bit);
                return Some(ConnectionId(self.hand as u32 * 64 + bit));
            }
            self.passed = 0;
            self.hand = if self.hand + 1 < self.words.len() { self.hand + 1 } else { 0 };
        }
        None
    }
}

#[inline(always)]
const fn place(id: ConnectionId) -> (usize, u64) {
    (id.0 as usize / 64, 1 << (id.0 % 64))
}

impl<A: Replicated> Connections<A> {
    /// Closes a connection whose ends have not answered each other, if there is one. To be called
    /// when the table is full.
    pub fn make_room(&mut self) -> bool {
        let Some(id) = self.accounting.evictable.next() else { return false };
        self.accounting.evictable.evicted += 1;
        self.made_room = self.close(id).is_some();
        self.made_room
    }

    /// True if this connection could not be opened but in the place of another.
    pub(crate) fn is_full_for(&self, new: &NewConnection<A>) -> bool {
        let share = self.accounting.shares.of_new(new);
        self.table.len() >= self.limit_of(share)
    }

    /// True if there is a connection that would make room for another.
    pub(crate) fn has_evictable(&self) -> bool {
        self.accounting.evictable.count > 0
    }

    /// Less than an eighth of what the worker could have is free.
    #[inline(always)]
    pub(super) fn is_pressed(&self) -> bool {
        let reach = self.accounting.room.reach();
        self.table.len() + reach / 8 >= reach
    }

    /// Connections that have made room for others so far.
    pub fn evicted(&self) -> u64 {
        self.accounting.evictable.evicted
    }
}
