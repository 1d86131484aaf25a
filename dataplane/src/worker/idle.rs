//! When a worker rests.

use core::time::Duration;

use config::Idle;

/// Polls with nothing to do before an adaptive worker sleeps.
const IDLE_POLLS: u32 = 256;
/// How long it sleeps: below what a client notices, above the cost of waking.
const SLEEP: Duration = Duration::from_micros(100);

/// A worker's rests.
#[derive(Debug)]
pub(super) struct Rest {
    adaptive: bool,
    idle_polls: u32,
}

impl Rest {
    pub(super) fn new(idle: Idle) -> Self {
        Rest { adaptive: idle == Idle::Adaptive, idle_polls: 0 }
    }

    /// How long to sleep after a poll, if at all. A poll is idle if it found nothing and
    /// left nothing: expiry or a sweep of millions goes on without a pause.
    #[inline(always)]
    pub(super) fn after(&mut self, is_idle: bool) -> Option<Duration> {
        self.idle_polls = if is_idle { self.idle_polls.saturating_add(1) } else { 0 };
        (self.adaptive && self.idle_polls >= IDLE_POLLS).then_some(SLEEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptive_worker_sleeps_when_nothing_is_left_to_do() {
        let mut rest = Rest::new(Idle::Adaptive);
        let sleeps = (0..IDLE_POLLS).filter(|_| rest.after(true).is_some()).count();
        assert_eq!(sleeps, 1);
        assert_eq!(rest.after(true), Some(SLEEP));
        // A step of a sweep is work, though no packet was found.
        assert_eq!(rest.after(false), None);
        assert_eq!(rest.after(true), None);
    }

    #[test]
    fn a_polling_worker_never_sleeps() {
        let mut rest = Rest::new(Idle::Poll);
        assert!((0..2 * IDLE_POLLS).all(|_| rest.after(true).is_none()));
    }
}
