//! Time passing: a bounded number of visits in each poll.

use nat::connection::Expired;

use super::Worker;
use crate::drop_reason::DropReason;

/// Fragments whose time is checked in one poll.
const FRAGMENT_VISITS: usize = 8;

impl Worker {
    /// Returns whether more is to be done at once.
    #[inline(always)]
    pub(super) fn expire(&mut self) -> bool {
        let counters = &self.counters;
        let Expired { closed, goes_on } = self.connections.expire(self.now);
        if closed > 0 {
            counters.closed.add(closed as u64);
            counters.connections.set(self.connections.table().len() as u64);
        }
        self.fragments.expire(self.now, FRAGMENT_VISITS, |mbuf| {
            drop(mbuf);
            counters.drops.add(DropReason::FragmentExpired, 1);
        });
        goes_on
    }
}
