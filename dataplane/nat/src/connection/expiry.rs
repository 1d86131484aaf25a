//! Connections whose time is over.

use wire::Address;

use super::Connections;
use crate::table::{ConnectionId, Hash, Record};
use crate::time::Instant;
use crate::wheel::{Due, ENDING, NEVER, Tick};

/// A connection that is no more.
#[derive(Clone, Copy, Debug)]
pub struct Closed<A> {
    /// The number that it had.
    pub id: ConnectionId,
    /// Its last state.
    pub record: Record<A>,
}

/// A connection that the last step found over. As long as its record is armed for
/// [`ENDING`], its keys are those whose hashes these are.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    id: ConnectionId,
    hashes: [Hash; 2],
}

impl<A: Address> Connections<A> {
    /// One step of expiry: visits at most fourteen connections, closes as many whose time
    /// was over at the last step, and tells `closed` of each. Called once a burst, however
    /// many are due.
    ///
    /// The step asks for the records that the next step will visit, and for the index lines
    /// of those that it will close, so that the burst in between hides their way from
    /// memory. Returns whether the next step has something to do: more are due, or are
    /// still to be armed after a promotion.
    pub fn expire(&mut self, now: Instant, mut closed: impl FnMut(&Closed<A>)) -> bool {
        let arming = match self.arming {
            Some(start) => self.arm_installed(start, now),
            None => false,
        };
        let ended = self.end(now, &mut closed);
        if let Some(due) = self.staged.take() {
            self.visit(&due, now);
        }
        self.staged = self.books.wheel.due(now);
        let Some(due) = &self.staged else { return arming || ended || self.ending[0].is_some() };
        for id in due.ids() {
            self.table.prefetch_id(id);
        }
        true
    }

    /// Closes what the last step found over, but for those that a packet has used since.
    fn end(&mut self, now: Instant, closed: &mut impl FnMut(&Closed<A>)) -> bool {
        if self.ending[0].is_none() {
            return false;
        }
        for Ending { id, hashes } in core::mem::take(&mut self.ending).into_iter().flatten() {
            if self.is_over(id, ENDING, now) {
                if let Some(record) = self.table.remove_hashed(id, hashes) {
                    closed(&self.closed(id, record));
                }
            }
        }
        true
    }

    fn visit(&mut self, due: &Due, now: Instant) {
        let mut places = 0;
        for id in due.ids() {
            if !self.is_over(id, due.tick, now) {
                continue;
            }
            let Some(hashes) = self.table.prefetch_index_of(id) else { continue };
            if let Some(place) = self.ending.get_mut(places) {
                *place = Some(Ending { id, hashes });
                places += 1;
            }
        }
    }

    /// True if the connection's time is over; otherwise it is armed for when it may be.
    fn is_over(&mut self, id: ConnectionId, tick: Tick, now: Instant) -> bool {
        let Some(record) = self.table.get_mut(id) else { return false };
        if record.armed != tick {
            return false;
        }
        if self.standby {
            // It comes back to the wheel when this machine is active.
            record.armed = NEVER;
            return false;
        }
        let timeout = Self::timeout(&self.books.timeouts, record);
        let idle = now.since(self.resumed).min(u64::from(now.age(record.last_seen)));
        if idle >= timeout.millis() {
            // Seen twice in one chunk (freed and used again within a tick), the second
            // visit must not find it armed.
            record.armed = ENDING;
            return true;
        }
        let left = Instant::from_millis(now.millis() + timeout.millis() - idle);
        record.armed = self.books.wheel.tick_for(left);
        let armed = self.books.wheel.arm(id, record.armed);
        debug_assert!(armed, "the wheel keeps room for the chunks that were taken out");
        false
    }
}
