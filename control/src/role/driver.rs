//! The loop.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Change, Hold};
use config::Timing;
use failover::{Event, Instant, Machine, Role, Term};
use tokio::sync::{mpsc, watch};

use super::ask::{Ask, Asks};
use super::dataplane::Dataplane;
use super::fitness::Copied;
use super::handover::Waiting;
use super::measures::Measures;
use super::paths::{Paths, Received};
use super::plan::{Grace, Plan};
use super::view;
use super::warnings::Warnings;
use crate::clock::Clock;
use crate::heartbeat::HeartbeatPayload;
use crate::log_limiter::LogLimiter;
use crate::sync::Report;
use crate::witness::Witness;

/// Between looks at a dataplane that brings the last connections to the peer.
const DRAIN: Duration = Duration::from_millis(2);

/// Before more is read from a path that is flooded.
const FLOODED: Duration = Duration::from_millis(1);

/// Runs the state machine of this machine.
pub struct Driver {
    pub(super) clock: Clock,
    pub(super) timing: Timing,
    pub(super) machine: Machine,
    pub(super) paths: Paths,
    pub(super) dataplane: Dataplane,
    pub(super) asks: Asks,
    pub(super) terms: mpsc::UnboundedSender<Term>,
    pub(super) plan: watch::Sender<Plan>,
    pub(super) sync: watch::Receiver<Report>,
    pub(super) measures: Arc<Measures>,
    pub(super) witness: Witness,
    pub(super) memory: Memory,
}

/// What the driver remembers from turn to turn.
#[derive(Default)]
pub(super) struct Memory {
    /// Its last heartbeat that was understood.
    pub(super) peer: Option<(Instant, HeartbeatPayload)>,
    /// When the peer proved the last time that it lives, understood or not.
    pub(super) heard: Option<Instant>,
    pub(super) grace: Grace,
    pub(super) waiting: Option<Waiting>,
    pub(super) last_change: Option<Change>,
    pub(super) takeovers: u64,
    pub(super) notices: BTreeMap<&'static str, u64>,
    /// The dataplane is bringing the last connections to the peer.
    pub(super) draining: Option<Draining>,
    /// The dataplane is asking every next hop.
    pub(super) probing: Option<Draining>,
    /// What the peer reaches and this machine does not, since the role is offered for it.
    pub(super) outreached: Option<String>,
    pub(super) conflicts: Option<u64>,
    pub(super) conflict_at: Option<Instant>,
    pub(super) leaving: bool,
    pub(super) left_at: Option<Instant>,
    pub(super) limiter: LogLimiter,
    /// Why the dataplane cannot forward.
    pub(super) unable: Option<String>,
    /// What is wrong with what the peer says, as it was told.
    pub(super) warnings: Warnings,
    /// Whether this machine has the peer's connections.
    pub(super) copied: Copied,
}

/// An order to drain, or to ask next hops, on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Draining {
    /// Its number is not known yet.
    Ordered,
    /// It is done when the dataplane has done the order of this number.
    Until(u64),
}

impl Driver {
    /// Runs until it was asked to leave and has left.
    pub async fn run(mut self) {
        loop {
            let due = self.due();
            let mut ask = None;
            tokio::select! {
                biased;
                Some(asked) = self.asks.recv() => ask = Some(asked),
                () = readable(&self.paths, &self.dataplane) => {}
                () = tokio::time::sleep_until(self.clock.at(due)) => {}
            }
            self.turn(ask).await;
            if self.has_left() {
                break;
            }
        }
        self.order(Hold::Release);
        self.settle().await;
    }

    fn due(&self) -> Instant {
        let tick = self.machine.next_tick();
        let soon = |pause| tick.min(self.clock.now().plus(pause));
        match (self.paths.is_flooded(), self.memory.draining) {
            (true, _) => soon(FLOODED),
            (false, Some(_)) => soon(DRAIN),
            (false, None) => tick,
        }
    }

    /// Takes in what has come, heartbeats first, then lets time pass.
    async fn turn(&mut self, ask: Option<Ask>) {
        let (now, due) = (self.clock.now(), self.machine.next_tick());
        let is_due = now >= due;
        if is_due {
            self.measures.lateness.observe(now.since(due).as_secs_f64());
        }
        self.paths.open(now);
        self.dataplane.connect(now).await;
        self.listen(now).await;
        self.take_answers().await;
        if let Some(ask) = ask {
            self.answer(ask).await;
        }
        self.step_fitness().await;
        if is_due {
            self.step(Event::Tick).await;
        }
        // An active machine has asked with its renewal.
        if self.dataplane.outstanding() == 0 && (is_due || self.memory.draining.is_some()) {
            self.order(Hold::Watch);
        }
        self.end_handover();
        self.publish_plan();
    }

    async fn listen(&mut self, now: Instant) {
        let Received { payloads, not_understood } = self.paths.receive(now);
        // Rarely, and not by itself, this start is made another.
        self.machine.set_start(self.paths.own_start());
        let heard: Vec<_> = payloads.iter().map(|payload| payload.heartbeat.clone()).collect();
        if let Some(newest) = payloads.into_iter().last() {
            self.compare(&newest);
            self.memory.peer = Some((now, newest));
        }
        if not_understood.is_some() || !heard.is_empty() {
            self.memory.heard = Some(now);
        }
        match not_understood {
            Some(said) => self.step(Event::NotUnderstood { earlier: heard, said }).await,
            None if !heard.is_empty() => self.step(Event::Heard(heard)).await,
            None => {}
        }
        self.warn_of_incompatible(now);
    }

    /// It has told the peer a few times, and nothing reaches it any more.
    fn has_left(&mut self) -> bool {
        if !self.memory.leaving || self.machine.role() != Role::Leaving {
            return false;
        }
        let now = self.clock.now();
        let since = *self.memory.left_at.get_or_insert(now);
        now.since(since) >= self.timing.interval * 3 && !self.memory.grace.is_retiring(now)
    }

    fn publish_plan(&self) {
        let now = self.clock.now();
        let peer = self.machine.peer(now).map(|heartbeat| heartbeat.role);
        let (import, export) = self.memory.grace.directions(self.machine.role(), peer, now);
        let is_up = |path| view::is_up(path, self.timing.dead, now);
        let plan = Plan { import, export, paths_up: self.paths.iter().map(is_up).collect() };
        self.plan.send_if_modified(|before| {
            let is_new = *before != plan;
            *before = plan;
            is_new
        });
        self.witness.watch(self.last_heard(), now);
    }
}

/// Ready when a heartbeat or an answer of the dataplane may have come.
async fn readable(paths: &Paths, dataplane: &Dataplane) {
    poll_fn(|context| {
        let is_ready = paths.poll_readable(context).is_ready();
        if dataplane.poll_readable(context).is_ready() || is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
