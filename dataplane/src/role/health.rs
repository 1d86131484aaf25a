//! What control wants to know before it lets this machine be active.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;

use api::NicState;
use nat::{Instant, Side};

use super::StallLimits;

/// A transmit queue that takes nothing for so many milliseconds is no pause that a switch asked
/// for.
const STUCK: u64 = 300;
/// How long a NIC counts as stuck after its queue took packets again, or had none to take: a
/// machine without the role sends next to nothing, and would be ready again at once.
const REST: u64 = 10_000;
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(10);

/// The health of the machine; the main core writes it.
#[derive(Debug, Default)]
pub struct Health {
    links: [AtomicBool; 2],
    workers_run: AtomicBool,
    stuck: [AtomicBool; 2],
    reset: [AtomicBool; 2],
    removed: [AtomicBool; 2],
}

impl Health {
    /// The NIC of a side has its link.
    pub fn link(&self, side: Side) -> bool {
        self.links[side.index()].load(Relaxed)
    }

    /// Every worker has polled lately.
    pub fn workers_run(&self) -> bool {
        self.workers_run.load(Relaxed)
    }

    /// Takes the state of a link; true if it came up.
    pub fn set_link(&self, side: Side, up: bool) -> bool {
        !self.links[side.index()].swap(up, Relaxed) && up
    }

    /// What has become of the NIC of a side.
    pub fn nic(&self, side: Side) -> NicState {
        let at = side.index();
        match (self.removed[at].load(Relaxed), self.reset[at].load(Relaxed)) {
            (true, _) => NicState::Removed,
            (false, true) => NicState::Reset,
            (false, false) => NicState::Present,
        }
    }

    /// Takes what has become of a NIC; true if that is news. What was removed stays so.
    pub fn set_nic(&self, side: Side, state: NicState) -> bool {
        let at = side.index();
        match state {
            NicState::Present => false,
            NicState::Reset => !self.reset[at].swap(true, Relaxed),
            NicState::Removed => !self.removed[at].swap(true, Relaxed),
        }
    }

    /// A transmit queue of a side takes nothing.
    pub fn is_stuck(&self, side: Side) -> bool {
        self.stuck[side.index()].load(Relaxed)
    }

    /// Takes whether one does.
    pub fn set_stuck(&self, side: Side, stuck: bool) {
        self.stuck[side.index()].store(stuck, Relaxed);
    }

    /// Takes whether workers run.
    pub fn set_workers_run(&self, run: bool) {
        self.workers_run.store(run, Relaxed);
    }
}

/// Looks at the polls of each worker.
///
/// A worker polls every few microseconds, an idle one that sleeps every hundred; the scheduler of
/// a machine that shares its cores may keep it waiting for a while.
#[derive(Debug)]
pub struct Polls {
    limits: StallLimits,
    seen: Vec<(u64, Instant)>,
    all_advanced: bool,
}

impl Polls {
    /// For so many workers, which count as running at first.
    pub fn new(workers: usize, limits: StallLimits, now: Instant) -> Self {
        Polls { limits, seen: vec![(0, now); workers], all_advanced: true }
    }

    /// How long workers may stand still.
    pub fn limits(&self) -> StallLimits {
        self.limits
    }

    /// Takes each worker's count of polls; true if all have advanced lately.
    pub fn advance(&mut self, counts: impl Iterator<Item = u64>, now: Instant) -> bool {
        let mut all = true;
        self.all_advanced = true;
        for (seen, count) in self.seen.iter_mut().zip(counts) {
            if seen.0 != count {
                *seen = (count, now);
            }
            self.all_advanced &= seen.1 == now;
            all &= is_within(self.limits.dead, now.since(seen.1));
        }
        all
    }

    /// At the last look every worker had polled since the one before.
    pub fn all_advanced(&self) -> bool {
        self.all_advanced
    }

    /// The first worker that has not advanced for long ([`StallLimits::hung`]).
    pub fn hung(&self, now: Instant) -> Option<usize> {
        self.seen.iter().position(|&(_, since)| !is_within(self.limits.hung, now.since(since)))
    }
}

/// True if so many milliseconds are less than the limit.
fn is_within(limit: Duration, millis: u64) -> bool {
    Duration::from_millis(millis) < limit
}

/// The transmit queues of one side.
#[derive(Debug, Default)]
pub struct Queues {
    stuck: Option<Instant>,
}

impl Queues {
    /// One of them takes nothing, or did lately.
    pub fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    /// Takes for how many milliseconds one has taken nothing, if one does.
    pub fn look(&mut self, refused_for: Option<u64>, now: Instant) -> bool {
        if refused_for.is_some_and(|time| time >= STUCK) {
            self.stuck = Some(now);
        }
        self.stuck = self.stuck.filter(|&last| now.since(last) < REST);
        self.is_stuck()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_stands_still_is_noticed() {
        let mut polls = Polls::new(2, StallLimits::default(), Instant::from_millis(0));
        for millis in (0..1000).step_by(10) {
            assert!(
                polls.advance(
                    [millis + 1, 2 * millis + 1].into_iter(),
                    Instant::from_millis(millis)
                )
            );
        }
        assert!(polls.advance([991, 3000].into_iter(), Instant::from_millis(1080)));
        assert!(!polls.advance([991, 4000].into_iter(), Instant::from_millis(1090)));
        assert_eq!(polls.hung(Instant::from_millis(1090)), None);
        assert!(polls.advance([992, 5000].into_iter(), Instant::from_millis(1100)));
        assert!(!polls.advance([993, 5000].into_iter(), Instant::from_millis(2100)));
        assert_eq!(polls.hung(Instant::from_millis(2100)), Some(1));
    }

    #[test]
    fn a_queue_that_takes_nothing_is_noticed_and_remembered() {
        let at = Instant::from_millis;
        let mut queues = Queues::default();
        assert!(!queues.look(None, at(0)));
        assert!(!queues.look(Some(299), at(299)));
        assert!(queues.look(Some(300), at(300)));
        assert!(queues.look(None, at(310)), "it has none to take");
        assert!(queues.look(None, at(10_299)));
        assert!(!queues.look(None, at(10_300)));
        assert!(!queues.look(Some(20), at(10_400)));
    }

    #[test]
    fn a_link_that_comes_up_is_told_once() {
        let health = Health::default();
        assert!(health.set_link(Side::Public, true));
        assert!(!health.set_link(Side::Public, true));
        assert!(!health.set_link(Side::Public, false));
        assert!(!health.link(Side::Public) && !health.link(Side::Private));
    }
}
