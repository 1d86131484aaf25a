//! Room in a full table: connections that were never answered make it, those that were never do.
//!
//! Whoever sends from forged addresses sees no answer, so what he opens stays unanswered. Without
//! eviction 3,300 datagrams a second hold a table of a million for good (nf_conntrack's
//! early_drop is the kernel's answer to the same).
//!
//! A hand goes round over the records and takes the first that may go, as in the CLOCK algorithm
//! of page replacement. The newcomer gets the record that becomes free, behind the hand, so the
//! hand comes to it after all others: what is unanswered lives as long as the hand takes to go
//! round, and that is as long as there are such connections for the rate at which they come.

use super::Connections;
use crate::sync::Replicated;

/// Records that are looked at for one newcomer.
const LOOKS: usize = 32;

/// Where the search for room goes on, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Eviction {
    pub(super) hand: usize,
    /// Records that the hand has gone by without finding one that may go.
    in_vain: usize,
    /// Connections that have made room.
    count: u64,
}

impl<A: Replicated> Connections<A> {
    /// Closes a connection that was never answered, if one is near the hand. To be called when
    /// the table is full.
    pub fn make_room(&mut self) -> bool {
        let capacity = self.table.capacity();
        // Nothing in the whole table may go. That changes when something else has ended.
        if self.eviction.in_vain >= capacity {
            return false;
        }
        for _ in 0..LOOKS.min(capacity) {
            let at = self.eviction.hand;
            self.eviction.hand = if at + 1 < capacity { at + 1 } else { 0 };
            let Some((id, record)) = self.table.at_mut(at) else { continue };
            if record.state.is_evictable(record.protocol()) {
                self.close(id);
                self.eviction.in_vain = 0;
                self.eviction.count += 1;
                return true;
            }
        }
        self.eviction.in_vain += LOOKS;
        false
    }

    /// A connection has opened: the hand may find it.
    #[inline(always)]
    pub(super) fn may_be_evicted(&mut self) {
        self.eviction.in_vain = 0;
    }

    /// Connections that have made room for others so far.
    pub fn evicted(&self) -> u64 {
        self.eviction.count
    }
}
