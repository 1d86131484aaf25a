//! The contents of a heartbeat, by which each machine tells the other its state.

use core::cmp::Ordering;
use core::time::Duration;
use std::sync::Arc;

use crate::reach::{self, Reach};

/// A number that grows with every takeover.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Term(pub u64);

impl Term {
    /// The term of the next takeover.
    #[must_use]
    pub fn next(self) -> Self {
        Term(self.0.saturating_add(1))
    }
}

/// The role that a machine has at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// The machine has just begun to run, or to run again, and claims nothing yet.
    Listening,
    /// The machine does not have the floating addresses and may take over.
    Standby,
    /// The machine answers for the floating addresses and forwards.
    Active,
    /// The machine is being stopped in an orderly manner and claims nothing any more.
    Leaving,
}

/// What identifies a machine and orders two that claim the role in the same term.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// The configured priority; the machine with the higher one is preferred.
    pub priority: u8,
    /// The configured name, which orders machines of equal priority; the two names ought to differ.
    pub name: Arc<str>,
    /// A random number that each start of a machine draws. It tells two machines apart that
    /// were given the same name by mistake.
    pub start: u128,
}

/// Whether a machine can do the work of the active one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fitness {
    /// True when the dataplane answers and its workers run.
    pub able: bool,
    /// True when the machine has every connection that the active machine has, or, if none is
    /// active, that the last active one had. It is true of an active machine by definition.
    pub synced: bool,
    /// True when the links of both NICs are up and their transmit queues take packets.
    pub links: bool,
    /// Whether the witness answers this machine; `None` where none is configured. An answer must
    /// count for less time than the dead interval to be of use.
    pub witness: Option<bool>,
    /// Which next hops answer on the public and on the private side.
    pub reach: [Reach; 2],
}

impl Fitness {
    /// A machine that lacks nothing, as far as it can know without witness and next hops.
    pub const READY: Fitness = Fitness {
        able: true,
        synced: true,
        links: true,
        witness: None,
        reach: [Reach::UNKNOWN; 2],
    };
    /// A machine at its start, before anything is known.
    pub const UNKNOWN: Fitness =
        Fitness { able: false, synced: false, links: false, ..Fitness::READY };

    /// Nothing stands against choosing this machine. The witness does not count: it is
    /// asked only when the peer is silent. Nor does what it reaches: that counts only beside
    /// what another machine reaches.
    pub const fn is_ready(self) -> bool {
        self.able && self.synced && self.links
    }

    /// The order in which machines are chosen: a synced one before one with links, since
    /// links come back and lost connections don't.
    pub(crate) const fn rank(self) -> (bool, bool, bool) {
        (self.able, self.synced, self.links)
    }

    /// Whether this machine reaches less or more than the other one.
    pub fn compare_reach(self, other: Fitness) -> Ordering {
        reach::compare(self.reach, other.reach)
    }

    /// True if the other machine is cut off from a side, and this one from none.
    pub fn serves_instead_of(self, other: Fitness) -> bool {
        reach::serves_instead(self.reach, other.reach)
    }
}

/// What a machine asks the other one to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wish {
    /// The machine asks for nothing.
    None,
    /// An active machine asks the peer to take over: the peer has all connections.
    TakeOver,
    /// A standby machine asks to take over, because an operator or its priority says so.
    LetMe,
    /// A standby machine asks to take over, because it reaches more next hops than the active one.
    ReachesMore,
}

/// A heartbeat, as it is authenticated and sent on every path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Heartbeat {
    /// The machine that sends it.
    pub identity: Identity,
    /// The term of its claim if the sender is active, otherwise the highest term that it knows.
    pub term: Term,
    /// The sender's role.
    pub role: Role,
    /// Whether the sender can do the work of the active machine.
    pub fitness: Fitness,
    /// What the sender asks the receiver to do.
    pub wish: Wish,
    /// True if the sender hears the receiver.
    pub hears_peer: bool,
    /// How long the sender's dataplane may stay active after its control process has fallen silent.
    pub lease: Duration,
}

/// What is understood of a peer that proves that it lives, and whose heartbeats this machine
/// cannot read: it speaks another version of the protocol, or its words make no sense here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Incompatible {
    /// Whether the peer is the active machine; `None` when it does not say.
    pub active: Option<bool>,
    /// Which of the two machines takes precedence.
    pub precedence: Precedence,
}

/// Which of two machines that do not understand each other takes precedence: it becomes active when
/// neither is, and stays active when both are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Precedence {
    /// This machine takes precedence, since it speaks the older version.
    Own,
    /// The peer takes precedence, since it speaks the older version.
    Peer,
    /// This machine cannot know: both speak the same version, and the peer may understand this
    /// machine or not. It waits for the peer, and no longer than a peer that waits as well: of
    /// the two numbers of [`Identity::start`] the higher one waits for less time.
    Unknown {
        /// True if the peer's number of [`Identity::start`] is the higher one.
        peer_is_higher: bool,
    },
}

impl Heartbeat {
    /// Its sender can take the role over at once.
    pub(crate) fn offers_itself(&self) -> bool {
        self.role == Role::Standby && self.fitness.is_ready()
    }

    /// Its sender hears neither peer nor witness, and so claims nothing, though it may be
    /// heard itself.
    pub(crate) fn is_cut_off(&self) -> bool {
        !self.hears_peer && self.fitness.witness == Some(false)
    }
}
