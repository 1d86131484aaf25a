//! The neighbour tables of both sides.

use core::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::status::Side;

/// Every neighbour.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Neighbours {
    /// The neighbours by side and address.
    pub entries: Vec<Neighbour>,
}

/// A neighbour on one side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Neighbour {
    /// The side.
    pub side: Side,
    /// Its address.
    pub address: IpAddr,
    /// Its Ethernet address, when it is known.
    #[serde(default)]
    pub mac: Option<String>,
    /// How far it is known.
    pub state: NeighbourState,
    /// Since the state was last confirmed or entered, in seconds.
    pub age_seconds: u64,
}

/// How far a neighbour is known; names as Linux has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeighbourState {
    /// Asked for, not answered yet.
    Incomplete,
    /// Confirmed lately.
    Reachable,
    /// Used, and due to be confirmed.
    Stale,
    /// Being asked again, to its last known Ethernet address.
    Probe,
    /// Asked for and did not answer.
    Failed,
    /// From the configuration.
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
