//! How connection sync stands, shared between its thread and those who ask.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::time::Instant;

use api::{SyncState, SyncStatus};
use parking_lot::Mutex;

/// How far connection sync has come.
#[derive(Debug, Default)]
pub struct Progress {
    status: Mutex<SyncStatus>,
    sessions: AtomicU64,
    exporting: Mutex<bool>,
    wanted: AtomicU64,
    backoff: Mutex<Backoff>,
}

/// How long nothing is sent again for want of room.
#[derive(Debug)]
struct Backoff {
    first: Duration,
    wait: Duration,
    next: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::beginning_with(Duration::from_secs(10))
    }
}

impl Backoff {
    /// The longest time between two attempts to hold everything.
    const LONGEST: Duration = Duration::from_secs(600);

    fn beginning_with(first: Duration) -> Self {
        Backoff { first, wait: first, next: None }
    }

    /// True when it is time for another attempt.
    fn is_over(&mut self, now: Instant) -> bool {
        match self.next {
            Some(next) if now < next => return false,
            // The first time it is only noted that something is missing.
            None => self.wait = self.first,
            Some(_) => self.wait = (self.wait * 2).min(Self::LONGEST),
        }
        self.next.replace(now + self.wait).is_some()
    }
}

impl Progress {
    /// One that waits so long before the first attempt to hold everything after all.
    #[cfg(test)]
    pub(super) fn retrying_after(first: Duration) -> Self {
        Progress { backoff: Mutex::new(Backoff::beginning_with(first)), ..Progress::default() }
    }

    pub fn status(&self) -> SyncStatus {
        let mut status = self.status.lock().clone();
        status.draining = self.wanted_mark();
        status
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut SyncStatus)) {
        let mut status = self.status.lock();
        change(&mut status);
        if status.complete {
            self.has_room();
        }
    }

    /// The number of the next session; they grow as long as the process runs.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn set_exporting(&self, exporting: bool) {
        *self.exporting.lock() = exporting;
    }

    /// Wants another mark sent through; `None` when nothing is exported.
    pub fn want_mark(&self) -> Option<u64> {
        let exporting = self.exporting.lock();
        exporting.then(|| self.wanted.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// True, now and then, when everything may be sent again since there may be room for it: each
    /// time it takes twice as long.
    pub(super) fn retries(&self) -> bool {
        self.backoff.lock().is_over(Instant::now())
    }

    /// Nothing is missing.
    fn has_room(&self) {
        let mut backoff = self.backoff.lock();
        *backoff = Backoff::beginning_with(backoff.first);
    }

    pub(super) fn wanted_mark(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// A session has begun: everything is on its way.
    pub(super) fn begin(&self) {
        self.update(|status| {
            status.state = SyncState::Bulk;
            status.complete = false;
            status.lag = 0;
            (status.missing, status.expected) = (0, 0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_waits_twice_as_long_up_to_ten_minutes() {
        let mut backoff = Backoff::default();
        let begin = Instant::now();
        let mut attempts = Vec::new();
        for second in 0..4000 {
            if backoff.is_over(begin + Duration::from_secs(second)) {
                attempts.push(second);
            }
        }
        assert_eq!(attempts, [10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030, 3630]);
    }
}
