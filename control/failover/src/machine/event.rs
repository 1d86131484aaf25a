//! What goes into a machine and what comes out.

use crate::heartbeat::{Fitness, Heartbeat, Incompatible, Term};

/// What happens to a machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// The peer's heartbeats that have come since the last step, authenticated and newer
    /// than all before, the newest last. What they say is remembered of each of them; only
    /// the newest is decided on.
    Heard(Vec<Heartbeat>),
    /// The newest that has come from the peer since the last step is authentic and fresh, and
    /// cannot be read: the peer lives.
    NotUnderstood {
        /// The heartbeats that came before it and could be read. What they say is remembered,
        /// and not decided on.
        earlier: Vec<Heartbeat>,
        /// What is understood.
        said: Incompatible,
    },
    /// What this machine is fit for: when it changes, or as often as one likes. A
    /// dataplane that was restarted was unable in between, however short that was.
    Fitness(Fitness),
    /// The term of [`Action::StoreTerm`] is on disk.
    TermStored(Term),
    /// It could not be written.
    TermNotStored(Term),
    /// An operator wants the role to move to the other machine, whichever that is.
    Handover,
    /// The peer has got every connection event that there was at the last
    /// [`Action::Drain`].
    Drained,
    /// Every next hop was asked since the last [`Action::Probe`], and the fitness told since
    /// then has in it who answered.
    Probed,
    /// The dataplane gave the role up by itself, as its lease ran out.
    LeaseLost,
    /// Somebody else announces a floating address.
    Conflict,
    /// This machine is about to be stopped. It has nothing left to do once its role is
    /// [`Role::Leaving`](crate::Role::Leaving), but to say so a few times.
    Leave,
}

/// What is to be done, in this order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Send this on every path, now.
    Send(Heartbeat),
    /// Write the term to disk, then tell [`Event::TermStored`]. Where a higher one is
    /// there already, there is nothing to write.
    StoreTerm(Term),
    /// The dataplane answers and forwards on both NICs from now on, for one lease, and
    /// announces the floating addresses.
    Claim(Term),
    /// The dataplane's lease of this term begins anew, unless it has run out.
    Renew(Term),
    /// The dataplane answers and forwards no more.
    Release,
    /// The dataplane answers no more, and forwards what still reaches it for a while.
    Retire,
    /// The dataplane announces the floating addresses again.
    Announce,
    /// Bring everything that has happened to connections to the peer, go on bringing it
    /// what happens, and tell [`Event::Drained`].
    Drain,
    /// Ask every next hop now, and tell [`Event::Probed`] when each has answered or is known
    /// not to.
    Probe,
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
    /// It took over because the peer is being stopped.
    PeerLeft,
    /// It took over because neither had the role.
    NobodyActive,
    /// Both were active; this one goes on.
    ConflictWon,
    /// Both were active; this one gave way.
    ConflictLost,
    /// Somebody announces a floating address of ours.
    AddressConflict,
    /// This machine was kept from running for longer than its lease or the dead interval.
    Stalled,
    /// The dataplane's lease ran out before it was renewed.
    LeaseLost,
    /// The dataplane cannot forward; the role is given up.
    Unable,
    /// Neither the peer nor the witness is heard; the role is given up, as the peer can
    /// take it.
    CutOff,
    /// The peer reaches next hops that this machine does not; the role is offered to it.
    ReachesLess,
    /// The peer has the role that this one offered.
    HandedOver,
    /// The peer did not take the role that this one offered, or did not give the one that
    /// this one asked for.
    HandoverFailed,
    /// A handover is refused: the machine that would get the role is not ready.
    NotReady,
    /// The term could not be written to disk; the claim went on without.
    TermNotStored,
}
