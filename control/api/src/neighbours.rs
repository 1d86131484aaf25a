//! The neighbour tables of both sides.

use core::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::Side;

/// The neighbour tables of both sides.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Neighbours {
    /// All neighbours, ordered by side and address.
    pub entries: Vec<Neighbour>,
}

/// An entry of the neighbour table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Neighbour {
    /// The side whose network the neighbour is in.
    pub side: Side,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// The neighbour's Ethernet address, if it is known.
    #[serde(default)]
    pub mac: Option<String>,
    /// Whether the Ethernet address is known, and how lately it was confirmed.
    pub state: NeighbourState,
    /// Seconds since the state was last confirmed or entered.
    pub age_seconds: u64,
}

/// The states of a neighbour, with the names that Linux has for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeighbourState {
    /// The neighbour was asked for its Ethernet address and has not answered yet.
    Incomplete,
    /// The Ethernet address was confirmed a short time ago.
    Reachable,
    /// The Ethernet address is used, and is due to be confirmed.
    Stale,
    /// The neighbour is asked again at its last known Ethernet address.
    Probe,
    /// The neighbour was asked and did not answer.
    Failed,
    /// The Ethernet address is given in the configuration and does not age.
    Static,
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NeighbourState::Incomplete => "incomplete",
            NeighbourState::Reachable => "reachable",
            NeighbourState::Stale => "stale",
            NeighbourState::Probe => "probe",
            NeighbourState::Failed => "failed",
            NeighbourState::Static => "static",
        })
    }
}
