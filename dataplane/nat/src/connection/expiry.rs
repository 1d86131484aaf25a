//! Connections whose time is over.

use super::Connections;
use crate::record::{ConnectionId, Key, Record};
use crate::sync::Replicated;
use crate::table::Hash;
use crate::time::Instant;
use crate::wheel::{Due, ENDING, NEVER, Tick};

/// A connection that the last step found over. As long as its record is armed for
/// [`ENDING`], its keys are those whose hashes these are.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    id: ConnectionId,
    hashes: [Hash; 2],
}

impl<A: Replicated> Connections<A> {
    /// One step of expiry: visits at most fourteen connections, closes as many whose time
    /// was over at the last step, and tells `closed` of each. Called once a burst, however
    /// many are due.
    ///
    /// The step asks for the records that the next step will visit, and for the index lines
    /// of those that it will close, so that the burst in between hides their way from
    /// memory. Returns whether the next step has something to do: more are due, or are
    /// still to be armed after a promotion.
    pub fn expire(
        &mut self,
        now: Instant,
        mut closed: impl FnMut(ConnectionId, &Record<A>),
    ) -> bool {
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
    fn end(&mut self, now: Instant, closed: &mut impl FnMut(ConnectionId, &Record<A>)) -> bool {
        if self.ending[0].is_none() {
            return false;
        }
        for Ending { id, hashes } in core::mem::take(&mut self.ending).into_iter().flatten() {
            if self.over(id, ENDING, now).is_none() {
                continue;
            }
            // Told of where it lies: a copy, so soon after a part of it was written, would
            // wait for that.
            if let Some(record) = self.table.get(id) {
                self.unbound -= usize::from(record.is_unbound());
                self.books.closed(record);
                closed(id, record);
            }
            self.table.take_out(id, hashes);
        }
        true
    }

    fn visit(&mut self, due: &Due, now: Instant) {
        let mut places = 0;
        for id in due.ids() {
            let Some(keys) = self.over(id, due.tick, now) else { continue };
            let hashes = keys.map(|key| self.table.hash(&key));
            self.table.prefetch_hashed(hashes);
            if let Some(place) = self.ending.get_mut(places) {
                *place = Some(Ending { id, hashes });
                places += 1;
            }
        }
    }

    /// The keys of the connection if its time is over; otherwise it is armed for when it may
    /// be.
    #[inline(always)]
    fn over(&mut self, id: ConnectionId, tick: Tick, now: Instant) -> Option<[Key<A>; 2]> {
        let record = self.table.get_mut(id).filter(|record| record.armed == tick)?;
        if self.standby {
            // It comes back to the wheel when this machine is active.
            record.armed = NEVER;
            return None;
        }
        let timeout = Self::timeout(&self.books.timeouts, record);
        let idle = now.since(self.resumed).min(u64::from(now.age(record.last_seen)));
        if idle >= timeout.millis() {
            // Seen twice in one chunk (freed and used again within a tick), the second
            // visit must not find it armed.
            if tick != ENDING {
                record.armed = ENDING;
            }
            return Some(record.keys);
        }
        let left = Instant::from_millis(now.millis() + timeout.millis() - idle);
        record.armed = self.books.wheel.tick_for(left);
        let armed = self.books.wheel.arm(id, record.armed);
        debug_assert!(armed, "the wheel keeps room for the chunks that were taken out");
        None
    }
}
