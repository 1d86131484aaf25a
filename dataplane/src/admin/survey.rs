//! A way over the connections of all workers, some at a time.

use core::time::Duration;
use std::time::Instant;

use api::{Cursor, Failure};

use super::{Admin, WorkerHandle};
use crate::mailbox::FoundConnection;

/// Connections that a worker copies for one order, at the most. Between two orders the worker has a
/// rest of some hundred microseconds, as it is waited for that long.
const PER_ORDER: usize = 1000;
/// Connections that one request looks at.
const PER_REQUEST: usize = 1 << 15;
/// After so long a request goes no further: a table with few connections may take long to walk over,
/// and the client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A way over the connections from a cursor on.
pub(super) struct Survey<'a> {
    admin: &'a Admin,
    at: Cursor,
    left: usize,
    until: Instant,
}

/// Connections that one worker has copied.
pub(super) struct Copied<'a> {
    pub(super) worker: &'a WorkerHandle,
    pub(super) found: Vec<FoundConnection>,
    /// The worker's place.
    place: u32,
}

impl<'a> Survey<'a> {
    pub(super) fn new(admin: &'a Admin, from: Option<Cursor>) -> Self {
        let at = from.unwrap_or(Cursor { worker: 0, index: 0 });
        Survey { admin, at, left: PER_REQUEST, until: Instant::now() + PATIENCE }
    }

    /// The next connections, up to this number; `None` when no worker has more, and when the
    /// request has looked at enough of them.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Copied<'a>>, Failure> {
        while self.left > 0 && Instant::now() < self.until {
            let place = self.at.worker;
            let Some(worker) = self.admin.workers.get(place as usize) else { break };
            let most = most.min(PER_ORDER).min(self.left);
            let start = usize::try_from(self.at.index).unwrap_or(usize::MAX);
            let walk = self.admin.walk(worker, start, most)?;
            self.left = self.left.saturating_sub(walk.found.len());
            self.at = match walk.next {
                Some(index) => Cursor { worker: place, index: index as u64 },
                None => Cursor { worker: place.saturating_add(1), index: 0 },
            };
            if !walk.found.is_empty() {
                return Ok(Some(Copied { worker, found: walk.found, place }));
            }
        }
        Ok(None)
    }

    /// Has the next request begin behind this connection.
    pub(super) fn stop_behind(&mut self, copied: &Copied<'_>, found: &FoundConnection) {
        self.at = Cursor { worker: copied.place, index: found.id.index() as u64 + 1 };
        self.left = 0;
    }

    /// Where the next request goes on; `None` when no connection is left.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        ((self.at.worker as usize) < self.admin.workers.len()).then_some(self.at)
    }
}
