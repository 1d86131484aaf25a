//! What workers read of the role.

use core::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use crossbeam::utils::CachePadded;

use crate::clock::Tsc;

/// Until when this machine forwards and answers, on a cache line of its own.
///
/// It is written when the lease is renewed and when the role changes, tens of times a
/// second, and read once for each poll and burst. Both deadlines pass by themselves, so a
/// machine whose control process has died or hangs stops without anybody doing anything.
#[derive(Debug)]
pub struct Deadlines {
    forward: AtomicU64,
    answer: AtomicU64,
    /// When the role was claimed or announced last.
    claimed: AtomicU64,
}

/// The deadlines as they are shared.
pub type SharedDeadlines = CachePadded<Deadlines>;

impl Deadlines {
    /// Of a machine that forwards and answers for good.
    pub fn never() -> SharedDeadlines {
        let never = || AtomicU64::new(Tsc::NEVER.0);
        let claimed = AtomicU64::new(Tsc::PAST.0);
        CachePadded::new(Deadlines { forward: never(), answer: never(), claimed })
    }

    /// Of a machine that does neither.
    pub fn past() -> SharedDeadlines {
        let past = || AtomicU64::new(Tsc::PAST.0);
        CachePadded::new(Deadlines { forward: past(), answer: past(), claimed: past() })
    }

    /// True while packets are forwarded, and pings of floating addresses answered.
    #[inline(always)]
    pub fn forwards(&self, now: Tsc) -> bool {
        // Who sees the role sees also since when.
        now.0 < self.forward.load(Acquire)
    }

    /// True while ARP requests for floating addresses are answered.
    #[inline(always)]
    pub fn answers(&self, now: Tsc) -> bool {
        now.0 < self.answer.load(Acquire)
    }

    /// When this machine became the active one, or had to say so again.
    pub fn claimed(&self) -> Tsc {
        Tsc(self.claimed.load(Relaxed))
    }

    pub(super) fn set_claimed(&self, now: Tsc) {
        self.claimed.store(now.0, Relaxed);
    }

    pub(super) fn set(&self, forward: Tsc, answer: Tsc) {
        self.forward.store(forward.0, Release);
        self.answer.store(answer.0, Release);
    }
}
