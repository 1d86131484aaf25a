//! What the dataplane observes of real servers by the connections of clients.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::services::SuspectCause;

/// Waits for observations: the answer comes when the number of changes is not the one that is
/// known already, and without a change after less than a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observe {
    /// The number of the last answer; 0 at first.
    pub after: u64,
}

/// Every server of which there is something to say, as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// Another number after each change, never 0.
    pub change: u64,
    /// The generation of the configuration that has the servers.
    pub generation: u64,
    /// The servers.
    pub servers: Vec<Observation>,
}

/// What was observed of one server of a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// The name of its service.
    pub service: String,
    /// Its address and port.
    pub server: SocketAddr,
    /// What made it suspect.
    pub suspect: SuspectCause,
    /// When it became suspect, in milliseconds since the dataplane's start: another suspicion of
    /// the same server has another time.
    #[serde(default)]
    pub since_millis: u64,
}
