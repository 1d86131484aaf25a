//! The loop.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use api::{Change, Failure, FailureKind, Hold, Pair};
use config::Timing;
use failover::{Action, Event, Heartbeat, Instant, Machine, Notice, Role, Term};
use tokio::sync::{mpsc, watch};

use super::ask::{Ask, Asks};
use super::dataplane::{Answer, Dataplane};
use super::fitness::Findings;
use super::handover::{self, Waiting};
use super::measures::Measures;
use super::notice;
use super::paths::Paths;
use super::plan::{Grace, Plan};
use super::view::{self, Numbers, View};
use crate::clock::Clock;
use crate::heartbeat::{Beat, Progress};
use crate::quiet::Quiet;
use crate::sync::Report;
use crate::witness::Witness;

/// Between looks at a dataplane that brings the last connections to the peer.
const DRAIN: Duration = Duration::from_millis(2);
/// The dataplane has this long to become standby before the peer is told; it takes
/// microseconds.
const SETTLE: Duration = Duration::from_millis(3);
/// A floating address that somebody else announces is announced again so often at most.
const CONFLICT: Duration = Duration::from_secs(1);

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
    peer: Option<(Instant, Beat)>,
    grace: Grace,
    waiting: Option<Waiting>,
    last_change: Option<Change>,
    takeovers: u64,
    notices: BTreeMap<&'static str, u64>,
    /// Since when the dataplane is asked to bring the last connections to the peer.
    draining: Option<Instant>,
    conflicts: Option<u64>,
    conflict_at: Option<Instant>,
    leaving: bool,
    left_at: Option<Instant>,
    quiet: Quiet,
}

impl Driver {
    /// Runs until it was asked to leave and has left.
    pub async fn run(mut self) {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                Some(ask) = self.asks.recv() => self.answer(ask).await,
                () = readable(&self.paths, &self.dataplane) => {}
                () = tokio::time::sleep_until(self.clock.at(due)) => {}
            }
            self.turn().await;
            if self.has_left() {
                break;
            }
        }
        self.order(Hold::Release);
        self.settle().await;
    }

    fn due(&self) -> Instant {
        let tick = self.machine.next_tick();
        match self.memory.draining {
            Some(_) => tick.min(self.clock.now().plus(DRAIN)),
            None => tick,
        }
    }

    /// Takes in what has come, heartbeats first, then lets time pass.
    async fn turn(&mut self) {
        let (now, due) = (self.clock.now(), self.machine.next_tick());
        let is_due = now >= due;
        if is_due {
            self.measures.lateness.observe(now.since(due).as_secs_f64());
        }
        self.paths.open(now);
        self.dataplane.connect(now).await;
        for beat in self.paths.receive(now) {
            let heartbeat = beat.heartbeat.clone();
            self.memory.peer = Some((now, beat));
            self.step(Event::Heard(heartbeat)).await;
        }
        self.take_answers().await;
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

    async fn take_answers(&mut self) {
        for answer in self.dataplane.answers() {
            let now = self.clock.now();
            self.measures.answers.observe(now.since(answer.asked).as_secs_f64());
            if self.is_lease_lost(&answer) {
                self.step(Event::LeaseLost).await;
            }
            self.look_for_drained(&answer).await;
        }
        self.look_for_conflict().await;
    }

    fn is_lease_lost(&self, answer: &Answer) -> bool {
        let (Hold::Claim { term, .. } | Hold::Renew { term, .. }) = answer.order else {
            return false;
        };
        !answer.granted
            && self.machine.role() == Role::Active
            && self.machine.term() == Term(term)
    }

    async fn look_for_drained(&mut self, answer: &Answer) {
        let Some(since) = self.memory.draining.filter(|&since| answer.asked >= since) else {
            return;
        };
        let sync = self.dataplane.holding.as_ref().map(|holding| &holding.sync);
        let is_drained =
            sync.is_some_and(|sync| sync.state == api::SyncState::Following && sync.lag == 0);
        if is_drained && since <= answer.asked {
            self.memory.draining = None;
            self.step(Event::Drained).await;
        }
    }

    async fn look_for_conflict(&mut self) {
        let Some(count) = self.dataplane.holding.as_ref().map(|holding| holding.conflicts) else {
            // The next dataplane counts from the start.
            self.memory.conflicts = None;
            return;
        };
        let now = self.clock.now();
        let is_new = self.memory.conflicts.is_some_and(|before| count > before);
        let is_due = self.memory.conflict_at.is_none_or(|at| now.since(at) >= CONFLICT);
        if is_new && !is_due {
            return;
        }
        self.memory.conflicts = Some(count);
        if is_new {
            self.memory.conflict_at = Some(now);
            self.step(Event::Conflict).await;
        }
    }

    /// One step of the state machine, and everything that it decides.
    async fn step(&mut self, event: Event) {
        let now = self.clock.now();
        let before = self.machine.role();
        let actions = self.machine.step(event, now);
        self.memory.grace.note(&actions, self.timing.grace, now);
        for action in &actions {
            self.carry_out(action).await;
        }
        self.note_change(before, &actions);
    }

    async fn carry_out(&mut self, action: &Action) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let lease = micros(self.timing.lease);
        match action {
            Action::Send(heartbeat) => self.send(heartbeat),
            Action::StoreTerm(term) => {
                let _ = self.terms.send(*term);
            }
            Action::Claim(term) => self.order(Hold::Claim { term: term.0, lease }),
            Action::Renew(term) => self.order(Hold::Renew { term: term.0, lease }),
            // The peer hears of it only when it is so.
            Action::Release => {
                self.order(Hold::Release);
                self.settle().await;
            }
            Action::Retire => {
                self.order(Hold::Retire { grace: micros(self.timing.grace) });
                self.settle().await;
            }
            Action::Announce => self.order(Hold::Announce),
            Action::Drain => {
                self.memory.draining = Some(self.clock.now());
                self.order(Hold::Watch);
            }
            Action::Report(notice) => self.report(*notice),
        }
    }

    fn order(&mut self, order: Hold) {
        self.dataplane.order(order, self.clock.now());
    }

    /// Waits for the answer to the last order, but not long.
    async fn settle(&mut self) {
        let _ = tokio::time::timeout(SETTLE, self.dataplane.settled()).await;
    }

    fn send(&mut self, heartbeat: &Heartbeat) {
        let progress = self.dataplane.holding.as_ref().map(|holding| Progress {
            state: holding.sync.state,
            complete: holding.sync.complete,
            lag: holding.sync.lag,
        });
        self.paths.send(Beat {
            sequence: 0,
            heartbeat: heartbeat.clone(),
            progress: progress.unwrap_or_default(),
            obstacles: self.obstacles(),
        });
    }

    fn report(&mut self, notice: Notice) {
        *self.memory.notices.entry(notice::name(notice)).or_default() += 1;
        let sentence = notice::sentence(notice);
        // What comes again and again (a conflict, say) is told once in a while.
        if !notice::is_alarming(notice) {
            tracing::info!("{sentence}");
        } else if notice != Notice::AddressConflict || self.memory.quiet.may_speak(self.clock.now())
        {
            tracing::warn!("{sentence}");
        }
        if matches!(notice, Notice::HandoverFailed | Notice::NotReady) {
            self.memory.draining = None;
            if let Some(waiting) = self.memory.waiting.take() {
                waiting.answer(Err(sentence.to_owned()));
            }
        }
    }

    /// Keeps the last change of role, and why.
    fn note_change(&mut self, before: Role, actions: &[Action]) {
        let (before, to) = (view::role(before), view::role(self.machine.role()));
        if before == to {
            return;
        }
        let why = actions.iter().find_map(|action| match action {
            Action::Report(notice) => Some(notice::sentence(*notice)),
            _ => None,
        });
        let why = why.unwrap_or("tandem-control is being stopped").to_owned();
        let term = self.machine.term().0;
        tracing::info!("this machine is {to} now (term {term}): {why}");
        self.memory.draining = None;
        self.memory.takeovers += u64::from(to == api::Role::Active);
        let at = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        self.memory.last_change = Some(Change { to, at, why });
    }

    async fn step_fitness(&mut self) {
        let fitness = self.findings(|findings| findings.fitness());
        self.step(Event::Fitness(fitness)).await;
    }

    fn obstacles(&self) -> Vec<String> {
        let fitness = self.machine.fitness();
        self.findings(|findings| findings.obstacles(fitness))
    }

    /// Judges how things are.
    fn findings<T>(&self, judge: impl FnOnce(Findings<'_>) -> T) -> T {
        let now = self.clock.now();
        let trouble = self.dataplane.trouble(self.timing.lease / 2, now);
        let sync = self.sync.borrow();
        let peer = self.machine.peer(now).map(|heartbeat| heartbeat.role);
        judge(Findings {
            holding: self.dataplane.holding.as_ref(),
            trouble: trouble.as_deref(),
            role: self.machine.role(),
            peer,
            link: sync.link,
            link_trouble: sync.trouble.as_deref(),
            witness: self.witness.answers(self.last_heard(), now),
        })
    }

    fn last_heard(&self) -> Option<Instant> {
        self.memory.peer.as_ref().map(|(at, _)| *at)
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Pair(answer) => drop(answer.send(self.pair())),
            Ask::Numbers(answer) => drop(answer.send(self.numbers())),
            Ask::Failover(answer) => {
                let obstacle = match self.memory.waiting {
                    Some(_) => Some("another handover is under way".to_owned()),
                    None => handover::obstacle(&self.pair(), self.machine.role()),
                };
                if let Some(why) = obstacle {
                    let _ = answer.send(Err(Failure::new(FailureKind::NotNow, why)));
                    return;
                }
                let (role, now) = (self.machine.role(), self.clock.now());
                self.memory.waiting = Some(Waiting::new(answer, role, now));
                self.step(Event::Handover).await;
            }
            Ask::TermStored { term, stored: true } => self.step(Event::TermStored(term)).await,
            Ask::TermStored { term, stored: false } => self.step(Event::TermNotStored(term)).await,
            Ask::Witness(at) => self.witness.answered(at),
            Ask::Leave => {
                self.memory.leaving = true;
                self.step(Event::Leave).await;
            }
        }
    }

    fn end_handover(&mut self) {
        let (role, now) = (self.machine.role(), self.clock.now());
        let is_over = self.memory.waiting.as_ref().map(|w| (w.is_done(role), w.is_over(now)));
        let result = match is_over {
            Some((true, _)) => Ok(self.pair()),
            Some((false, true)) => Err(notice::sentence(Notice::HandoverFailed).to_owned()),
            _ => return,
        };
        if let Some(waiting) = self.memory.waiting.take() {
            waiting.answer(result);
        }
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

    fn pair(&self) -> Pair {
        let sync = self.sync.borrow().clone();
        let view = View {
            machine: &self.machine,
            paths: &self.paths,
            dataplane: &self.dataplane,
            peer: self.memory.peer.as_ref(),
            obstacles: self.obstacles(),
            sync: &sync,
            last_change: self.memory.last_change.as_ref(),
            takeovers: self.memory.takeovers,
            dead: self.timing.dead,
            now: self.clock.now(),
        };
        view.pair()
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            pair: self.pair(),
            holding: self.dataplane.holding.clone(),
            notices: self.memory.notices.iter().map(|(name, count)| (*name, *count)).collect(),
        }
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
