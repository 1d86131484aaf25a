//! One machine: its control process, its dataplane, its disk, its clock.

use std::sync::Arc;

use failover::{
    Action, Event, Fitness, Heartbeat, Identity, Instant, Machine, Reach, Role, Term, Timers,
};

use crate::dataplane::SimulatedDataplane;
use crate::next_hops::NextHops;
use crate::setting::{Flaw, Setting, Words};

pub(crate) struct Node {
    identity: Identity,
    timers: Timers,
    setting: Setting,
    /// `None` while the process is not there.
    pub(crate) machine: Option<Machine>,
    pub(crate) dataplane: SimulatedDataplane,
    /// The dataplane's life that the process knows of.
    seen_life: u64,
    pub(crate) disk: Term,
    /// Counts boots: what was not on disk by then never gets there.
    pub(crate) boots: u64,
    /// Parts in a million that the clock runs faster than the world's.
    clock: i64,
    /// The process, or the whole machine, stands still until then.
    pub(crate) control_paused: u64,
    pub(crate) machine_paused: u64,
    pub(crate) links_down: [u64; 2],
    pub(crate) next_hops: NextHops,
    pub(crate) disk_full: u64,
    pub(crate) disk_slow: u64,
    pub(crate) witness_lost: u64,
    /// Counts starts of the process; what belongs to an earlier one is void.
    pub(crate) life: u64,
    sent: u64,
    /// The newest heartbeat taken in: life and number of its sender.
    heard: (u64, u64),
    /// The process has heard the other machine since it started.
    pub(crate) knows_peer: bool,
    /// When the process was started.
    pub(crate) running_since: u64,
    last_step: Instant,
    /// The bulk transfer of this term's connections is on its way.
    pub(crate) syncing: Option<Term>,
    /// How long the machine stays away once it has left, and its ticks since it said so.
    pub(crate) leaves_for: u64,
    pub(crate) ticks_left: u64,
}

/// A heartbeat on its way, numbered as the real transport numbers it.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) number: (u64, u64),
    pub(crate) heartbeat: Heartbeat,
}

impl Node {
    pub(crate) fn new(index: usize, clock: i64, setting: Setting) -> Self {
        let names = if setting.words == Words::OneName { ["a", "a"] } else { ["a", "b"] };
        let name = Arc::from(names[index]);
        Node {
            identity: Identity { priority: setting.priorities[index], name, start: 0 },
            timers: setting.timers_of(index),
            setting,
            machine: None,
            dataplane: SimulatedDataplane::new(index, setting),
            seen_life: 0,
            disk: Term(0),
            boots: 0,
            clock,
            control_paused: 0,
            machine_paused: 0,
            links_down: [0; 2],
            next_hops: NextHops::default(),
            disk_full: 0,
            disk_slow: 0,
            witness_lost: 0,
            life: 0,
            sent: 0,
            heard: (0, 0),
            knows_peer: false,
            running_since: u64::MAX,
            last_step: Instant(0),
            syncing: None,
            leaves_for: 0,
            ticks_left: 0,
        }
    }

    pub(crate) fn local(&self, now: u64) -> Instant {
        Instant((now as i64 + now as i64 * self.clock / 1_000_000) as u64)
    }

    pub(crate) fn paused_until(&self) -> u64 {
        self.control_paused.max(self.machine_paused)
    }

    /// The sides on which it answers and forwards at this time of the world.
    pub(crate) fn sides(&self, now: u64) -> [bool; 2] {
        if now < self.machine_paused {
            return [false, false];
        }
        self.dataplane.sides(self.local(now))
    }

    pub(crate) fn is_active(&self, now: u64) -> bool {
        self.sides(now) != [false, false]
    }

    pub(crate) fn is_up(&self, now: u64) -> bool {
        now >= self.dataplane.down_until
    }

    /// The dataplane has been there for so long.
    pub(crate) fn is_up_for(&self, time: u64, now: u64) -> bool {
        self.dataplane.down_until + time <= now
    }

    /// The process speaks to the dataplane that it knows of.
    pub(crate) fn is_connected(&self, now: u64) -> bool {
        self.is_up(now) && self.seen_life == self.dataplane.life
    }

    pub(crate) fn has_links(&self, now: u64) -> bool {
        self.links_down.iter().all(|&until| now >= until)
    }

    pub(crate) fn sees_witness(&self, now: u64) -> Option<bool> {
        self.setting.has_witness.then_some(now >= self.witness_lost)
    }

    /// True if the control process has run unpaused for so long.
    pub(crate) fn runs_for(&self, time: u64, now: u64) -> bool {
        self.running_since.saturating_add(time) <= now && self.paused_until() + time <= now
    }

    pub(crate) fn role(&self) -> Option<Role> {
        self.machine.as_ref().map(Machine::role)
    }

    /// The control process starts, and reads the role back from the dataplane.
    pub(crate) fn start(&mut self, now: u64, number: u64) {
        let local = self.local(now);
        self.life += 1;
        self.sent = 0;
        self.knows_peer = false;
        self.running_since = now;
        self.last_step = local;
        self.seen_life = self.dataplane.life;
        self.syncing = None;
        self.ticks_left = 0;
        let is_drawn = self.setting.flaw != Flaw::DrawsNoNumber;
        self.identity.start = if is_drawn { number.into() } else { 0 };
        let (identity, timers) = (self.identity.clone(), self.timers);
        self.machine = Some(if self.dataplane.holds(local) {
            Machine::resume(identity, timers, self.dataplane.term, local)
        } else {
            Machine::new(identity, timers, self.disk, local)
        });
    }

    pub(crate) fn stop(&mut self) {
        self.machine = None;
        self.running_since = u64::MAX;
    }

    /// What the process finds of its dataplane, links and next hops, of sync and of the witness.
    pub(crate) fn fitness(&mut self, now: u64) -> Fitness {
        let flaw = self.setting.flaw;
        let is_same = self.seen_life == self.dataplane.life;
        self.seen_life = self.dataplane.life;
        Fitness {
            able: is_same && self.is_up(now),
            links: self.has_links(now) || (flaw == Flaw::HidesLinks),
            synced: self.dataplane.complete.is_some() || (flaw == Flaw::LiesAboutSync),
            witness: self.sees_witness(now),
            reach: match flaw {
                Flaw::HidesReach => [Reach::UNKNOWN; 2],
                _ => self.next_hops.told(now),
            },
        }
    }

    /// The process believes in a role that the dataplane has no more.
    pub(crate) fn lost_lease(&self, now: u64) -> bool {
        self.role() == Some(Role::Active)
            && self.is_up(now)
            && !self.dataplane.holds(self.local(now))
    }

    /// Takes a heartbeat in if it is newer than the last.
    pub(crate) fn accepts(&mut self, numbered: &Numbered) -> bool {
        let unable = !numbered.heartbeat.fitness.able;
        let deaf = self.setting.flaw == Flaw::IsDeaf && unable;
        let newer = self.machine.is_some() && numbered.number > self.heard && !deaf;
        if newer {
            self.heard = numbered.number;
            self.knows_peer = true;
        }
        newer
    }

    /// A new active machine has connections that this one lacks: the term whose connections
    /// are to be fetched from now on.
    pub(crate) fn lacks(&mut self, heartbeat: &Heartbeat, now: u64) -> Option<Term> {
        let follows = matches!(self.role(), Some(Role::Standby | Role::Listening));
        if heartbeat.role != Role::Active || !follows || !self.is_up(now) {
            return None;
        }
        if self.dataplane.complete == Some(heartbeat.term) {
            return None;
        }
        self.dataplane.complete = None;
        let begins = self.syncing != Some(heartbeat.term);
        self.syncing = Some(heartbeat.term);
        begins.then_some(heartbeat.term)
    }

    /// What a machine that does not understand the other one makes of its words: nothing is
    /// copied from it.
    pub(crate) fn misunderstand(&mut self, active: bool) {
        if active && self.role() != Some(Role::Active) {
            self.dataplane.complete = None;
            self.syncing = None;
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn number(&mut self, heartbeat: Heartbeat) -> Numbered {
        self.sent += 1;
        Numbered { number: (self.life, self.sent), heartbeat }
    }

    /// One step of the process, and what the dataplane does of it.
    pub(crate) fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        let (local, obeyed) = (self.local(now), self.is_connected(now));
        let Some(machine) = &mut self.machine else { return Vec::new() };
        let mut actions = Vec::new();
        if self.setting.flaw == Flaw::CatchesUp {
            let mut due = self.last_step.plus(self.timers.interval);
            while due < local {
                actions.extend(machine.step(Event::Tick, due));
                due = due.plus(self.timers.interval);
            }
        }
        self.last_step = local;
        actions.extend(machine.step(event, local));
        for action in actions.iter().filter(|_| obeyed) {
            self.dataplane.obey(action, local);
        }
        actions
    }
}
