//! How connection sync stands, shared between its thread and those who ask.

use core::sync::atomic::{AtomicU64, Ordering};

use api::{SyncState, SyncStatus};
use parking_lot::Mutex;

/// How far connection sync has come.
#[derive(Debug, Default)]
pub struct Progress {
    status: Mutex<SyncStatus>,
    sessions: AtomicU64,
    exporting: Mutex<bool>,
    wanted: AtomicU64,
}

impl Progress {
    pub fn status(&self) -> SyncStatus {
        let mut status = self.status.lock().clone();
        status.draining = self.wanted_mark();
        status
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut SyncStatus)) {
        change(&mut self.status.lock());
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

    pub(super) fn wanted_mark(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// A session has begun: everything is on its way.
    pub(super) fn begin(&self) {
        self.update(|status| {
            status.state = SyncState::Bulk;
            status.complete = false;
            status.lag = 0;
        });
    }
}
