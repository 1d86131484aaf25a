//! The clock of the world, and what happens in it one after the other.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use failover::{Event, Incompatible, Precedence, Role, Term};

use crate::faults::Fault;
use crate::network::Network;
use crate::next_hops::{DETECTION, Lost};
use crate::node::{Node, Numbered};
use crate::outcome::Outcome;
use crate::random::Random;
use crate::rules::Rules;
use crate::setting::{Flaw, Setting};

/// When the first fault begins, when the last does, and when all are over at the latest.
const FAULTS_BEGIN: u64 = 600_000;
const FAULTS_END: u64 = 2_200_000;
pub(crate) const HEALED: u64 = 3_400_000;
/// When everything must have come to rest, and the end.
const AT_REST: u64 = 4_600_000;
const END: u64 = 5_000_000;

pub(crate) enum Happening {
    Tick(usize, u64),
    Deliver(usize, Numbered),
    Stored {
        node: usize,
        life: u64,
        boot: u64,
        term: Term,
    },
    Said(usize, u64, Term),
    NotStored(usize, u64, Term),
    Drained(usize, u64),
    Synced(usize, u64, Term),
    /// The dataplane finds that other next hops answer than before.
    Look {
        node: usize,
        dataplane: u64,
    },
    /// It has asked all of them, by this order.
    Asked {
        node: usize,
        life: u64,
        dataplane: u64,
        order: u64,
    },
    Begin(usize, Fault),
    StartControl(usize, u64),
}

struct Due {
    time: u64,
    order: u64,
    happening: Happening,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.order).cmp(&(other.time, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

pub(crate) struct World {
    pub(crate) setting: Setting,
    pub(crate) random: Random,
    pub(crate) now: u64,
    order: u64,
    queue: BinaryHeap<Reverse<Due>>,
    pub(crate) nodes: [Node; 2],
    pub(crate) network: Network,
    /// Next hops that answer neither machine.
    pub(crate) dead: [Lost; 2],
    pub(crate) rules: Rules,
    pub(crate) outcome: Outcome,
    /// True if the world prints what happens as it happens.
    pub(crate) tells: bool,
}

impl World {
    /// A pair that is started, and to which nothing happens.
    pub(crate) fn calm(seed: u64, setting: Setting) -> Self {
        let mut random = Random::new(seed);
        let mut clock = || random.within(0, 40_001) as i64 - 20_000;
        let (a, b) = (clock(), clock());
        let mut world = World {
            nodes: [Node::new(0, a, setting), Node::new(1, b, setting)],
            setting,
            random,
            now: 0,
            order: 0,
            queue: BinaryHeap::new(),
            network: Network::new(),
            dead: [Lost::default(); 2],
            rules: Rules::of(setting),
            outcome: Outcome::default(),
            tells: std::env::var_os("TANDEM_TELL").is_some(),
        };
        for node in 0..2 {
            let at = world.random.within(0, 400_000);
            world.at(at, Happening::StartControl(node, 0));
            world.look_from(0, node);
        }
        world
    }

    /// A pair that has a bad day.
    pub(crate) fn bad(seed: u64, setting: Setting) -> Self {
        let mut world = World::calm(seed, setting);
        for _ in 0..world.random.within(1, 9) {
            let at = world.random.within(FAULTS_BEGIN, FAULTS_END);
            let node = world.random.within(0, 2) as usize;
            let fault = Fault::random(&mut world.random);
            world.at(at, Happening::Begin(node, fault));
        }
        world
    }

    /// Lives through a bad day; the rule that was broken, if one was.
    pub(crate) fn run(mut self) -> Result<Outcome, String> {
        self.run_until(AT_REST)?;
        while self.now < END {
            self.run_until(self.now + 50_000)?;
            self.rules.rest(&self.nodes, self.now)?;
        }
        Ok(self.outcome)
    }

    pub(crate) fn run_until(&mut self, end: u64) -> Result<(), String> {
        while let Some(Reverse(due)) = self.queue.pop() {
            if due.time > end {
                self.queue.push(Reverse(due));
                break;
            }
            self.now = due.time;
            if let Some(until) = self.waits(&due.happening) {
                self.at(until, due.happening);
                continue;
            }
            let now = self.now;
            self.happen(due.happening)
                .and_then(|()| self.rules.check(&self.nodes, &self.network, &self.dead, now))
                .map_err(|rule| format!("{rule}, at {now} us"))?;
        }
        self.now = end;
        Ok(())
    }

    pub(crate) fn at(&mut self, time: u64, happening: Happening) {
        self.order += 1;
        self.queue.push(Reverse(Due { time, order: self.order, happening }));
    }

    pub(crate) fn after(&mut self, time: u64, happening: Happening) {
        self.at(self.now + time, happening);
    }

    /// What happens to a process that stands still waits until it moves again.
    fn waits(&self, happening: &Happening) -> Option<u64> {
        let until = match happening {
            Happening::Tick(node, _)
            | Happening::Deliver(node, _)
            | Happening::Said(node, ..)
            | Happening::NotStored(node, ..)
            | Happening::Drained(node, _)
            | Happening::Asked { node, .. }
            | Happening::Synced(node, ..) => self.nodes[*node].paused_until(),
            // A disk needs no process to finish a write.
            Happening::Stored { node, .. } | Happening::Look { node, .. } => {
                self.nodes[*node].machine_paused
            }
            Happening::Begin(..) | Happening::StartControl(..) => return None,
        };
        (self.now < until).then_some(until)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Tick(node, life) if self.lives(node, life) => self.tick(node, life),
            Happening::Deliver(node, numbered) => self.deliver(node, numbered),
            Happening::Stored { node, life, boot, term } => {
                self.stored(node, life, boot, term);
                Ok(())
            }
            Happening::Said(node, life, term) if self.lives(node, life) => {
                self.step(node, Event::TermStored(term))
            }
            Happening::NotStored(node, life, term) if self.lives(node, life) => {
                self.step(node, Event::TermNotStored(term))
            }
            Happening::Drained(node, life) if self.lives(node, life) => {
                self.step(node, Event::Drained)
            }
            Happening::Synced(node, life, term) => self.synced(node, life, term),
            Happening::Look { node, dataplane } => {
                self.look(node, dataplane);
                Ok(())
            }
            Happening::Asked { node, life, dataplane, order } if self.lives(node, life) => {
                self.asked(node, dataplane, order)
            }
            Happening::Begin(node, fault) => self.begin(node, fault),
            Happening::StartControl(node, life) if self.nodes[node].life == life => {
                self.start(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lives(&self, node: usize, life: u64) -> bool {
        self.nodes[node].machine.is_some() && self.nodes[node].life == life
    }

    fn start(&mut self, node: usize) {
        // Not of the same generator: the worlds of earlier seeds stay as they were.
        let number = self.now.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (node as u64);
        self.nodes[node].start(self.now, number);
        self.outcome.resumed += u64::from(self.nodes[node].role() == Some(Role::Active));
        self.after(0, Happening::Tick(node, self.nodes[node].life));
    }

    fn tick(&mut self, node: usize, life: u64) -> Result<(), String> {
        if self.nodes[node].lost_lease(self.now) {
            self.step(node, Event::LeaseLost)?;
        }
        let fitness = self.nodes[node].fitness(self.now);
        self.step(node, Event::Fitness(fitness))?;
        self.step(node, Event::Tick)?;
        if self.goes(node) {
            return Ok(());
        }
        let local = self.nodes[node].local(self.now);
        let next = self.nodes[node].machine.as_ref().map(|machine| machine.next_tick());
        let lateness = self.random.within(0, 1_000);
        let wait = next.map_or(0, |next| next.since(local).as_micros() as u64);
        self.after(wait.max(500) + lateness, Happening::Tick(node, life));
        Ok(())
    }

    /// Which next hops answer a machine changes then; it finds out some time later.
    pub(crate) fn look_from(&mut self, time: u64, node: usize) {
        let at = time + self.random.within(100_000, DETECTION);
        let dataplane = self.nodes[node].dataplane.life;
        self.at(at, Happening::Look { node, dataplane });
    }

    fn look(&mut self, node: usize, dataplane: u64) {
        if self.nodes[node].dataplane.life == dataplane {
            let (dead, now) = (self.dead, self.now);
            self.nodes[node].next_hops.look(&dead, now);
        }
    }

    fn asked(&mut self, node: usize, dataplane: u64, order: u64) -> Result<(), String> {
        let is_last = self.nodes[node].next_hops.orders == order;
        if !is_last || self.nodes[node].dataplane.life != dataplane {
            return Ok(());
        }
        if self.setting.flaw != Flaw::AsksNobody {
            self.look(node, dataplane);
        }
        let fitness = self.nodes[node].fitness(self.now);
        self.step(node, Event::Fitness(fitness))?;
        self.step(node, Event::Probed)
    }

    /// A machine that has left says so three times, and is gone.
    fn goes(&mut self, node: usize) -> bool {
        let leaver = &mut self.nodes[node];
        leaver.ticks_left += u64::from(leaver.role() == Some(Role::Leaving));
        let goes = leaver.ticks_left > 3;
        if goes {
            self.outcome.left += 1;
            let time = self.nodes[node].leaves_for;
            self.crash_machine(node, time);
        }
        goes
    }

    /// What waited together, as after a pause, is taken in together.
    fn deliver(&mut self, node: usize, first: Numbered) -> Result<(), String> {
        let mut waiting = vec![first];
        waiting.extend(self.arrived(node));
        waiting.sort_by_key(|numbered| numbered.number);
        waiting.retain(|numbered| self.nodes[node].accepts(numbered));
        if waiting.is_empty() {
            return Ok(());
        }
        let is_higher = self.nodes[1 - node].identity().start > self.nodes[node].identity().start;
        if let Some(precedence) = self.setting.words.precedence(node, is_higher) {
            return self.misunderstand(node, &waiting, precedence);
        }
        let heard = waiting.iter().map(|numbered| numbered.heartbeat.clone()).collect();
        self.step(node, Event::Heard(heard))?;
        for numbered in &waiting {
            if let Some(term) = self.nodes[node].lacks(&numbered.heartbeat, self.now) {
                let time = self.random.within(20_000, 300_000);
                self.after(time, Happening::Synced(node, self.nodes[node].life, term));
            }
        }
        Ok(())
    }

    /// The newest counts; of it only that much is understood whether its sender is active.
    fn misunderstand(
        &mut self,
        node: usize,
        waiting: &[Numbered],
        precedence: Precedence,
    ) -> Result<(), String> {
        let Some(newest) = waiting.last() else { return Ok(()) };
        let active = newest.heartbeat.role == Role::Active;
        self.nodes[node].misunderstand(active);
        if self.setting.flaw == Flaw::IsDeafToOthers {
            return Ok(());
        }
        let said = Incompatible { active: Some(active), precedence };
        self.step(node, Event::NotUnderstood { earlier: Vec::new(), said })
    }

    /// The other heartbeats that reach a machine at this time.
    fn arrived(&mut self, node: usize) -> Vec<Numbered> {
        let (mut arrived, mut others) = (Vec::new(), Vec::new());
        while self.queue.peek().is_some_and(|Reverse(due)| due.time == self.now) {
            match self.queue.pop() {
                Some(Reverse(Due { happening: Happening::Deliver(to, numbered), .. }))
                    if to == node =>
                {
                    arrived.push(numbered);
                }
                other => others.extend(other),
            }
        }
        self.queue.extend(others);
        arrived
    }

    /// The term is on disk, and the process will hear of it.
    fn stored(&mut self, node: usize, life: u64, boot: u64, term: Term) {
        if self.nodes[node].boots == boot {
            self.nodes[node].disk = self.nodes[node].disk.max(term);
            self.after(0, Happening::Said(node, life, term));
        }
    }

    /// The bulk transfer is over: of use if the same machine is active still.
    fn synced(&mut self, node: usize, life: u64, term: Term) -> Result<(), String> {
        if !self.lives(node, life) || self.nodes[node].syncing != Some(term) {
            return Ok(());
        }
        self.nodes[node].syncing = None;
        let other = &self.nodes[1 - node];
        let ends = self.setting.flaw != Flaw::NeverSyncs;
        let serves = ends && other.is_active(self.now) && other.dataplane.term == term;
        if serves
            && self.nodes[node].role() == Some(Role::Standby)
            && self.nodes[node].is_up(self.now)
        {
            self.nodes[node].dataplane.complete = Some(term);
            let fitness = self.nodes[node].fitness(self.now);
            return self.step(node, Event::Fitness(fitness));
        }
        Ok(())
    }
}
