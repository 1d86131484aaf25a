//! The role of one machine.
//!
//! ```text
//!            start, stall, lease lost
//!                      |
//!                      v      the peer is active, or one dead interval is over
//!               +-----------+ -------------------------------------> +---------+
//!               | Listening |                                        | Standby | <--+
//!               +-----------+                                        +---------+    |
//!                      ^                                               |     ^      |
//!                      |           the peer is dead, gives the role    |     |      |
//!                      |           away, or is the lesser of two       |     | peer |
//!                      |           without a role                      v     | came |
//!                      |                                        +----------+ | first|
//!                      |                                        | Claiming |-+      |
//!                      |                                        +----------+        |
//!                      |                       the term is on disk  |               |
//!                      |                                            v               |
//!                      |  stall, lease lost                     +--------+  a higher|
//!                      +--------------------------------------- | Active | --------+
//!                      |                                        +--------+  claim,  |
//!                      |       operator, preemption, or         |      ^    unable  |
//!                      |       unfit while the peer is ready    v      | not taken  |
//!                      |                                       +----------+         |
//!                      +-------------------------------------- | Yielding | --------+
//!                                                              +----------+ taken
//! ```

mod claim;
mod hold;

use crate::heartbeat::{Fitness, Heartbeat, Identity, Role, Term, Wish};
use crate::peer::Peer;
use crate::time::Instant;
use crate::timers::Timers;

/// What happens to a machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Time has passed: at least once an interval.
    Tick,
    /// The peer's heartbeat, authenticated and newer than the last.
    Heard(Heartbeat),
    /// What this machine is fit for has changed.
    Fitness(Fitness),
    /// The term of [`Action::StoreTerm`] is on disk.
    TermStored(Term),
    /// It could not be written.
    TermNotStored(Term),
    /// An operator wants the peer to be the active one.
    Handover,
    /// The peer has got every connection event that there was when the role was offered.
    Drained,
    /// The dataplane gave the role up by itself, as its lease ran out.
    LeaseLost,
    /// Somebody else announces a floating address.
    Conflict,
}

/// What is to be done, in this order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Send this on every path, now.
    Send(Heartbeat),
    /// Write the term to disk, then tell [`Event::TermStored`].
    StoreTerm(Term),
    /// The dataplane answers and forwards from now on, for one lease, and announces.
    Claim(Term),
    /// The dataplane's lease begins anew.
    Renew(Term),
    /// The dataplane answers and forwards no more.
    Release,
    /// The dataplane answers no more, and forwards what still reaches it for a while.
    Retire,
    /// The dataplane announces the floating addresses again.
    Announce,
    /// Bring everything that has happened to connections to the peer, then tell
    /// [`Event::Drained`].
    Drain,
    /// Tell the operator.
    Report(Notice),
}

/// What an operator should know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Notice {
    /// This machine took over because the peer is silent on every path.
    PeerDead,
    /// It took over because the peer gave the role away.
    PeerYielded,
    /// It took over because neither had the role.
    NobodyActive,
    /// Both were active; this one goes on.
    ConflictWon,
    /// Both were active; this one gave way.
    ConflictLost,
    /// Somebody announces a floating address of ours.
    AddressConflict,
    /// This machine did not run for longer than its lease.
    Stalled,
    /// The dataplane cannot forward.
    Unable,
    /// The peer has the role that this one offered.
    HandedOver,
    /// The peer did not take the role that this one offered.
    HandoverFailed,
    /// An operator's handover is refused: the peer is not ready.
    PeerNotReady,
    /// The term could not be written to disk; the claim went on without.
    TermNotStored,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum State {
    /// Nothing is claimed before `until`.
    Listening {
        until: Instant,
    },
    Standby,
    /// The term is being written.
    Claiming {
        term: Term,
        since: Instant,
        why: Notice,
    },
    Active,
    /// Active, and the role is offered to the peer.
    Yielding {
        since: Instant,
        drained: bool,
    },
}

/// One machine of the pair.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Machine {
    identity: Identity,
    timers: Timers,
    state: State,
    /// That of the own claim while active; else the highest heard of.
    term: Term,
    fitness: Fitness,
    peer: Peer,
    /// Since when this machine has been ready beside an active peer of lower priority.
    preferred_since: Option<Instant>,
    last_step: Instant,
    next_heartbeat: Instant,
}

impl Machine {
    /// A machine that starts, with the term that is on its disk.
    pub fn new(identity: Identity, timers: Timers, stored: Term, now: Instant) -> Self {
        let state = State::Listening { until: now.plus(timers.dead) };
        Machine {
            identity,
            timers,
            state,
            term: stored,
            fitness: Fitness::UNKNOWN,
            peer: Peer::default(),
            preferred_since: None,
            last_step: now,
            next_heartbeat: now,
        }
    }

    /// A machine whose control process was restarted while the dataplane still holds the
    /// lease of this term: it goes on as if nothing had been.
    pub fn resumed(identity: Identity, timers: Timers, term: Term, now: Instant) -> Self {
        let mut machine = Machine::new(identity, timers, term, now);
        machine.state = State::Active;
        machine.fitness = Fitness::READY;
        machine
    }

    /// What it tells others that it is.
    pub fn role(&self) -> Role {
        match self.state {
            State::Listening { .. } => Role::Listening,
            State::Standby | State::Claiming { .. } => Role::Standby,
            State::Active | State::Yielding { .. } => Role::Active,
        }
    }

    /// Its term: of an active machine that of its claim, else the highest that it knows.
    pub fn term(&self) -> Term {
        self.term
    }

    /// What it is fit for.
    pub fn fitness(&self) -> Fitness {
        let synced = self.fitness.synced || self.role() == Role::Active;
        Fitness { synced, ..self.fitness }
    }

    /// True while the peer is heard.
    pub fn hears_peer(&self, now: Instant) -> bool {
        self.peer.alive(now, self.timers.dead).is_some()
    }

    /// When the next [`Event::Tick`] is due at the latest.
    pub fn next_tick(&self) -> Instant {
        self.next_heartbeat
    }

    /// Takes an event in; what is to be done comes out.
    pub fn step(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.notice_stall(now, &mut actions);
        let before = (self.role(), self.wish(now), self.fitness());
        match event {
            Event::Tick => {}
            Event::Heard(heartbeat) => self.hear(heartbeat, now, &mut actions),
            Event::Fitness(fitness) => self.fitness = fitness,
            Event::TermStored(term) => self.term_stored(term, now, &mut actions),
            Event::TermNotStored(term) => self.term_not_stored(term, now, &mut actions),
            Event::Handover => self.hand_over(now, &mut actions),
            Event::Drained => self.drained(),
            Event::LeaseLost => self.lease_lost(now, &mut actions),
            Event::Conflict => self.conflict(&mut actions),
        }
        self.decide(now, &mut actions);
        self.beat(before, now, &mut actions);
        actions
    }

    /// A machine that did not run for a lease has lost it; what it knows of the peer is
    /// old, however new it looks when the queues are read.
    fn notice_stall(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let stood_still = now.since(self.last_step);
        self.last_step = now;
        let limit = if self.role() == Role::Active { self.timers.lease } else { self.timers.dead };
        if stood_still >= limit {
            actions.push(Action::Report(Notice::Stalled));
            self.start_over(now, actions);
        }
    }

    fn lease_lost(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.role() == Role::Active {
            actions.push(Action::Report(Notice::Stalled));
            self.start_over(now, actions);
        }
    }

    /// Listens for one dead interval before it claims anything.
    fn start_over(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.role() == Role::Active {
            actions.push(Action::Release);
        }
        self.peer.forget();
        self.preferred_since = None;
        self.state = State::Listening { until: now.plus(self.timers.dead) };
    }

    /// What time and the last news bring about in each state.
    fn decide(&mut self, now: Instant, actions: &mut Vec<Action>) {
        match self.state {
            State::Listening { until } => self.listen(until, now),
            State::Standby => self.stand_by(now, actions),
            State::Claiming { .. } => self.wait_for_term(now, actions),
            State::Active => self.hold(now, actions),
            State::Yielding { since, .. } => self.yield_role(since, now, actions),
        }
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
            actions.push(Action::Renew(self.term));
        }
        actions.push(Action::Send(self.heartbeat(now)));
    }

    fn heartbeat(&self, now: Instant) -> Heartbeat {
        Heartbeat {
            identity: self.identity.clone(),
            term: self.term,
            role: self.role(),
            fitness: self.fitness(),
            wish: self.wish(now),
        }
    }

    fn wish(&self, now: Instant) -> Wish {
        match (self.state, self.preferred_since, self.timers.preempt) {
            (State::Yielding { drained: true, .. }, ..) => Wish::TakeOver,
            (State::Standby, Some(since), Some(delay)) if now.since(since) >= delay => Wish::LetMe,
            _ => Wish::None,
        }
    }
}
