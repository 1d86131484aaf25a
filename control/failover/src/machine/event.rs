//! The events that a machine takes in, and the actions that it returns.

use crate::heartbeat::{Fitness, Heartbeat, Incompatible, Term};

/// Something that happens to a machine and may change its role.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Time has passed; nothing else has happened.
    Tick,
    /// The peer's heartbeats that have come since the last step, the newest last. They are
    /// authenticated and newer than all before. What each of them says is remembered; only the
    /// newest decides.
    Heard(Vec<Heartbeat>),
    /// The newest message of the peer since the last step is authentic and fresh, and cannot be
    /// read: the peer lives.
    NotUnderstood {
        /// The heartbeats that came before it and could be read. What they say is remembered, and
        /// decides nothing.
        earlier: Vec<Heartbeat>,
        /// The part of the message that is understood.
        said: Incompatible,
    },
    /// The fitness of this machine, whenever it changes; it may be told more often. A dataplane
    /// that was restarted was unable in between, however short that was.
    Fitness(Fitness),
    /// The term of [`Action::StoreTerm`] has been written to disk.
    TermStored(Term),
    /// The term of [`Action::StoreTerm`] could not be written to disk.
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
    /// Another station announces a floating address.
    Conflict,
    /// This machine is about to be stopped. When its role is
    /// [`Role::Leaving`](crate::Role::Leaving) the caller sends a few more heartbeats that say so,
    /// and ends the process.
    Leave,
}

/// Something that the caller does; several are done in the order in which they are returned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Send this heartbeat on every path, at once.
    Send(Heartbeat),
    /// Write the term to disk, then tell [`Event::TermStored`]. Where a higher one is
    /// there already, there is nothing to write.
    StoreTerm(Term),
    /// The dataplane answers and forwards on both NICs from now on, for one lease, and
    /// announces the floating addresses.
    Claim(Term),
    /// The dataplane's lease of this term begins anew, unless it has run out.
    Renew(Term),
    /// The dataplane neither answers for the floating addresses nor forwards any more.
    Release,
    /// The dataplane no longer answers for the floating addresses, and forwards what still reaches
    /// it during the grace period.
    Retire,
    /// The dataplane announces the floating addresses again.
    Announce,
    /// Send everything that has happened to connections to the peer, keep sending what happens, and
    /// tell [`Event::Drained`].
    Drain,
    /// Ask every next hop now, and tell [`Event::Probed`] when each has answered or is known not
    /// to.
    Probe,
    /// Tell the operator, in the log and the metrics.
    Report(Notice),
}

/// What has happened to the role, for the operator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Notice {
    /// This machine took over because the peer is silent on every path.
    PeerDead,
    /// This machine took over because the peer offered the role.
    PeerYielded,
    /// This machine took over because the peer is being stopped.
    PeerLeft,
    /// This machine took over because neither machine was active.
    NobodyActive,
    /// Both machines were active; this one stays active.
    ConflictWon,
    /// Both machines were active; this one has given up the role.
    ConflictLost,
    /// Another station announces a floating address of this pair.
    AddressConflict,
    /// This machine was kept from running for longer than its lease or the dead interval.
    Stalled,
    /// The dataplane's lease ran out before it was renewed.
    LeaseLost,
    /// The dataplane cannot forward; this machine gives the role up.
    Unable,
    /// Neither the peer nor the witness is heard; this machine gives the role up, since the peer
    /// can take it.
    CutOff,
    /// The peer reaches next hops that this machine does not; this machine offers it the role.
    ReachesLess,
    /// The peer has taken the role that this machine offered.
    HandedOver,
    /// The peer did not take the role that this machine offered, or did not give the one that this
    /// machine asked for.
    HandoverFailed,
    /// A handover was refused, because the machine that would get the role is not ready.
    NotReady,
    /// This machine has lost links, next hops or its dataplane so often that it takes the role for
    /// a while only where nobody else can fill it.
    Damped,
    /// The term could not be written to disk; the claim went on without that.
    TermNotStored,
}
