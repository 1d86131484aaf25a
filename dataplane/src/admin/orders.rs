//! Orders to workers, and waiting for what comes back.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use api::{Failure, FailureKind};

use super::{Admin, WorkerHandle};
use crate::mailbox::{Answer, Order, Walk};
use crate::snapshot::Snapshot;

/// How long a worker may take; it looks into its box every few microseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between looks for the answer.
const PAUSE: Duration = Duration::from_micros(200);

impl Admin {
    /// Hands a snapshot to every worker and returns when all of them use it; the old one
    /// is freed here.
    pub(super) fn publish(&self, snapshot: &Arc<Snapshot>) -> Result<(), Failure> {
        let _turn = self.orders.lock();
        for worker in &self.workers {
            give(worker, Order::Snapshot(Arc::clone(snapshot)))?;
        }
        for worker in &self.workers {
            wait(worker, |answer| matches!(answer, Answer::Retired(_)).then_some(()))?;
        }
        Ok(())
    }

    /// Lets a worker copy connections from record `start` on, at most `limit`.
    pub(super) fn walk(
        &self,
        worker: &WorkerHandle,
        start: usize,
        limit: usize,
    ) -> Result<Walk, Failure> {
        let mut turn = self.orders.lock();
        *turn += 1;
        let id = *turn;
        let found = Vec::with_capacity(limit.max(1));
        give(worker, Order::Walk(Walk { id, start, found, next: None }))?;
        wait(worker, |answer| match answer {
            Answer::Walked(walk) if walk.id == id => Some(walk),
            _ => None,
        })
    }
}

pub(super) fn give(worker: &WorkerHandle, order: Order) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut order = order;
    while let Err(back) = worker.mailbox.order(order) {
        order = back;
        pause(worker, deadline)?;
    }
    Ok(())
}

pub(super) fn wait<T>(
    worker: &WorkerHandle,
    wanted: impl Fn(Answer) -> Option<T>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        while let Some(answer) = worker.mailbox.answer() {
            if let Some(found) = wanted(answer) {
                return Ok(found);
            }
        }
        pause(worker, deadline)?;
    }
}

fn pause(worker: &WorkerHandle, deadline: Instant) -> Result<(), Failure> {
    if Instant::now() > deadline {
        let core = worker.core;
        let message = format!("the worker on core {core} has not answered for {PATIENCE:?}");
        return Err(Failure::new(FailureKind::Busy, message));
    }
    std::thread::sleep(PAUSE);
    Ok(())
}
