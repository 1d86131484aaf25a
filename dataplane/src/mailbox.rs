//! Orders to a worker and its answers, without a lock.
//!
//! The worker looks into its box once a poll. Whatever owns memory travels back in the
//! answer, so that it is freed by the thread that made it and never by a worker.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use nat::sync::Session;
use nat::table::Record;

use crate::snapshot::Snapshot;

/// Orders that may wait.
const DEPTH: usize = 8;

/// What a worker is asked to do.
pub enum Order {
    /// Use this configuration from the next burst on.
    Snapshot(Arc<Snapshot>),
    /// Copy connections into the walk's buffer.
    Walk(Walk),
    /// Begin or end a session of connection sync.
    Sync(Session),
}

/// What comes back.
pub enum Answer {
    /// The configuration that is used no longer.
    Retired(Arc<Snapshot>),
    /// The walk with its copies.
    Walked(Walk),
    /// The session of connection sync before.
    Synced(Session),
}

/// A walk over a part of a worker's connections.
pub struct Walk {
    /// Tells a late answer from the one that is waited for.
    pub id: u64,
    /// The record to begin with.
    pub start: usize,
    /// Copies of the connections found, with seconds since their last packet and until
    /// they expire. Its capacity is the most that are copied; the worker allocates
    /// nothing.
    pub found: Vec<(Record<Ipv4Addr>, u64, u64)>,
    /// Where to go on: `None` at the end of the table.
    pub next: Option<usize>,
}

/// The box of one worker.
pub struct Mailbox {
    orders: ArrayQueue<Order>,
    answers: ArrayQueue<Answer>,
}

impl Default for Mailbox {
    fn default() -> Self {
        // An order has at most one answer, so the answers always fit.
        Mailbox { orders: ArrayQueue::new(DEPTH), answers: ArrayQueue::new(2 * DEPTH) }
    }
}

impl Mailbox {
    /// Puts an order in; gives it back when the box is full.
    ///
    /// # Errors
    ///
    /// The order, when the worker has not yet come to the orders before it.
    pub fn order(&self, order: Order) -> Result<(), Order> {
        self.orders.push(order)
    }

    /// Takes an answer out.
    pub fn answer(&self) -> Option<Answer> {
        self.answers.pop()
    }

    /// The next order, for the worker.
    #[inline(always)]
    pub(crate) fn next_order(&self) -> Option<Order> {
        if self.orders.is_empty() { None } else { self.orders.pop() }
    }

    /// Answers, from the worker. False when nobody collects the answers.
    pub(crate) fn reply(&self, answer: Answer) -> Result<(), Answer> {
        self.answers.push(answer)
    }
}
