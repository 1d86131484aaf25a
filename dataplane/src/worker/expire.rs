//! Time passing: a bounded number of visits in each poll.

use super::Worker;
use crate::drop_reason::DropReason;

/// Fragments whose time is checked in one poll.
const FRAGMENT_VISITS: usize = 8;

impl Worker {
    /// Returns whether more is to be done at once.
    #[inline(always)]
    pub(super) fn expire(&mut self) -> bool {
        let counters = &self.counters;
        let mut closed = 0;
        let more = self.connections.expire(self.now, |_, record| {
            closed += 1;
            if let Some(server) = counters.server(record.server()) {
                server.open.sub(1);
            }
        });
        if closed > 0 {
            counters.closed.add(closed);
            counters.connections.set(self.connections.table().len() as u64);
        }
        self.fragments.expire(self.now, FRAGMENT_VISITS, |mbuf| {
            drop(mbuf);
            counters.drops.add(DropReason::FragmentExpired, 1);
        });
        more
    }
}
