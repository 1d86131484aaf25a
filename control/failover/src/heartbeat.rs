//! What the machines tell each other.

use std::sync::Arc;

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
    /// Breaks the tie; the two names differ.
    pub name: Arc<str>,
}

/// What a machine is fit for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fitness {
    /// The dataplane answers and its workers run.
    pub able: bool,
    /// It has every connection that the active machine has; if none is active, that the
    /// last one had. An active machine has by definition.
    pub synced: bool,
    /// Both NICs have their link.
    pub links: bool,
    /// The witness answers this machine; `None` where none is configured. To be of use
    /// an answer counts for less than the dead interval.
    pub witness: Option<bool>,
}

impl Fitness {
    /// Nothing is wrong.
    pub const READY: Fitness = Fitness { able: true, synced: true, links: true, witness: None };
    /// How a machine starts.
    pub const UNKNOWN: Fitness =
        Fitness { able: false, synced: false, links: false, witness: None };

    /// Nothing stands against choosing this machine. The witness does not count: it is
    /// asked only when the peer is silent.
    pub const fn is_ready(self) -> bool {
        self.able && self.synced && self.links
    }

    /// The order in which machines are chosen: a synced one before one with links, since
    /// links come back and lost connections don't.
    pub(crate) const fn rank(self) -> (bool, bool, bool) {
        (self.able, self.synced, self.links)
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
