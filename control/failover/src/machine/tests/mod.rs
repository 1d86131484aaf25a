//! Every transition of the diagram, one after the other.

mod claiming;
mod flapping;
mod folding;
mod holding;
mod incompatible;
mod leaving;
mod listening;
mod moving;
mod reaching;
mod same_name;
mod standing_by;
mod telling;
mod timers;

use core::time::Duration;
use std::sync::Arc;

use super::{Action, Event, Machine, Notice};
use crate::damping::Damping;
use crate::heartbeat::{Fitness, Heartbeat, Identity, Incompatible, Precedence, Role, Term, Wish};
use crate::time::Instant;
use crate::timers::Timers;

const UNSYNCED: Fitness = Fitness { synced: false, ..Fitness::READY };
const NO_LINK: Fitness = Fitness { links: false, ..Fitness::READY };
const UNABLE: Fitness = Fitness { able: false, ..Fitness::READY };

fn identity(name: &str, priority: u8) -> Identity {
    Identity { priority, name: Arc::from(name), start: 0 }
}

/// A heartbeat of the peer, that is called "b".
fn peer(role: Role, term: u64) -> Heartbeat {
    Heartbeat {
        identity: identity("b", 100),
        term: Term(term),
        role,
        fitness: Fitness::READY,
        wish: Wish::None,
        hears_peer: true,
        lease: Timers::default().lease,
    }
}

/// A machine "m", whose time is told in milliseconds, and whose disk works at once if not
/// told otherwise.
struct Harness {
    machine: Machine,
    ms: u64,
    peer: Option<Heartbeat>,
}

impl Harness {
    fn new() -> Self {
        Harness::with(Timers::default())
    }

    fn with(timers: Timers) -> Self {
        let machine = Machine::new(identity("m", 100), timers, Term(4), Instant(0));
        Harness { machine, ms: 0, peer: None }
    }

    /// It stands by, and hears a peer that is active in term 5.
    fn standby() -> Self {
        Harness::standby_with(Timers::default())
    }

    fn standby_with(timers: Timers) -> Self {
        let mut harness = Harness::with(timers);
        harness.fit(Fitness::READY);
        harness.peer = Some(peer(Role::Active, 5));
        harness.run(200);
        assert_eq!(harness.machine.role(), Role::Standby);
        harness
    }

    /// It is active in term 5, and hears a peer that is ready.
    fn active() -> Self {
        let timers = Timers::default();
        let machine = Machine::resume(identity("m", 100), timers, Term(5), Instant(0));
        let mut harness = Harness { machine, ms: 0, peer: Some(peer(Role::Standby, 5)) };
        harness.run(100);
        harness
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.machine.step(event, Instant(self.ms * 1_000))
    }

    fn fit(&mut self, fitness: Fitness) -> Vec<Action> {
        self.step(Event::Fitness(fitness))
    }

    /// The peer says something that is not understood.
    fn hear_incompatible(&mut self, active: Option<bool>, precedence: Precedence) -> Vec<Action> {
        let said = Incompatible { active, precedence };
        self.step(Event::NotUnderstood { earlier: Vec::new(), said })
    }

    /// Runs for so long, while the peer says so each 10 ms.
    fn run_beside_incompatible(
        &mut self,
        ms: u64,
        active: Option<bool>,
        precedence: Precedence,
    ) -> Vec<Action> {
        self.peer = None;
        let mut all = Vec::new();
        for _ in 0..ms / 10 {
            all.extend(self.run(10));
            all.extend(self.hear_incompatible(active, precedence));
            all.extend(self.write(&all.clone()));
        }
        all
    }

    fn hear(&mut self, heartbeat: Heartbeat) -> Vec<Action> {
        self.peer = Some(heartbeat.clone());
        self.step(Event::Heard(vec![heartbeat]))
    }

    /// Runs for so long, hears the peer and ticks each 10 ms; everything that is done.
    fn run(&mut self, ms: u64) -> Vec<Action> {
        self.run_with(ms, true)
    }

    fn run_with(&mut self, ms: u64, disk: bool) -> Vec<Action> {
        let mut all = Vec::new();
        for _ in 0..ms / 10 {
            self.ms += 10;
            if let Some(heartbeat) = self.peer.clone() {
                all.extend(self.step(Event::Heard(vec![heartbeat])));
            }
            all.extend(self.step(Event::Tick));
            if disk {
                all.extend(self.write(&all.clone()));
            }
        }
        all
    }

    /// The disk writes the last term that it was to write.
    fn write(&mut self, actions: &[Action]) -> Vec<Action> {
        let written = actions.iter().rev().find_map(|action| match action {
            Action::StoreTerm(term) => Some(*term),
            _ => None,
        });
        let is_new = |term: &Term| *term > self.machine.stored;
        written.filter(is_new).map_or(Vec::new(), |term| self.step(Event::TermStored(term)))
    }

    fn silence(&mut self) {
        self.peer = None;
    }

    fn wish(&self) -> Wish {
        self.machine.wish(Instant(self.ms * 1_000))
    }
}

/// True if the actions report this to the operator.
fn reports(actions: &[Action], notice: Notice) -> bool {
    actions.contains(&Action::Report(notice))
}

/// What is done, but for heartbeats, the lease and the disk.
fn deeds(actions: &[Action]) -> Vec<Action> {
    let is_routine = |action: &Action| {
        matches!(action, Action::Send(_) | Action::Renew(_) | Action::StoreTerm(_))
    };
    actions.iter().filter(|action| !is_routine(action)).cloned().collect()
}

fn last_sent(actions: &[Action]) -> Option<&Heartbeat> {
    actions.iter().rev().find_map(|action| match action {
        Action::Send(heartbeat) => Some(heartbeat),
        _ => None,
    })
}
