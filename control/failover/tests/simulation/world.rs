//! The clock of the world, and what happens in it one after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use failover::{Action, Event, Notice, Role, Term, Timers};

use crate::faults::{Fault, PATHS};
use crate::node::{Node, Numbered};
use crate::random::Random;
use crate::rules::Rules;

/// When the last fault begins, and when all are over at the latest.
const FAULTS_END: u64 = 2_500_000;
const HEALED: u64 = 4_000_000;
/// When everything must have come to rest, and the end.
const AT_REST: u64 = 5_000_000;
const END: u64 = 5_500_000;

#[derive(Clone)]
enum Happening {
    Tick(usize, u64),
    Deliver(usize, Numbered),
    Stored(usize, u64, Term, bool),
    Drained(usize, u64),
    Synced(usize, u64),
    Begin(Fault),
    StartControl(usize, u64),
    StartDataplane(usize),
    Mend(usize, usize, u64),
    LinkUp(usize),
    DiskFree(usize),
}

/// How often what happened.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Outcome {
    claims: u64,
    dead: u64,
    handed_over: u64,
    conflicts: u64,
    stalls: u64,
    not_stored: u64,
    resumed: u64,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Outcome) {
        self.claims += other.claims;
        self.dead += other.dead;
        self.handed_over += other.handed_over;
        self.conflicts += other.conflicts;
        self.stalls += other.stalls;
        self.not_stored += other.not_stored;
        self.resumed += other.resumed;
    }

    pub(crate) fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("claims", self.claims),
            ("takeovers from the dead", self.dead),
            ("handovers", self.handed_over),
            ("conflicts", self.conflicts),
            ("stalls", self.stalls),
            ("terms that no disk took", self.not_stored),
            ("restarts within the lease", self.resumed),
        ]
    }
}

pub(crate) struct World {
    random: Random,
    now: u64,
    order: u64,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    happenings: Vec<Option<Happening>>,
    pub(crate) nodes: [Node; 2],
    /// Losses in a thousand, by sender and path.
    loss: [[u64; PATHS]; 2],
    /// Since when a path carries everything, both ways.
    pub(crate) whole_since: [u64; PATHS],
    outcome: Outcome,
}

impl World {
    pub(crate) fn new(seed: u64, timers: Timers) -> Self {
        let mut random = Random::new(seed);
        let mut clock = || random.within(0, 40_001) as i64 - 20_000;
        let (a, b) = (clock(), clock());
        let mut world = World {
            nodes: [Node::new("a", 100, a, timers), Node::new("b", 100, b, timers)],
            random,
            now: 0,
            order: 0,
            queue: BinaryHeap::new(),
            happenings: Vec::new(),
            loss: [[0; PATHS]; 2],
            whole_since: [0; PATHS],
            outcome: Outcome::default(),
        };
        for node in 0..2 {
            world.nodes[node].dataplane.up = true;
            let at = world.random.within(0, 400_000);
            world.at(at, Happening::StartControl(node, 0));
        }
        for _ in 0..world.random.within(1, 9) {
            let at = world.random.within(600_000, FAULTS_END);
            let fault = Fault::random(&mut world.random);
            world.at(at, Happening::Begin(fault));
        }
        world
    }

    fn at(&mut self, time: u64, happening: Happening) {
        self.order += 1;
        self.happenings.push(Some(happening));
        self.queue.push(Reverse((time, self.order, self.happenings.len() - 1)));
    }

    fn after(&mut self, time: u64, happening: Happening) {
        self.at(self.now + time, happening);
    }

    /// Lives through the day; the rule that was broken, if one was.
    pub(crate) fn run(mut self) -> Result<Outcome, String> {
        let mut rules = Rules::default();
        while let Some(Reverse((time, _, at))) = self.queue.pop() {
            if time > END {
                break;
            }
            self.now = time;
            let Some(happening) = self.happenings[at].take() else { continue };
            if let Some(until) = self.waits(&happening) {
                self.at(until, happening);
                continue;
            }
            self.happen(happening, &mut rules).map_err(|rule| format!("{rule} at {time} us"))?;
            rules.check(&self, time).map_err(|rule| format!("{rule} at {time} us"))?;
            if time > AT_REST {
                rules.rest(&self, time)?;
            }
        }
        Ok(self.outcome)
    }

    /// What happens to a process that stands still waits until it moves again.
    fn waits(&self, happening: &Happening) -> Option<u64> {
        let node = match happening {
            Happening::Tick(node, _)
            | Happening::Deliver(node, _)
            | Happening::Stored(node, ..)
            | Happening::Drained(node, _)
            | Happening::Synced(node, _) => *node,
            _ => return None,
        };
        let until = self.nodes[node].paused_until();
        (self.now < until).then_some(until)
    }

    fn happen(&mut self, happening: Happening, rules: &mut Rules) -> Result<(), String> {
        match happening {
            Happening::Tick(node, life) if self.lives(node, life) => {
                self.after(20_000, Happening::Tick(node, life));
                if self.nodes[node].lost_lease(self.now) {
                    self.step(node, Event::LeaseLost, rules)?;
                }
                let synced = self.nodes[node].is_synced();
                let fitness = self.nodes[node].fitness(synced);
                self.step(node, fitness, rules)?;
                self.step(node, Event::Tick, rules)
            }
            Happening::Deliver(node, numbered) => {
                if self.nodes[node].machine.is_none() || !self.nodes[node].accepts(numbered.number)
                {
                    return Ok(());
                }
                if numbered.heartbeat.role == Role::Active && self.nodes[node].is_standby() {
                    self.begin_sync(node);
                }
                rules.heard(node, &numbered.heartbeat, self.now);
                self.step(node, Event::Heard(numbered.heartbeat), rules)
            }
            Happening::Stored(node, life, term, good) if self.lives(node, life) => {
                let event = if good { Event::TermStored(term) } else { Event::TermNotStored(term) };
                self.step(node, event, rules)
            }
            Happening::Drained(node, life) if self.lives(node, life) => {
                self.step(node, Event::Drained, rules)
            }
            Happening::Synced(node, life) if self.lives(node, life) => {
                let other = &self.nodes[1 - node];
                if other.is_active(self.now) && self.nodes[node].is_standby() {
                    let fitness = self.nodes[node].fitness(true);
                    return self.step(node, fitness, rules);
                }
                Ok(())
            }
            Happening::Begin(fault) => self.begin(fault, rules),
            Happening::StartControl(node, life) if self.nodes[node].incarnation == life => {
                self.nodes[node].start(self.now);
                if self.nodes[node].machine.as_ref().is_some_and(|m| m.role() == Role::Active) {
                    self.outcome.resumed += 1;
                }
                let life = self.nodes[node].incarnation;
                self.after(0, Happening::Tick(node, life));
                Ok(())
            }
            Happening::StartDataplane(node) => {
                self.nodes[node].dataplane.up = true;
                Ok(())
            }
            Happening::Mend(from, path, loss) => {
                self.loss[from][path] = loss;
                self.whole_since[path] = self.now;
                Ok(())
            }
            Happening::LinkUp(node) => {
                self.nodes[node].links = true;
                Ok(())
            }
            Happening::DiskFree(node) => {
                self.nodes[node].disk_full = false;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lives(&self, node: usize, life: u64) -> bool {
        self.nodes[node].machine.is_some() && self.nodes[node].incarnation == life
    }

    /// The bulk transfer to a standby machine that lacks connections.
    fn begin_sync(&mut self, node: usize) {
        if !self.nodes[node].is_synced() && self.random.chance(100) {
            let (time, life) = (self.random.within(20_000, 300_000), self.nodes[node].incarnation);
            self.after(time, Happening::Synced(node, life));
        }
    }

    fn step(&mut self, node: usize, event: Event, rules: &mut Rules) -> Result<(), String> {
        let local = self.nodes[node].local(self.now);
        let synced = self.nodes[node].is_synced();
        let Some(machine) = &mut self.nodes[node].machine else { return Ok(()) };
        let actions = machine.step(event, local);
        for action in actions {
            if let Action::Claim(_) = action {
                self.outcome.claims += 1;
                rules.claimed(node, synced, self.now)?;
            }
            self.nodes[node].obey(&action, self.now);
            self.act(node, action);
        }
        Ok(())
    }

    fn act(&mut self, node: usize, action: Action) {
        let life = self.nodes[node].incarnation;
        match action {
            Action::Send(heartbeat) => {
                let numbered = self.nodes[node].number(heartbeat);
                for path in 0..PATHS {
                    self.carry(node, path, &numbered);
                }
            }
            Action::StoreTerm(term) => {
                let good = !self.nodes[node].disk_full;
                if good {
                    self.nodes[node].disk = self.nodes[node].disk.max(term);
                }
                let time = self.random.within(100, 8_000);
                self.after(time, Happening::Stored(node, life, term, good));
            }
            Action::Drain => {
                let time = self.random.within(500, 30_000);
                self.after(time, Happening::Drained(node, life));
            }
            Action::Report(notice) => self.count(notice),
            _ => {}
        }
    }

    fn carry(&mut self, from: usize, path: usize, numbered: &Numbered) {
        if self.random.chance(self.loss[from][path]) {
            return;
        }
        // Most are quick, some are overtaken, some come twice.
        let slow = if self.random.chance(50) { 4_000 } else { 400 };
        let copies = if self.random.chance(10) { 2 } else { 1 };
        for _ in 0..copies {
            let time = self.random.within(50, slow);
            self.after(time, Happening::Deliver(1 - from, numbered.clone()));
        }
    }

    fn count(&mut self, notice: Notice) {
        match notice {
            Notice::PeerDead => self.outcome.dead += 1,
            Notice::HandedOver => self.outcome.handed_over += 1,
            Notice::ConflictLost => self.outcome.conflicts += 1,
            Notice::Stalled => self.outcome.stalls += 1,
            Notice::TermNotStored => self.outcome.not_stored += 1,
            _ => {}
        }
    }

    fn begin(&mut self, fault: Fault, rules: &mut Rules) -> Result<(), String> {
        let over = |time: u64, now: u64| (now + time).min(HEALED);
        match fault {
            Fault::PauseControl(node, time) => {
                self.nodes[node].control_paused = over(time, self.now);
            }
            Fault::PauseMachine(node, time) => {
                self.nodes[node].machine_paused = over(time, self.now);
            }
            Fault::CrashControl(node, time) => self.crash_control(node, time),
            Fault::CrashDataplane(node, time) => self.crash_dataplane(node, time),
            Fault::CrashMachine(node, time) => {
                self.crash_dataplane(node, time);
                self.crash_control(node, time);
            }
            Fault::Cut(node, path, time) => self.damage(node, path, 1000, time),
            Fault::Partition(time) => {
                for path in 0..PATHS {
                    self.damage(0, path, 1000, time);
                    self.damage(1, path, 1000, time);
                }
            }
            Fault::Loss(path, permille, time) => {
                self.damage(0, path, permille, time);
                self.damage(1, path, permille, time);
            }
            Fault::LinkDown(node, time) => {
                self.nodes[node].links = false;
                self.at(over(time, self.now), Happening::LinkUp(node));
            }
            Fault::DiskFull(node, time) => {
                self.nodes[node].disk_full = true;
                self.at(over(time, self.now), Happening::DiskFree(node));
            }
            Fault::Handover(node) => {
                if self.now >= self.nodes[node].paused_until() {
                    return self.step(node, Event::Handover, rules);
                }
            }
        }
        Ok(())
    }

    fn crash_control(&mut self, node: usize, time: u64) {
        self.nodes[node].stop();
        let life = self.nodes[node].incarnation;
        self.at((self.now + time).min(HEALED), Happening::StartControl(node, life));
    }

    fn crash_dataplane(&mut self, node: usize, time: u64) {
        self.nodes[node].dataplane.crash();
        self.at((self.now + time).min(HEALED), Happening::StartDataplane(node));
    }

    fn damage(&mut self, from: usize, path: usize, permille: u64, time: u64) {
        self.loss[from][path] = permille;
        self.whole_since[path] = u64::MAX;
        self.at((self.now + time).min(HEALED), Happening::Mend(from, path, 0));
    }

    /// True if some path has carried everything for so long.
    pub(crate) fn path_whole_for(&self, time: u64) -> bool {
        self.whole_since.iter().any(|&since| since != u64::MAX && since + time <= self.now)
    }

    /// True if this machine's control process has run unpaused for so long.
    pub(crate) fn runs_for(&self, node: usize, time: u64) -> bool {
        let node = &self.nodes[node];
        node.running_since.saturating_add(time) <= self.now
            && node.paused_until() + time <= self.now
    }
}
