//! What the machines tell each other.

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

/// What a machine is at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// It has just begun to run, or to run again, and claims nothing yet.
    Listening,
    /// It could take over.
    Standby,
    /// It has the floating addresses.
    Active,
    /// It is being stopped in an orderly manner and claims nothing any more.
    Leaving,
}

/// Who a machine is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// The higher one is preferred.
    pub priority: u8,
    /// Breaks the tie; the two names ought to differ.
    pub name: Arc<str>,
    /// A random number that each start of a machine draws. It tells two machines apart that
    /// were given the same name by mistake.
    pub start: u128,
}

/// What a machine is fit for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fitness {
    /// The dataplane answers and its workers run.
    pub able: bool,
    /// It has every connection that the active machine has; if none is active, that the
    /// last one had. An active machine has by definition.
    pub synced: bool,
    /// Both NICs have their link and send what they are given.
    pub links: bool,
    /// The witness answers this machine; `None` where none is configured. To be of use
    /// an answer counts for less than the dead interval.
    pub witness: Option<bool>,
    /// What it reaches on the public and the private side.
    pub reach: [Reach; 2],
}

impl Fitness {
    /// Nothing is wrong.
    pub const READY: Fitness = Fitness {
        able: true,
        synced: true,
        links: true,
        witness: None,
        reach: [Reach::UNKNOWN; 2],
    };
    /// How a machine starts.
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
}

/// What a machine would like the other to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wish {
    /// Nothing.
    None,
    /// An active one: take over, all connections are with you.
    TakeOver,
    /// A standby one: let me take over.
    LetMe,
    /// A standby one: let me take over, as I reach more than you do.
    ReachesMore,
}

/// One heartbeat.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Heartbeat {
    /// From whom.
    pub identity: Identity,
    /// Of an active machine the term of its claim; of others the highest they know.
    pub term: Term,
    /// What it is.
    pub role: Role,
    /// What it is fit for.
    pub fitness: Fitness,
    /// What it would like.
    pub wish: Wish,
    /// It hears the machine that it speaks to.
    pub hears_peer: bool,
    /// How long its dataplane may stay active after its control process has fallen silent.
    pub lease: Duration,
}

/// What is understood of a peer that proves that it lives, and whose heartbeats this machine
/// cannot read: it speaks another version of the protocol, or its words make no sense here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Incompatible {
    /// It is the active machine. `None`: it does not say.
    pub active: Option<bool>,
    /// Which of the two machines goes first.
    pub precedence: Precedence,
}

/// Which of two machines goes first that do not understand each other: which one becomes
/// active when neither is, and which one stays active when both are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Precedence {
    /// This machine does: it speaks the older version.
    Own,
    /// The peer does: it speaks the older version.
    Peer,
    /// This machine cannot know: both speak the same version, and the peer may understand this
    /// machine or not. It waits for the peer, and no longer than a peer that waits as well: of
    /// the two numbers of [`Identity::start`] the higher one waits for less time.
    Unknown {
        /// The peer's number is the higher one.
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
