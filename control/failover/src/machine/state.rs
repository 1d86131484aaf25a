//! The states of a machine's role.

use super::event::Notice;
use crate::heartbeat::{Role, Term};
use crate::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum RoleState {
    /// The machine claims nothing until it has listened for a dead interval.
    Listening,
    Standby,
    /// The machine wants the role, and the term is being written to disk.
    Claiming {
        term: Term,
        since: Instant,
        why: Notice,
    },
    Active,
    /// The machine is active, and offers the role to the peer.
    Yielding {
        since: Instant,
        why: Offer,
        drained: bool,
    },
    /// The machine is about to be stopped.
    Left,
}

/// Why an active machine offers its role.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Offer {
    /// The operator, or a peer that is preferred, asked for it.
    Asked,
    /// A link of this machine is down.
    LinkDown,
    /// The peer reaches more next hops than this machine.
    ReachesLess,
    /// This machine is being stopped.
    Leaving,
}

impl RoleState {
    pub(super) fn role(self) -> Role {
        match self {
            RoleState::Listening => Role::Listening,
            RoleState::Standby | RoleState::Claiming { .. } => Role::Standby,
            RoleState::Active | RoleState::Yielding { .. } => Role::Active,
            RoleState::Left => Role::Leaving,
        }
    }
}
