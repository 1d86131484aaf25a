//! The witness: an address that answers pings while the network is whole.
//!
//! It matters only when the peer is silent: then the machine that still sees the witness is
//! not the one that is cut off. So it is asked once a second, and as often as heartbeats
//! are sent as soon as the peer misses some; an answer from before the peer fell silent
//! must not count for long.

pub mod echo;
pub mod ping;

use core::time::Duration;

use config::Timing;
use failover::Instant;
use tokio::sync::watch;

/// Between pings while the peer is heard.
pub const PERIOD: Duration = Duration::from_secs(1);

/// What the driver knows of the witness.
#[derive(Debug)]
pub struct Witness {
    is_configured: bool,
    timing: Timing,
    answered: Option<Instant>,
    closely: watch::Sender<bool>,
}

impl Witness {
    /// Makes the witness, and the receiver that tells the pinging task whether to ping closely.
    #[must_use]
    pub fn new(is_configured: bool, timing: Timing) -> (Self, watch::Receiver<bool>) {
        let (closely, receiver) = watch::channel(false);
        (Witness { is_configured, timing, answered: None, closely }, receiver)
    }

    /// It answered a ping that was sent at that time.
    pub fn answered(&mut self, at: Instant) {
        self.answered = self.answered.max(Some(at));
    }

    /// Whether it answers; none: there is none.
    #[must_use]
    pub fn answers(&self, peer_heard: Option<Instant>, now: Instant) -> Option<bool> {
        let Timing { interval, dead, .. } = self.timing;
        let is_silent = peer_heard.is_none_or(|at| now.since(at) >= dead * 2 / 3);
        let lasts = if is_silent { dead.saturating_sub(interval) } else { PERIOD + dead };
        let is_fresh = self.answered.is_some_and(|at| now.since(at) < lasts);
        self.is_configured.then_some(is_fresh)
    }

    /// Has it asked closely while the peer misses heartbeats.
    pub fn watch(&self, peer_heard: Option<Instant>, now: Instant) {
        let misses = peer_heard.is_none_or(|at| now.since(at) > self.timing.interval * 2);
        self.closely.send_if_modified(|closely| core::mem::replace(closely, misses) != misses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant(millis * 1000)
    }

    #[test]
    fn an_answer_lasts_while_the_peer_is_heard() {
        let (mut witness, closely) = Witness::new(true, Timing::default());
        assert_eq!(witness.answers(None, at(0)), Some(false));
        witness.answered(at(1000));
        assert_eq!(witness.answers(Some(at(1990)), at(2000)), Some(true));
        witness.watch(Some(at(1990)), at(2000));
        assert!(!*closely.borrow());
        // Both fall silent: the answer from before does not outlive the peer.
        witness.watch(Some(at(2000)), at(2041));
        assert!(*closely.borrow());
        assert_eq!(witness.answers(Some(at(2000)), at(2099)), Some(true));
        assert_eq!(witness.answers(Some(at(2000)), at(2100)), Some(false));
        // Only the peer does.
        witness.answered(at(2120));
        assert_eq!(witness.answers(Some(at(2000)), at(2150)), Some(true));
    }

    #[test]
    fn without_one_there_is_no_opinion() {
        let (witness, _closely) = Witness::new(false, Timing::default());
        assert_eq!(witness.answers(None, at(0)), None);
    }
}
