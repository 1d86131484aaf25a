//! Two machines, small enough to look at everything that can happen to them.

use std::sync::Arc;
use std::time::Duration;

use failover::{
    Action, Damping, Event, Fitness, Heartbeat, Identity, Incompatible, Instant, Machine, Notice,
    Precedence, Reach, Role, Term, Timers,
};

pub(crate) use crate::happening::{Budget, Flaw, Happening};
use crate::words::{WAIT, Words};

/// The dead interval in steps; a step is one heartbeat interval.
pub(crate) const DEAD: u64 = 4;
const LEASE: u64 = 3;
const STEP: Duration = Duration::from_millis(1);
/// A single loss damps, and a few steps end it, so that the search sees both.
const ONE_LOSS: Damping = Damping {
    half_life: Duration::from_millis(2),
    suppress: 500,
    reuse: 250,
    longest: Duration::from_millis(4),
};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Node {
    machine: Option<Machine>,
    paused: bool,
    /// True if this machine has ticked in this step.
    ticked: bool,
    pub(crate) dataplane: bool,
    lease: Option<(Instant, Term)>,
    pub(crate) complete: bool,
    links: bool,
    /// True if the gateway answers this machine.
    reaches: bool,
    asking: bool,
    pub(crate) disk: Term,
    writing: Option<Term>,
    draining: bool,
    /// The newest heartbeat to this machine that has not arrived, and since when there is
    /// one.
    inbox: Option<(u64, Heartbeat)>,
    /// The last heartbeat that arrived was of one that has no role and all connections.
    pub(crate) defers: bool,
    last_step: Instant,
}

impl Node {
    pub(crate) fn role(&self) -> Option<Role> {
        self.machine.as_ref().map(Machine::role)
    }

    pub(crate) fn runs(&self) -> bool {
        self.machine.is_some() && !self.paused && self.role() != Some(Role::Leaving)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Pair {
    pub(crate) now: u64,
    pub(crate) nodes: [Node; 2],
    budget: Budget,
    flaw: Flaw,
    pub(crate) words: Words,
    pub(crate) lost: u8,
    last_fault: u64,
    pub(crate) both_since: Option<u64>,
    pub(crate) nobody_since: Option<u64>,
    /// What the last event claimed: the machine, the term, and whether it had all connections.
    pub(crate) claimed: Option<(usize, Term, bool)>,
    pub(crate) notices: Vec<Notice>,
}

impl Pair {
    pub(crate) fn at_start(budget: Budget, flaw: Flaw, words: Words) -> Self {
        let node = Node {
            machine: None,
            paused: false,
            ticked: false,
            dataplane: true,
            lease: None,
            complete: false,
            links: true,
            reaches: true,
            asking: false,
            disk: Term(0),
            writing: None,
            draining: false,
            inbox: None,
            defers: false,
            last_step: Instant(0),
        };
        let mut pair = Pair {
            now: 0,
            nodes: [node.clone(), node],
            budget,
            flaw,
            words,
            lost: 0,
            last_fault: 0,
            both_since: None,
            nobody_since: None,
            claimed: None,
            notices: Vec::new(),
        };
        pair.start(0);
        pair.start(1);
        pair
    }

    /// Nothing has gone wrong until one is active and the other stands by.
    pub(crate) fn at_rest(budget: Budget, flaw: Flaw, words: Words) -> Self {
        let quiet = Budget { faults: 0, losses: 0, hops: 0, until: u64::MAX };
        let mut pair = Pair::at_start(quiet, flaw, words);
        while pair.now < 2 * DEAD + words.wait() {
            for happening in [Happening::Tick(0), Happening::Tick(1)] {
                pair.happen(happening);
            }
            while let Some(&next) = pair.choices().iter().find(|h| **h != Happening::Advance) {
                pair.happen(next);
            }
            pair.happen(Happening::Advance);
        }
        let until = pair.now + budget.until;
        Pair { budget: Budget { until, ..budget }, ..pair }
    }

    fn local(&self) -> Instant {
        Instant(0).plus(STEP * self.now as u32)
    }

    pub(crate) fn is_active(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.dataplane && node.lease.is_some_and(|(until, _)| self.local() < until)
    }

    pub(crate) fn calm_for(&self, steps: u64) -> bool {
        self.now >= self.last_fault + steps
    }

    /// All events that can happen next.
    pub(crate) fn choices(&self) -> Vec<Happening> {
        let mut choices = Vec::new();
        for at in 0..2 {
            self.choices_of(at, &mut choices);
        }
        // Nothing that runs is later than one step, and no heartbeat either.
        let in_time = self.nodes.iter().all(|node| {
            let arrives = node.inbox.as_ref().is_none_or(|(sent, _)| *sent == self.now);
            let done = node.ticked && arrives && node.writing.is_none();
            node.machine.is_none() || node.paused || done
        });
        if in_time && self.now < self.budget.until {
            choices.push(Happening::Advance);
        }
        choices
    }

    fn choices_of(&self, at: usize, choices: &mut Vec<Happening>) {
        let node = &self.nodes[at];
        let mut offer = |may: bool, happening| {
            if may {
                choices.push(happening);
            }
        };
        let fault = self.budget.faults > 0;
        let hops = self.budget.hops > 0;
        let there = node.machine.is_some();
        let runs = there && !node.paused;
        let active = node.role() == Some(Role::Active);
        // What waits in the socket is taken in before anything else.
        let waits = node.inbox.as_ref().is_some_and(|(sent, _)| *sent < self.now);
        offer(runs && !node.ticked && !waits, Happening::Tick(at));
        offer(runs && node.inbox.is_some(), Happening::Deliver(at));
        offer(self.budget.losses > 0 && node.inbox.is_some(), Happening::Lose(at));
        offer(runs && node.writing.is_some() && !waits, Happening::Written(at));
        offer(runs && node.draining && !waits, Happening::Drained(at));
        offer(!there, Happening::Start(at));
        offer(there && node.paused, Happening::Resume(at));
        offer(fault && there, Happening::Crash(at));
        offer(fault && runs, Happening::Pause(at));
        offer(fault && node.dataplane, Happening::CrashDataplane(at));
        offer(fault && node.links && active, Happening::LinkDown(at));
        offer(!node.links, Happening::LinkUp(at));
        offer(hops && node.reaches && active, Happening::HopLost(at));
        offer(hops && !node.reaches, Happening::HopBack(at));
        offer(runs && node.asking && !waits, Happening::Asked(at));
        offer(fault && runs && active && !waits, Happening::Handover(at));
        offer(fault && runs && node.role() != Some(Role::Leaving), Happening::Leave(at));
    }

    pub(crate) fn happen(&mut self, happening: Happening) {
        self.claimed = None;
        self.notices.clear();
        self.pay(happening);
        match happening {
            Happening::Tick(at) => self.tick(at),
            Happening::Deliver(at) => self.deliver(at),
            Happening::Lose(at) => self.nodes[at].inbox = None,
            Happening::Written(at) => self.written(at),
            Happening::Drained(at) => {
                self.nodes[at].draining = false;
                self.step(at, Event::Drained);
            }
            Happening::Crash(at) => {
                let node = &mut self.nodes[at];
                (node.machine, node.paused) = (None, false);
                (node.writing, node.draining, node.inbox) = (None, false, None);
                node.asking = false;
            }
            Happening::Start(at) => self.start(at),
            Happening::Pause(at) => self.nodes[at].paused = true,
            Happening::Resume(at) => self.nodes[at].paused = false,
            Happening::CrashDataplane(at) => {
                let node = &mut self.nodes[at];
                (node.dataplane, node.lease, node.complete) = (false, None, false);
            }
            Happening::LinkDown(at) => self.nodes[at].links = false,
            Happening::LinkUp(at) => self.nodes[at].links = true,
            Happening::HopLost(at) => self.nodes[at].reaches = false,
            Happening::HopBack(at) => self.nodes[at].reaches = true,
            Happening::Asked(at) => {
                self.nodes[at].asking = false;
                self.fit(at);
                self.step(at, Event::Probed);
            }
            Happening::Handover(at) => self.step(at, Event::Handover),
            Happening::Leave(at) => self.step(at, Event::Leave),
            Happening::Advance => {
                self.now += 1;
                self.nodes.iter_mut().for_each(|node| node.ticked = false);
            }
        }
    }

    fn pay(&mut self, happening: Happening) {
        match happening {
            Happening::Lose(_) => {
                self.budget.losses -= 1;
                self.lost += 1;
                self.last_fault = self.now;
            }
            Happening::Crash(_)
            | Happening::Pause(_)
            | Happening::CrashDataplane(_)
            | Happening::LinkDown(_)
            | Happening::Handover(_)
            | Happening::Leave(_) => {
                self.budget.faults -= 1;
                self.last_fault = self.now;
            }
            Happening::HopLost(_) | Happening::HopBack(_) => {
                self.budget.hops -= 1;
                self.last_fault = self.now;
            }
            // What went wrong is not over before these.
            Happening::Start(_) | Happening::Resume(_) => self.last_fault = self.now,
            _ => {}
        }
    }

    fn tick(&mut self, at: usize) {
        let active = self.is_active(at);
        let node = &mut self.nodes[at];
        node.ticked = true;
        if node.role() == Some(Role::Active) && node.dataplane && !active {
            self.step(at, Event::LeaseLost);
        }
        self.fit(at);
        // Down for the one tick that finds it so.
        self.nodes[at].dataplane = true;
        self.step(at, Event::Tick);
    }

    fn fit(&mut self, at: usize) {
        let node = &self.nodes[at];
        let fitness = Fitness {
            able: node.dataplane,
            links: node.links,
            synced: node.complete || self.flaw == Flaw::LiesAboutSync,
            witness: None,
            reach: [Reach { set: 1, asked: 1, answering: u16::from(node.reaches) }, Reach::UNKNOWN],
        };
        self.step(at, Event::Fitness(fitness));
    }

    /// Connections come with the heartbeats of an active machine, but not before the next
    /// one.
    fn deliver(&mut self, at: usize) {
        let Some((_, heartbeat)) = self.nodes[at].inbox.take() else { return };
        let other = &self.nodes[1 - at];
        self.nodes[at].defers = matches!(heartbeat.role, Role::Listening | Role::Standby)
            && heartbeat.fitness.able
            && heartbeat.fitness.synced
            && other.complete
            && other.runs();
        let follows =
            heartbeat.role == Role::Active && self.nodes[at].role() == Some(Role::Standby);
        if let Some(precedence) = self.words.precedence(at) {
            return self.misunderstand(at, heartbeat.role == Role::Active, precedence);
        }
        self.step(at, Event::Heard(vec![heartbeat]));
        if follows && self.nodes[at].dataplane && self.nodes[at].role() == Some(Role::Standby) {
            self.nodes[at].complete = true;
        }
    }

    /// Nothing is copied from a machine that is not understood.
    fn misunderstand(&mut self, at: usize, active: bool, precedence: Precedence) {
        self.nodes[at].complete &= !active || self.nodes[at].role() == Some(Role::Active);
        if self.flaw != Flaw::IsDeaf {
            let said = Incompatible { active: Some(active), precedence };
            self.step(at, Event::NotUnderstood { earlier: Vec::new(), said });
        }
    }

    fn written(&mut self, at: usize) {
        let Some(term) = self.nodes[at].writing.take() else { return };
        if self.flaw != Flaw::LiesAboutDisk {
            self.nodes[at].disk = self.nodes[at].disk.max(term);
        }
        self.step(at, Event::TermStored(term));
    }

    fn start(&mut self, at: usize) {
        let (local, holds) = (self.local(), self.is_active(at));
        let node = &mut self.nodes[at];
        let names = if self.words == Words::OneName { ["a", "a"] } else { ["a", "b"] };
        let start = if self.flaw == Flaw::DrawsNoNumber { 0 } else { at as u128 };
        let identity = Identity { priority: 100, name: Arc::from(names[at]), start };
        let timers = Timers {
            interval: STEP,
            dead: STEP * DEAD as u32,
            lease: STEP * LEASE as u32,
            preempt: None,
            handover: STEP * WAIT as u32,
            confirm: STEP,
            resolve: STEP * DEAD as u32,
            negotiate: Duration::ZERO,
            damping: ONE_LOSS,
        };
        node.last_step = local;
        node.machine = Some(match node.lease {
            Some((_, term)) if holds => Machine::resume(identity, timers, term, local),
            _ => Machine::new(identity, timers, node.disk, local),
        });
    }

    fn step(&mut self, at: usize, event: Event) {
        let local = self.local();
        let node = &mut self.nodes[at];
        let Some(machine) = &mut node.machine else { return };
        let mut actions = Vec::new();
        while self.flaw == Flaw::CatchesUp && node.last_step.plus(STEP) < local {
            node.last_step = node.last_step.plus(STEP);
            actions.extend(machine.step(Event::Tick, node.last_step));
        }
        node.last_step = local;
        actions.extend(machine.step(event, local));
        for action in actions {
            self.act(at, action);
        }
    }

    fn act(&mut self, at: usize, action: Action) {
        let lease = if self.flaw == Flaw::LongLease { 2 * DEAD } else { LEASE };
        let (until, holds) = (self.local().plus(STEP * lease as u32), self.is_active(at));
        let node = &mut self.nodes[at];
        match action {
            Action::Send(heartbeat) => {
                // One that overtakes another takes its place, and is due no later.
                let due = self.nodes[1 - at].inbox.as_ref().map_or(self.now, |(sent, _)| *sent);
                self.nodes[1 - at].inbox = Some((due, heartbeat));
            }
            Action::StoreTerm(term) => node.writing = Some(term),
            Action::Claim(term) if node.dataplane => {
                self.claimed = Some((at, term, node.complete));
                node.lease = Some((until, term));
                node.complete = true;
            }
            Action::Renew(term) if holds => node.lease = Some((until, term)),
            Action::Release | Action::Retire => node.lease = None,
            Action::Drain => node.draining = true,
            Action::Probe => node.asking = true,
            Action::Report(notice) => self.notices.push(notice),
            _ => {}
        }
    }
}
