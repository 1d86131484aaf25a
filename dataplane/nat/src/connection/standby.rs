//! Connections of a standby machine: the active one decides what is over.
//!
//! On standby nothing expires, and nothing enters the wheel: what the active machine ends
//! would leave entries behind until their time, and at its rate of new connections they
//! would fill the wheel. Promotion is a word; what is not in the wheel is armed in the
//! polls after it, some records each, while the shortest timeout is far off.

use super::Connections;
use crate::record::Record;
use crate::sync::Replicated;
use crate::time::Instant;
use crate::wheel::NEVER;

/// Records that one step of expiry looks at for arming.
const ARMED_PER_STEP: usize = 32;

impl<A: Replicated> Connections<A> {
    /// Begins or ends standby. On standby nothing expires; afterwards every connection has
    /// its state's full time again. Costs the same however many connections there are, and
    /// nothing when nothing changes.
    pub fn set_standby(&mut self, standby: bool, now: Instant) {
        if self.standby == standby {
            return;
        }
        self.standby = standby;
        self.arming = (!standby).then_some(0);
        if !standby {
            self.resumed = now;
        }
    }

    /// True on standby.
    pub fn is_standby(&self) -> bool {
        self.standby
    }

    /// For how long no packet has refreshed the connection, as its expiry counts it, in
    /// milliseconds: on standby not at all, and since the promotion at most.
    pub fn idle_millis(&self, record: &Record<A>, now: Instant) -> u64 {
        if self.standby {
            return 0;
        }
        now.since(self.resumed).min(u64::from(now.age(record.last_seen)))
    }

    /// Puts some of the connections that are not in the wheel into it. True if the next
    /// step can go on; not while the wheel is full, which takes time to change.
    #[cold]
    pub(super) fn arm_installed(&mut self, start: usize, now: Instant) -> bool {
        let end = (start + ARMED_PER_STEP).min(self.table.capacity());
        for at in start..end {
            if !self.books.wheel.has_room() {
                self.arming = Some(at);
                return false;
            }
            self.arm_at(at, now);
        }
        self.arming = (end < self.table.capacity()).then_some(end);
        self.arming.is_some()
    }

    fn arm_at(&mut self, at: usize, now: Instant) {
        let resumed = self.resumed;
        let Some((id, record)) = self.table.at_mut(at) else { return };
        if record.armed != NEVER {
            return;
        }
        let timeout = Self::timeout(&self.books.timeouts, record).millis();
        let idle = now.since(resumed).min(u64::from(now.age(record.last_seen)));
        let deadline = Instant::from_millis(now.millis() + timeout.saturating_sub(idle));
        let tick = self.books.wheel.tick_for(deadline);
        if self.books.wheel.arm(id, tick) {
            record.armed = tick;
        }
    }
}
