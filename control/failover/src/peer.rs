//! What is known of the other machine.

use core::time::Duration;

use crate::heartbeat::Heartbeat;
use crate::time::Instant;

/// The peer as its last heartbeat says it, over whichever path that came.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Peer {
    last: Option<Last>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Last {
    heard: Instant,
    /// Since when it has been silent while this machine listened.
    silent_since: Instant,
    heartbeat: Heartbeat,
}

impl Peer {
    pub(crate) fn heard(&mut self, heartbeat: Heartbeat, now: Instant) {
        self.last = Some(Last { heard: now, silent_since: now, heartbeat });
    }

    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Time in which this machine did not run is no silence of the other.
    pub(crate) fn excuse(&mut self, time: Duration) {
        if let Some(last) = &mut self.last {
            last.silent_since = last.silent_since.plus(time);
        }
    }

    /// Its last heartbeat, unless it has been silent for the dead interval.
    pub(crate) fn alive(&self, now: Instant, dead: Duration) -> Option<&Heartbeat> {
        let last = self.last.as_ref()?;
        (now.since(last.silent_since) < dead).then_some(&last.heartbeat)
    }

    /// What it said last was said no longer ago than this.
    pub(crate) fn is_fresh(&self, now: Instant, age: Duration) -> bool {
        self.last.as_ref().is_some_and(|last| now.since(last.heard) <= age)
    }

    /// Its last heartbeat and since when it has been silent, however long that is.
    pub(crate) fn last(&self) -> Option<(Instant, &Heartbeat)> {
        self.last.as_ref().map(|last| (last.silent_since, &last.heartbeat))
    }
}
