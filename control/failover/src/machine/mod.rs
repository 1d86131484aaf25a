//! The state machine that decides the role of one machine.

mod claim;
mod event;
mod flap;
mod handover;
mod hold;
mod incompatible;
mod outreach;
mod stall;
mod state;
#[cfg(test)]
mod tests;

pub use event::{Action, Event, Notice};
use outreach::Difference;
use state::RoleState;

use core::time::Duration;

use crate::damping::Losses;
use crate::heartbeat::{Fitness, Heartbeat, Identity, Role, Term, Wish};
use crate::peer::Peer;
use crate::time::Instant;
use crate::timers::Timers;

/// The role of one machine of the pair.
///
/// ```text
///            start, stall, lease lost
///                      |
///                      v        one dead interval is over
///               +-----------+ ------------------------------------> +---------+
///               | Listening |                                       | Standby | <--+
///               +-----------+                                       +---------+    |
///                      ^                                              |     ^      |
///                      |            the peer is dead, leaves, gives   |     | why  |
///                      |            the role away, or is the lesser   |     | is   |
///                      |            of two without a role             v     | gone |
///                      |                                       +----------+ |      |
///                      |                                       | Claiming |-+      |
///                      |                                       +----------+        |
///                      |                      the term is on disk  |               |
///                      |                                           v               |
///                      |  stall, lease lost                     +--------+ higher  |
///                      +--------------------------------------- | Active | --------+
///                      |                                        +--------+ claim,  |
///                      |       operator, the peer asks or reaches |    ^   unable, |
///                      |       more, a link is down, stop; it is  v    |   cut off |
///                      |       ready                           +----------+        |
///                      +-------------------------------------- | Yielding | -------+
///                                                      not     +----------+  taken
///                                                      taken: back to Active
///
///     From every state a stop leads to Left; from Active by way of Yielding if the peer is
///     ready. A machine that starts while its dataplane still holds the lease is Active.
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Machine {
    identity: Identity,
    timers: Timers,
    state: RoleState,
    /// One dead interval after the start or the last stall, or after the machine could hear its peer
    /// at last. Before that it cannot tell whether the peer is silent.
    silence_counts_from: Instant,
    /// Since when the dataplane runs, as long as its links are not up yet since then.
    deaf_since: Option<Instant>,
    /// Since when the dataplane cannot forward, or when that began the last time.
    unable_since: Option<Instant>,
    /// Since when this machine's heartbeats have gone out without a gap.
    speaks_since: Instant,
    /// The term of the own claim while active, otherwise the highest term that was heard of.
    term: Term,
    /// The highest term that is on disk. `asked` is the highest that was ordered to be written.
    stored: Term,
    asked: Term,
    /// The fitness as it was last told; see [`Machine::fitness`].
    fitness: Fitness,
    /// Since when the witness does not answer.
    witness_lost: Option<Instant>,
    /// True of a machine that was active, still has all connections, and has heard of no other
    /// active one.
    was_active: bool,
    peer: Peer,
    /// True while the peer is active as well; the winner announces when that is over.
    contested: bool,
    /// Since when this machine has been ready beside an active peer of lower priority.
    preferred_since: Option<Instant>,
    /// When an operator asked for the role to move to this machine.
    wanted_since: Option<Instant>,
    /// The difference between what this machine and the peer reach.
    difference: Option<Difference>,
    /// The recent losses of this machine's fitness.
    losses: Losses,
    /// When the lease was last claimed or renewed.
    renewed: Instant,
    last_step: Instant,
    next_heartbeat: Instant,
}

impl Machine {
    /// Makes the machine of a process that starts, with the term that is on its disk.
    pub fn new(identity: Identity, timers: Timers, stored: Term, now: Instant) -> Self {
        Machine {
            identity,
            timers,
            state: RoleState::Listening,
            silence_counts_from: now.plus(timers.dead),
            deaf_since: None,
            unable_since: None,
            speaks_since: now,
            term: stored,
            stored,
            asked: stored,
            fitness: Fitness::UNKNOWN,
            witness_lost: None,
            was_active: false,
            peer: Peer::default(),
            contested: false,
            preferred_since: None,
            wanted_since: None,
            difference: None,
            losses: Losses::new(true, now),
            renewed: now,
            last_step: now,
            next_heartbeat: now,
        }
    }

    /// Makes the machine of a control process that was restarted while the dataplane still holds
    /// the lease of this term. It is active and goes on; it is taken to be fit until told
    /// otherwise, and its first step renews the lease.
    pub fn resume(identity: Identity, timers: Timers, held: Term, now: Instant) -> Self {
        let mut machine = Machine::new(identity, timers, held, now);
        machine.state = RoleState::Active;
        machine.fitness = Fitness::READY;
        machine.losses = Losses::new(false, now);
        machine
    }

    /// The role that heartbeats tell.
    pub fn role(&self) -> Role {
        self.state.role()
    }

    /// The term of the claim if this machine is active, otherwise the highest term that it knows.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Priority, name and start number of this machine.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The fitness of this machine. One that is active, or was the last to be, has every connection
    /// whatever it was told of sync.
    pub fn fitness(&self) -> Fitness {
        let has_all = self.role() == Role::Active || self.was_active;
        Fitness { synced: self.fitness.synced || has_all, ..self.fitness }
    }

    /// The process has drawn another random number: see [`Identity::start`].
    pub fn set_start(&mut self, start: u128) {
        self.identity.start = start;
    }

    /// The peer's last heartbeat, while the peer is heard and understood.
    pub fn peer(&self, now: Instant) -> Option<&Heartbeat> {
        self.peer.heartbeat(now, self.patience())
    }

    /// The silence after which the peer counts as dead.
    pub fn patience(&self) -> Duration {
        self.timers.patience(self.peer.lease())
    }

    fn hears_peer(&self, now: Instant) -> bool {
        self.peer(now).is_some() || self.incompatible(now).is_some()
    }

    /// True while the role is offered to the peer.
    pub fn is_handing_over(&self) -> bool {
        matches!(self.state, RoleState::Yielding { .. })
    }

    /// When the next [`Event::Tick`] is due: for the next heartbeat, or because the peer
    /// will have been silent for the dead interval.
    pub fn next_tick(&self) -> Instant {
        let silent = self.peer.silent_since().map(|at| at.plus(self.patience()));
        let due = [silent, Some(self.silence_counts_from)]
            .into_iter()
            .flatten()
            .filter(|&at| at > self.last_step);
        due.fold(self.next_heartbeat, Instant::min)
    }

    /// Takes an event in, and returns what is to be done.
    pub fn step(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        let before = (self.role(), self.wish(now), self.fitness());
        self.notice_stall(now, &mut actions);
        match event {
            Event::Tick => {}
            Event::Heard(heartbeats) => self.hear(heartbeats, now, &mut actions),
            Event::NotUnderstood { earlier, said } => {
                self.hear_incompatible(&earlier, said, now, &mut actions);
            }
            Event::Fitness(fitness) => self.take_fitness(fitness, now),
            Event::TermStored(term) => self.term_stored(term, now, &mut actions),
            Event::TermNotStored(term) => self.term_not_stored(term, now, &mut actions),
            Event::Handover => self.hand_over(now, &mut actions),
            Event::Drained => self.drained(),
            Event::Probed => self.probed(),
            Event::LeaseLost => self.lease_lost(now, &mut actions),
            Event::Conflict => self.conflict(&mut actions),
            Event::Leave => self.leave(now, &mut actions),
        }
        self.decide(now, &mut actions);
        self.beat(before, now, &mut actions);
        actions
    }

    fn take_fitness(&mut self, fitness: Fitness, now: Instant) {
        self.witness_lost = match (fitness.witness, self.witness_lost) {
            (Some(false), lost) => lost.or(Some(now)),
            _ => None,
        };
        // A dataplane that failed has no connections.
        self.was_active &= fitness.able;
        self.notice_deafness(fitness, now);
        self.fitness = fitness;
    }

    /// Several come at once after this machine was kept from running. What all but the
    /// newest say is history: a wish that was withdrawn or a role that was given up since
    /// must move nothing.
    fn hear(&mut self, mut heard: Vec<Heartbeat>, now: Instant, actions: &mut Vec<Action>) {
        let Some(newest) = heard.pop() else { return };
        let was_active = heard.iter().any(|earlier| earlier.role == Role::Active);
        if self.role() == Role::Active {
            self.settle(&newest, was_active, now, actions);
        }
        if self.role() != Role::Active {
            self.remember(&heard);
            self.remember(core::slice::from_ref(&newest));
        }
        self.peer.heard(newest, now);
        self.hears(now);
    }

    /// A machine without the role keeps the highest term, and whether another has had the role.
    fn remember(&mut self, heard: &[Heartbeat]) {
        let term = heard.iter().map(|heartbeat| heartbeat.term).fold(self.term, Term::max);
        self.term = term;
        self.was_active &= heard.iter().all(|heartbeat| heartbeat.role != Role::Active);
    }

    /// What time and the last news bring about in each state.
    fn decide(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.watch_reach(now, actions);
        match self.state {
            RoleState::Listening if now >= self.silence_counts_from && !self.is_deaf(now) => {
                self.state = RoleState::Standby
            }
            RoleState::Listening | RoleState::Left => {}
            RoleState::Standby => self.stand_by(now, actions),
            RoleState::Claiming { .. } => self.wait_for_term(now, actions),
            RoleState::Active => self.hold(now, actions),
            RoleState::Yielding { since, why, .. } => self.yield_role(since, why, now, actions),
        }
        self.watch_losses(now, actions);
    }

    /// Heartbeats go out once an interval, and at once when there is news. An active
    /// machine renews its lease before it says that it is.
    fn beat(&mut self, before: (Role, Wish, Fitness), now: Instant, actions: &mut Vec<Action>) {
        let is_news = before != (self.role(), self.wish(now), self.fitness());
        if now < self.next_heartbeat && !is_news {
            return;
        }
        self.next_heartbeat = now.plus(self.timers.interval);
        if self.role() == Role::Active {
            self.renewed = now;
            actions.push(Action::Renew(self.term));
        }
        actions.push(Action::Send(Heartbeat {
            identity: self.identity.clone(),
            term: self.term,
            role: self.role(),
            fitness: self.fitness(),
            wish: self.wish(now),
            hears_peer: self.hears_peer(now),
            lease: self.timers.lease,
        }));
    }

    fn wish(&self, now: Instant) -> Wish {
        match self.state {
            RoleState::Yielding { drained: true, .. } => Wish::TakeOver,
            RoleState::Yielding { why, since, .. } if self.is_urgent(why, since, now) => {
                Wish::TakeOver
            }
            RoleState::Standby if self.wants_role(now) => Wish::LetMe,
            RoleState::Standby if self.outreaches(now) => Wish::ReachesMore,
            _ => Wish::None,
        }
    }
}
