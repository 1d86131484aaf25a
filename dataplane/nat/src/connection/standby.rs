//! Connections of a standby machine: the active one decides what is over.
//!
//! On standby nothing expires: a connection that the wheel finds idle for its whole timeout
//! is given as much time again. So every record is in the wheel all the time, and a takeover
//! has nothing to do for any of them.

use super::Connections;
use crate::record::Record;
use crate::sync::Replicated;
use crate::time::Instant;

impl<A: Replicated> Connections<A> {
    /// Begins or ends standby. On standby nothing expires; afterwards every connection has
    /// its state's full time again. Costs the same however many connections there are, and
    /// nothing when nothing changes.
    pub fn set_standby(&mut self, standby: bool, now: Instant) {
        if self.standby == standby {
            return;
        }
        self.standby = standby;
        self.resumed = if standby { Instant::NEVER } else { now };
    }

    /// True on standby.
    pub fn is_standby(&self) -> bool {
        self.standby
    }

    /// For how long no packet has refreshed the connection, as its expiry counts it, in
    /// milliseconds: on standby not at all, and since the promotion at most.
    pub fn idle_millis(&self, record: &Record<A>, now: Instant) -> u64 {
        Self::idle_since(self.resumed, record, now)
    }

    #[inline(always)]
    pub(super) fn idle_since(resumed: Instant, record: &Record<A>, now: Instant) -> u64 {
        now.since(resumed).min(u64::from(now.age(record.last_seen)))
    }
}
