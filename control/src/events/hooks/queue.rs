//! Events that wait for a hook.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Event;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Events that may wait.
pub(super) const ROOM: usize = 256;

/// Events that wait for a hook, the oldest first.
#[derive(Default)]
pub(super) struct Queue {
    events: Mutex<VecDeque<(Arc<Event>, Instant)>>,
    pushed: Notify,
}

/// How many wait, and how many were dropped for the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pushed {
    pub count: u64,
    pub dropped: u64,
}

/// An event whose turn it is.
pub(super) struct Waiting {
    pub event: Arc<Event>,
    /// When it came.
    pub since: Instant,
    /// How many wait behind it.
    pub left: u64,
}

impl Queue {
    /// Adds an event. Where there is no room the oldest goes: what is news counts.
    pub(super) fn push(&self, event: Arc<Event>) -> Pushed {
        let mut events = self.lock();
        let mut dropped = 0;
        while events.len() >= ROOM {
            events.pop_front();
            dropped += 1;
        }
        events.push_back((event, Instant::now()));
        let count = events.len() as u64;
        drop(events);
        self.pushed.notify_one();
        Pushed { count, dropped }
    }

    /// Waits for the next event. Several may wait.
    pub(super) async fn pop(&self) -> Waiting {
        loop {
            let pushed = self.pushed.notified();
            {
                let mut events = self.lock();
                if let Some((event, since)) = events.pop_front() {
                    if !events.is_empty() {
                        self.pushed.notify_one();
                    }
                    return Waiting { event, since, left: events.len() as u64 };
                }
            }
            pushed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Arc<Event>, Instant)>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
