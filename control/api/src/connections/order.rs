//! The order in which connections are listed.

use core::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::Connection;

/// An order of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionOrder {
    /// What they are ordered by.
    pub by: SortKey,
    /// Turned round.
    #[serde(default)]
    pub reverse: bool,
}

/// What connections are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SortKey {
    /// The time since it was opened, the longest first.
    Age,
    /// The time without a packet, the longest first.
    Idle,
    /// The time until it ends if no packet comes, the shortest first.
    Expires,
    /// The address that has opened it.
    Client,
    /// The name of its service; those without one come first.
    Service,
    /// Its real server; those without one come first.
    Server,
    /// Its state, by the alphabet.
    State,
}

impl ConnectionOrder {
    /// Which of two connections comes first. Equal ones stand in the order of their ends, so that
    /// two listings of the same connections are the same.
    pub fn compare(&self, left: &Connection, right: &Connection) -> Ordering {
        let order = match self.by {
            SortKey::Age => right.age_seconds.cmp(&left.age_seconds),
            SortKey::Idle => right.idle_seconds.cmp(&left.idle_seconds),
            SortKey::Expires => left.expires_seconds.cmp(&right.expires_seconds),
            SortKey::Client => left.client().cmp(&right.client()),
            SortKey::Service => left.service.cmp(&right.service),
            SortKey::Server => left.server().cmp(&right.server()),
            SortKey::State => left.state.cmp(&right.state),
        };
        let order = if self.reverse { order.reverse() } else { order };
        let ends = |connection: &Connection| {
            let original = connection.original;
            (original.source, original.destination)
        };
        order
            .then_with(|| ends(left).cmp(&ends(right)))
            .then_with(|| left.protocol.cmp(&right.protocol))
    }

    /// Leaves the first so many of these connections, in their order.
    pub fn keep_first(&self, connections: &mut Vec<Connection>, most: usize) {
        connections.sort_unstable_by(|left, right| self.compare(left, right));
        connections.truncate(most);
    }
}
