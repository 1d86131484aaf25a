//! Where a machine stands.

use super::event::Notice;
use crate::heartbeat::{Role, Term};
use crate::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum State {
    /// Nothing is claimed before `until`.
    Listening,
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
        why: Offer,
        drained: bool,
    },
    /// About to be stopped.
    Left,
}

/// Why an active machine offers its role.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Offer {
    /// The operator, or a peer that is preferred, asked for it.
    Asked,
    /// A link is down.
    LinkDown,
    /// The peer reaches more.
    ReachesLess,
    /// It is being stopped.
    Leaving,
}

impl State {
    pub(super) fn role(self) -> Role {
        match self {
            State::Listening => Role::Listening,
            State::Standby | State::Claiming { .. } => Role::Standby,
            State::Active | State::Yielding { .. } => Role::Active,
            State::Left => Role::Leaving,
        }
    }
}
