//! What the user asks of a run.

use serde::Serialize;

use crate::traffic::Traffic;

/// Which packets are sent, for how long, and to how many workers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RunSettings {
    /// The packets of the connections.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// How many of a hundred packets open a connection.
    pub new_percent: u8,
    /// The number of workers; they run on the cores from 1 on.
    pub workers: usize,
    /// The length of the run.
    pub seconds: u32,
    /// How many times a second a server's weight changes, in as many seconds more, each of which
    /// follows one without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flap: Option<u32>,
}
