//! One machine: its control process, its dataplane, its disk, its clock.

use std::sync::Arc;

use failover::{Action, Event, Fitness, Heartbeat, Identity, Instant, Machine, Role, Term, Timers};

/// A dataplane, as far as roles go.
#[derive(Default)]
pub(crate) struct Dataplane {
    pub(crate) up: bool,
    /// Until when it holds the role, on its own clock.
    lease: Option<Instant>,
    term: Term,
}

impl Dataplane {
    fn holds(&self, local: Instant) -> bool {
        self.up && self.lease.is_some_and(|until| local < until)
    }

    pub(crate) fn crash(&mut self) {
        *self = Dataplane::default();
    }
}

pub(crate) struct Node {
    identity: Identity,
    timers: Timers,
    /// `None` while the process is not there.
    pub(crate) machine: Option<Machine>,
    pub(crate) dataplane: Dataplane,
    pub(crate) disk: Term,
    pub(crate) disk_full: bool,
    /// Parts in a million that the clock runs faster than the world's.
    clock: i64,
    /// The process, or the whole machine, stands still until then.
    pub(crate) control_paused: u64,
    pub(crate) machine_paused: u64,
    pub(crate) links: bool,
    /// Counts starts of the process; events for an earlier one are void.
    pub(crate) incarnation: u64,
    sent: u64,
    /// The newest heartbeat taken in: incarnation and number of its sender.
    heard: (u64, u64),
    /// Since when the process runs without a break, and the dataplane with it.
    pub(crate) running_since: u64,
}

/// A heartbeat on its way, numbered as the real transport numbers it.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) number: (u64, u64),
    pub(crate) heartbeat: Heartbeat,
}

impl Node {
    pub(crate) fn new(name: &str, priority: u8, clock: i64, timers: Timers) -> Self {
        Node {
            identity: Identity { priority, name: Arc::from(name) },
            timers,
            machine: None,
            dataplane: Dataplane::default(),
            disk: Term(0),
            disk_full: false,
            clock,
            control_paused: 0,
            machine_paused: 0,
            links: true,
            incarnation: 0,
            sent: 0,
            heard: (0, 0),
            running_since: u64::MAX,
        }
    }

    pub(crate) fn local(&self, now: u64) -> Instant {
        Instant((now as i64 + now as i64 * self.clock / 1_000_000) as u64)
    }

    pub(crate) fn paused_until(&self) -> u64 {
        self.control_paused.max(self.machine_paused)
    }

    /// Answers and forwards at this time of the world.
    pub(crate) fn is_active(&self, now: u64) -> bool {
        now >= self.machine_paused && self.dataplane.holds(self.local(now))
    }

    /// The control process starts, and reads the role back from the dataplane.
    pub(crate) fn start(&mut self, now: u64) {
        let local = self.local(now);
        self.incarnation += 1;
        self.sent = 0;
        self.running_since = now;
        let identity = self.identity.clone();
        self.machine = Some(if self.dataplane.holds(local) {
            Machine::resumed(identity, self.timers, self.dataplane.term, local)
        } else {
            Machine::new(identity, self.timers, self.disk, local)
        });
    }

    pub(crate) fn stop(&mut self) {
        self.machine = None;
        self.running_since = u64::MAX;
    }

    /// What the process finds of its dataplane and links, and of sync.
    pub(crate) fn fitness(&self, synced: bool) -> Event {
        Event::Fitness(Fitness { able: self.dataplane.up, links: self.links, synced })
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.fitness().synced)
    }

    pub(crate) fn is_standby(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.role() == Role::Standby)
    }

    /// Takes a heartbeat in if it is newer than the last.
    pub(crate) fn accepts(&mut self, number: (u64, u64)) -> bool {
        let newer = number > self.heard;
        if newer {
            self.heard = number;
        }
        newer
    }

    pub(crate) fn number(&mut self, heartbeat: Heartbeat) -> Numbered {
        self.sent += 1;
        Numbered { number: (self.incarnation, self.sent), heartbeat }
    }

    /// What the dataplane does of an action.
    pub(crate) fn obey(&mut self, action: &Action, now: u64) {
        if !self.dataplane.up {
            return;
        }
        let local = self.local(now);
        match action {
            Action::Claim(term) => {
                self.dataplane.term = *term;
                self.dataplane.lease = Some(local.plus(self.timers.lease));
            }
            // One that has run out is not revived.
            Action::Renew(term) if self.dataplane.holds(local) && self.dataplane.term == *term => {
                self.dataplane.lease = Some(local.plus(self.timers.lease));
            }
            Action::Release | Action::Retire => self.dataplane.lease = None,
            _ => {}
        }
    }

    /// The process believes in a role that the dataplane has no more.
    pub(crate) fn lost_lease(&self, now: u64) -> bool {
        let believes = self.machine.as_ref().is_some_and(|machine| machine.role() == Role::Active);
        believes && self.dataplane.up && !self.dataplane.holds(self.local(now))
    }
}
