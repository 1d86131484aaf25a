//! What a run is to be.

use serde::Serialize;

use crate::traffic::Traffic;

/// What runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// Which packets.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Of a hundred packets, so many open connections.
    pub new_percent: u8,
    /// Workers, on the cores from 1 on.
    pub workers: usize,
    /// How long.
    pub seconds: u32,
}
