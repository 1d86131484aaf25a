//! Orders to a worker and its answers, without a lock.
//!
//! The worker looks into its box once a poll. Whatever owns memory travels back in the
//! answer, so that it is freed by the thread that made it and never by a worker. Each order has
//! a number, which its answer carries: an answer that comes late is not taken for the answer to
//! a later order. An order that the worker has not taken yet can be withdrawn.

use std::net::Ipv4Addr;
use std::sync::Arc;

use capture::Session as CaptureSession;
use crossbeam::queue::ArrayQueue;
use nat::sync::Session;
use nat::table::{ConnectionId, Key, Record};

use crate::snapshot::Snapshot;
use crate::trace::{Question, Tracer};

/// Orders that may wait.
const DEPTH: usize = 8;

/// What a worker is asked to do.
pub enum Order {
    /// Use this configuration from the next burst on.
    Snapshot(Arc<Snapshot>),
    /// Copy connections into the walk's buffer.
    Walk(Walk),
    /// End these connections.
    Kill(Kill),
    /// Begin or end a session of connection sync.
    Sync(Session),
    /// Follow packets, or no longer.
    Trace(Option<Box<Tracer>>),
    /// Say what would become of a packet.
    Explain(Box<Question>),
    /// Copy packets, or copy none any more.
    Capture(Option<Box<CaptureSession>>),
}

pub enum Answer {
    /// The configuration that is used no longer.
    Retired(Arc<Snapshot>),
    /// The walk with its copies.
    Walked(Walk),
    /// The connections that were to end, and how many have.
    Killed(Kill),
    /// The session of connection sync before.
    Synced(Session),
    /// What was traced with before.
    Traced(Option<Box<Tracer>>),
    /// The question with its answer.
    Explained(Box<Question>),
    /// The capture before.
    Captured(Option<Box<CaptureSession>>),
}

/// A walk over a part of a worker's connections.
pub struct Walk {
    /// The record to begin with.
    pub start: usize,
    /// Copies of the connections found. Its capacity is the most that are copied; the worker
    /// allocates nothing.
    pub found: Vec<FoundConnection>,
    /// Where to go on: `None` at the end of the table.
    pub next: Option<usize>,
}

/// Connections that an operator ends.
pub struct Kill {
    /// Their records, each with the key of its original direction: a record that another connection
    /// has meanwhile is left alone.
    pub targets: Vec<(ConnectionId, Key<Ipv4Addr>)>,
    /// How many of them the worker has come by.
    pub done: usize,
    /// How many of them it has ended.
    pub killed: u64,
}

/// A copy of a connection that a walk found.
pub struct FoundConnection {
    pub id: ConnectionId,
    pub record: Record<Ipv4Addr>,
    /// The time since it was opened.
    pub age_seconds: u64,
    /// The time since its last packet.
    pub idle_seconds: u64,
    /// The time until it expires.
    pub expires_seconds: u64,
}

/// An order, or the answer to it.
struct Numbered<T> {
    number: u64,
    content: T,
}

/// The box of one worker. One thread at a time gives orders.
pub struct Mailbox {
    orders: ArrayQueue<Numbered<Order>>,
    answers: ArrayQueue<Numbered<Answer>>,
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
    pub fn order(&self, number: u64, order: Order) -> Result<(), Order> {
        self.orders.push(Numbered { number, content: order }).map_err(|back| back.content)
    }

    /// Takes an order back; `None` when the worker has taken it already. Worker and withdrawal
    /// take from the same queue, so one of them alone gets the order.
    pub fn withdraw(&self, number: u64) -> Option<Order> {
        let waiting: Vec<_> = core::iter::from_fn(|| self.orders.pop()).take(DEPTH).collect();
        let mut found = None;
        for order in waiting {
            if order.number == number {
                found = Some(order.content);
            } else {
                // It was in the box just now, so there is room for it.
                drop(self.orders.push(order));
            }
        }
        found
    }

    /// Takes an answer out, with the number of its order.
    pub fn answer(&self) -> Option<(u64, Answer)> {
        self.answers.pop().map(|Numbered { number, content }| (number, content))
    }

    /// The next order, for the worker.
    #[inline(always)]
    pub(crate) fn next_order(&self) -> Option<(u64, Order)> {
        if self.orders.is_empty() {
            return None;
        }
        self.orders.pop().map(|Numbered { number, content }| (number, content))
    }

    /// Answers the order of this number, from the worker.
    ///
    /// # Errors
    ///
    /// The answer, when nobody collects answers.
    pub(crate) fn reply(&self, number: u64, answer: Answer) -> Result<(), Answer> {
        self.answers.push(Numbered { number, content: answer }).map_err(|back| back.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_withdrawn_or_taken_and_others_stay() {
        let mailbox = Mailbox::default();
        for number in 1..=3 {
            assert!(mailbox.order(number, Order::Sync(Session::Off)).is_ok());
        }
        assert!(matches!(mailbox.withdraw(2), Some(Order::Sync(_))));
        assert!(mailbox.withdraw(2).is_none());
        let taken = || mailbox.next_order().map(|(number, _)| number);
        assert_eq!([taken(), taken(), taken()], [Some(1), Some(3), None]);
        assert!(mailbox.withdraw(3).is_none(), "the worker has it");
    }
}
