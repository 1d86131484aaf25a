//! Traces: packets that match a filter, followed through a worker's stages.
//!
//! ```text
//!   admin:   TraceOrder --> Tracer ----------.                        .--> words --> client
//!                                            v                        |
//!   worker:           burst --> select --> observe --> Journey --> [ring]
//!                                 |           '--> the stages, one packet alone
//!                                 '--> the others, as ever
//! ```
//!
//! A worker without a tracer does nothing for it but to look, once a burst, whether it has one.
//! With one, a packet that matches goes through the same functions as any other, as a burst of its
//! own, and the worker takes note of what they have done: which connection was found, what was
//! counted, what left and how. A [`Journey`] has a fixed size and no words; the thread that serves
//! the client makes them.
//!
//! What it takes is bounded: the [`Budget`] by the steps of filters and the packets observed, the
//! ring by its room. What was not looked at and what had no room is counted ([`Counts`]).

mod budget;
mod journey;
mod question;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use bpf::Program;
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use nat::Instant;

use crate::drop_reason::DropReason;

pub use budget::{Budget, OBSERVED};
pub use journey::{
    Considered, ConsideredServer, Effects, Found, Frame, Journey, SERVERS, Sent, Source,
};
pub use question::{Answered, Question};

/// Journeys that wait on a worker until the client takes them.
const ROOM: usize = 1024;

/// Where the filter looks at a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// As it arrives.
    Before,
    /// As it leaves.
    After,
    /// At both.
    Either,
}

/// Which of the packets that match are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    All,
    /// Those that were dropped.
    Dropped,
    /// Those that were dropped for this reason.
    DroppedFor(DropReason),
}

impl Kept {
    fn has(self, journey: &Journey) -> bool {
        match self {
            Kept::All => true,
            Kept::Dropped => journey.drops.iter().any(Option::is_some),
            Kept::DroppedFor(reason) => journey.drops.contains(&Some(reason)),
        }
    }
}

/// What a client wants to see.
#[derive(Clone, Debug)]
pub struct Wish {
    pub filter: Arc<Program>,
    pub point: Point,
    pub kept: Kept,
    /// One of so many packets that match.
    pub one_in: u32,
    /// When the trace ends by itself.
    pub until: Instant,
}

/// What was looked at on one worker, which alone writes it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Packets that the filter has seen.
    pub examined: AtomicU64,
    /// Those that it has selected.
    pub matched: AtomicU64,
    /// Packets that came while the budget was spent.
    pub not_examined: AtomicU64,
    /// Journeys for which the ring had no room.
    pub lost: AtomicU64,
}

/// The journeys of one worker on their way to the client.
pub struct Sink {
    ring: ArrayQueue<Journey>,
    counts: CachePadded<Counts>,
    /// Journeys that all workers may still keep.
    left: Arc<AtomicU64>,
}

impl Sink {
    /// For so many journeys of all workers whose sinks share `left`.
    pub fn new(left: Arc<AtomicU64>) -> Self {
        Sink { ring: ArrayQueue::new(ROOM), counts: CachePadded::default(), left }
    }

    /// The next journey.
    pub fn take(&self) -> Option<Journey> {
        self.ring.pop()
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// What a worker traces with.
pub struct Tracer {
    wish: Wish,
    budget: Budget,
    sink: Arc<Sink>,
    /// Packets that have matched.
    matched: u64,
}

impl Tracer {
    pub fn new(wish: Wish, sink: Arc<Sink>) -> Self {
        Tracer { wish, budget: Budget::default(), sink, matched: 0 }
    }

    /// Where the filter looks.
    pub fn point(&self) -> Point {
        self.wish.point
    }

    /// True while it is to look at packets.
    pub fn is_running(&self, now: Instant) -> bool {
        now < self.wish.until && self.sink.left.load(Relaxed) > 0
    }

    /// Takes note of the time, for the budget.
    pub fn follow(&mut self, now: Instant) {
        self.budget.follow(now);
    }

    /// True if another packet may be looked at; the others are counted as not examined.
    pub fn may_look(&mut self, others: usize) -> bool {
        let may = !self.budget.is_spent();
        if !may {
            add(&self.sink.counts.not_examined, others as u64);
        }
        may
    }

    /// True if the filter selects a frame of which these are the first bytes.
    pub fn selects(&mut self, frame: &[u8], length: usize) -> bool {
        let run = self.wish.filter.run(frame, length);
        self.budget.spend(run.steps);
        run.accepts
    }

    /// Counts a packet that the filter has seen; true if it is one to be kept.
    pub fn takes(&mut self, is_selected: bool) -> bool {
        add(&self.sink.counts.examined, 1);
        if !is_selected {
            return false;
        }
        add(&self.sink.counts.matched, 1);
        let number = self.matched;
        self.matched += 1;
        number % u64::from(self.wish.one_in.max(1)) == 0
    }

    /// What observing a packet takes.
    pub fn spend_on_observing(&mut self) {
        self.budget.spend(OBSERVED);
    }

    /// Keeps a journey, if it is one of those that are wanted.
    pub fn keep(&mut self, journey: &Journey) {
        if !self.wish.kept.has(journey) {
            return;
        }
        let left = self.sink.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if left.is_ok() && self.sink.ring.push(*journey).is_err() {
            add(&self.sink.counts.lost, 1);
            self.sink.left.fetch_add(1, Relaxed);
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}

#[cfg(test)]
mod tests {
    use bpf::Instruction;

    use super::*;

    fn tracer(one_in: u32, left: u64) -> (Tracer, Arc<Sink>) {
        let all = Instruction { code: 0x06, operand: 1, ..Instruction::default() };
        let wish = Wish {
            filter: Arc::new(Program::new(&[all]).unwrap()),
            point: Point::Before,
            kept: Kept::All,
            one_in,
            until: Instant::from_millis(1000),
        };
        let sink = Arc::new(Sink::new(Arc::new(AtomicU64::new(left))));
        (Tracer::new(wish, Arc::clone(&sink)), sink)
    }

    #[test]
    fn one_in_so_many_is_kept_and_all_are_counted() {
        let (mut tracer, sink) = tracer(3, 100);
        let kept = (0..9).filter(|_| tracer.takes(true)).count();
        assert!(!tracer.takes(false));
        assert_eq!(kept, 3);
        let counts = sink.counts();
        assert_eq!([&counts.examined, &counts.matched].map(|one| one.load(Relaxed)), [10, 9]);
    }

    #[test]
    fn a_trace_ends_by_number_and_by_time() {
        let (mut tracer, sink) = tracer(1, 2);
        let at = Instant::from_millis;
        assert!(tracer.is_running(at(999)) && !tracer.is_running(at(1000)));
        (0..5).for_each(|_| tracer.keep(&Journey::EMPTY));
        assert!(!tracer.is_running(at(1)));
        assert_eq!(core::iter::from_fn(|| sink.take()).count(), 2);
    }

    #[test]
    fn what_the_ring_has_no_room_for_is_counted() {
        let (mut tracer, sink) = tracer(1, 10_000);
        (0..ROOM + 7).for_each(|_| tracer.keep(&Journey::EMPTY));
        assert_eq!(sink.counts().lost.load(Relaxed), 7);
        assert_eq!(core::iter::from_fn(|| sink.take()).count(), ROOM);
    }

    #[test]
    fn packets_that_were_not_dropped_are_left_out_if_only_drops_are_wanted() {
        let dropped = Journey { drops: [Some(DropReason::NoServer), None], ..Journey::EMPTY };
        let of = |kept: Kept| [Journey::EMPTY, dropped].map(|journey| kept.has(&journey));
        assert_eq!(of(Kept::All), [true, true]);
        assert_eq!(of(Kept::Dropped), [false, true]);
        assert_eq!(of(Kept::DroppedFor(DropReason::NoServer)), [false, true]);
        assert_eq!(of(Kept::DroppedFor(DropReason::NoService)), [false, false]);
    }
}
