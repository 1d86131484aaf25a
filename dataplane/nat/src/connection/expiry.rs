//! Connections whose time is over.

use super::Connections;
use crate::record::{ConnectionId, Record};
use crate::sync::Replicated;
use crate::table::Hash;
use crate::time::Instant;
use crate::timeouts::Timeouts;
use crate::wheel::Due;

/// A connection that the last step found over. As long as its record is to be looked at
/// again, its keys are those whose hashes these are.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    id: ConnectionId,
    hashes: [Hash; 2],
}

/// A connection that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Survivor {
    /// The connection.
    pub id: ConnectionId,
    /// When expiry looks at it again.
    pub deadline: Instant,
}

/// What one step of expiry did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expired {
    /// Connections that it closed.
    pub closed: usize,
    /// The next step has something to do.
    pub goes_on: bool,
}

impl<A: Replicated> Connections<A> {
    /// One step of expiry: visits at most fourteen connections, closes as many whose time
    /// was over at the last step. Called once a burst, however many are due.
    ///
    /// The step asks for the records that the next step will visit, and for the index lines
    /// of those that it will close, so that the burst in between hides their way from
    /// memory.
    pub fn expire(&mut self, now: Instant) -> Expired {
        let before = self.table.len();
        let ended = self.end(now);
        let closed = before - self.table.len();
        if let Some(due) = self.staged.take() {
            self.visit(&due, now);
        }
        self.staged = self.accounting.wheel.due(now);
        let Some(due) = &self.staged else {
            return Expired { closed, goes_on: ended || self.ending[0].is_some() };
        };
        for id in due.ids() {
            self.table.prefetch_id(id);
        }
        Expired { closed, goes_on: true }
    }

    /// Closes what the last step found over, but for those that a packet has used since.
    fn end(&mut self, now: Instant) -> bool {
        let mut ended = false;
        for place in &mut self.ending {
            let Some(Ending { id, hashes }) = place.take() else { break };
            ended = true;
            let Some(record) = self.table.slot_mut(id) else { continue };
            if !record.visits.looks_again() || !record.is_live() {
                continue;
            }
            if let Some(deadline) =
                Self::end_of(record, self.resumed, &self.accounting.timeouts, now)
            {
                self.accounting.wheel.visit_by(deadline, id, &mut record.visits);
                continue;
            }
            // Told of where it lies: a copy, so soon after a part of it was written, would
            // wait for that.
            self.unbound -= usize::from(record.is_unbound());
            self.accounting.closed(record, id);
            self.table.take_out(id, hashes);
        }
        ended
    }

    /// Whether steps of expiry are to say which connections they find alive.
    pub fn keep_survivors(&mut self, keep: bool) {
        self.keeps_survivors = keep;
        self.survivor_count = 0;
    }

    /// Takes the connections that the last step of expiry found alive, one after the other.
    #[inline(always)]
    pub fn take_survivor(&mut self) -> Option<Survivor> {
        self.survivor_count = self.survivor_count.checked_sub(1)?;
        self.survivors.get(self.survivor_count).copied().flatten()
    }

    fn visit(&mut self, due: &Due, now: Instant) {
        let mut places = 0;
        for id in due.ids() {
            let Some(record) = self.table.slot_mut(id) else { continue };
            record.visits.visited(due.slot);
            if !record.is_live() {
                continue;
            }
            if let Some(deadline) =
                Self::end_of(record, self.resumed, &self.accounting.timeouts, now)
            {
                self.accounting.wheel.visit_by(deadline, id, &mut record.visits);
                if self.keeps_survivors && !record.state().is_closed() {
                    if let Some(place) = self.survivors.get_mut(self.survivor_count) {
                        *place = Some(Survivor { id, deadline });
                        self.survivor_count += 1;
                    }
                }
                continue;
            }
            record.visits.look_again();
            let keys = record.keys;
            let hashes = keys.map(|key| self.table.hash(&key));
            self.table.prefetch_hashed(hashes);
            if let Some(place) = self.ending.get_mut(places) {
                *place = Some(Ending { id, hashes });
                places += 1;
            }
        }
    }

    /// When the connection is over if no packet comes until then; `None` if it is.
    #[inline(always)]
    fn end_of(
        record: &Record<A>,
        resumed: Instant,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Option<Instant> {
        let timeout = Self::timeout(timeouts, record).millis();
        let idle = Self::idle_since(resumed, record, now);
        (idle < timeout).then(|| Instant::from_millis(now.millis() + (timeout - idle)))
    }
}
