//! A peer of another version: it lives, and of what it says only that much is understood.

use core::time::Duration;

use failover::Instant;

use crate::heartbeat::{Foreign, Version};

/// How long a machine waits for a peer of an older version to become active when neither is:
/// one of the two has to be the first, and neither understands what the other one wishes.
const YIELD: Duration = Duration::from_secs(2);

/// What was last heard of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Foreigner {
    at: Instant,
    foreign: Foreign,
    /// Since when it says that it is not active.
    idle_since: Instant,
}

impl Foreigner {
    /// It was heard again, or for the first time. What it does not say is as before; a peer
    /// that has never said so may be active.
    #[must_use]
    pub(super) fn heard(before: Option<Self>, mut foreign: Foreign, now: Instant) -> Self {
        let said = before.and_then(|before| before.foreign.active);
        foreign.active = foreign.active.or(said);
        let idle_since = match before {
            Some(before) if before.is_idle() && foreign.active == Some(false) => before.idle_since,
            _ => now,
        };
        Foreigner { at: now, foreign, idle_since }
    }

    fn is_idle(&self) -> bool {
        self.foreign.active == Some(false)
    }

    /// True while this machine must claim nothing beside it: it was heard within `dead`, and
    /// is active, or is to be the first.
    #[must_use]
    pub(super) fn holds_back(&self, dead: Duration, now: Instant) -> bool {
        let is_older = Some(self.foreign.version) < Version::OWN.message;
        let has_precedence = is_older && now.since(self.idle_since) < YIELD;
        now.since(self.at) < dead && (!self.is_idle() || has_precedence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: Duration = Duration::from_millis(150);

    fn at(millis: u64) -> Instant {
        Instant(10_000_000 + millis * 1000)
    }

    fn says(before: Option<Foreigner>, version: u8, active: Option<bool>, now: u64) -> Foreigner {
        Foreigner::heard(before, Foreign { version, active }, at(now))
    }

    #[test]
    fn beside_an_active_one_nothing_is_claimed_until_it_is_silent() {
        let peer = says(None, 2, Some(true), 0);
        assert!(peer.holds_back(DEAD, at(149)));
        assert!(!peer.holds_back(DEAD, at(150)));
        let greeted = says(Some(peer), 2, None, 20);
        assert!(greeted.holds_back(DEAD, at(21)), "what it does not say is as before");
        assert!(says(None, 2, None, 0).holds_back(DEAD, at(1)), "it may be active");
    }

    /// Of two machines without the role exactly one goes first, whichever was upgraded.
    #[test]
    fn the_older_version_goes_first_and_if_it_does_not_the_other() {
        let newer = says(None, 2, Some(false), 0);
        assert!(!newer.holds_back(DEAD, at(0)));
        let mut older = says(None, 0, Some(false), 0);
        for now in (20..2000).step_by(20) {
            assert!(older.holds_back(DEAD, at(now)), "{now}");
            older = says(Some(older), 0, Some(false), now);
        }
        assert!(!says(Some(older), 0, Some(false), 2000).holds_back(DEAD, at(2000)));
        assert!(says(Some(older), 0, Some(true), 2000).holds_back(DEAD, at(2000)));
    }
}
