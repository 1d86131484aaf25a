//! What is known of the other machine.

use core::time::Duration;

use crate::heartbeat::Heartbeat;
use crate::time::Instant;

/// The peer as its last heartbeat says it, over whichever path that came.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Peer {
    last: Option<(Instant, Heartbeat)>,
}

impl Peer {
    pub(crate) fn heard(&mut self, heartbeat: Heartbeat, now: Instant) {
        self.last = Some((now, heartbeat));
    }

    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Time in which this machine did not run is no silence of the other.
    pub(crate) fn excuse(&mut self, time: Duration) {
        if let Some((at, _)) = &mut self.last {
            *at = at.plus(time);
        }
    }

    /// Its last heartbeat, unless it has been silent for the dead interval.
    pub(crate) fn alive(&self, now: Instant, dead: Duration) -> Option<&Heartbeat> {
        let (at, heartbeat) = self.last.as_ref()?;
        (now.since(*at) < dead).then_some(heartbeat)
    }

    /// Its last heartbeat and when that came, however long ago.
    pub(crate) fn last(&self) -> Option<(Instant, &Heartbeat)> {
        self.last.as_ref().map(|(at, heartbeat)| (*at, heartbeat))
    }
}
