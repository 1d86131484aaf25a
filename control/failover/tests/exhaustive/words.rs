//! What the machines understand of each other.

use failover::Precedence;

/// Steps that a machine waits for one that goes first.
pub(crate) const WAIT: u64 = 4;

/// How much of each other's heartbeats the machines understand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Words {
    Understood,
    /// Each machine understands all that the other says, and they have the same name.
    OneName,
    /// Neither understands the other: the second one speaks a newer version.
    TwoVersions,
    /// Neither understands the other, though both speak the same version.
    NotUnderstood,
    /// The second one understands the first one, which does not understand the second one.
    OneWay,
}

impl Words {
    /// What a machine makes of the other one's words, if it does not understand them.
    pub(crate) fn precedence(self, at: usize) -> Option<Precedence> {
        match (self, at) {
            (Words::Understood | Words::OneName, _) | (Words::OneWay, 1) => None,
            (Words::TwoVersions, 0) => Some(Precedence::Own),
            (Words::TwoVersions, _) => Some(Precedence::Peer),
            // The second one has the higher number.
            (Words::NotUnderstood | Words::OneWay, _) => {
                Some(Precedence::Unknown { peer_is_higher: at == 0 })
            }
        }
    }

    pub(crate) fn are_understood(self) -> bool {
        matches!(self, Words::Understood | Words::OneName)
    }

    /// Steps that it may take longer until one of them is active.
    pub(crate) fn wait(self) -> u64 {
        if self.are_understood() { 0 } else { 2 * WAIT + 2 }
    }
}
