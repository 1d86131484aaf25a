//! Every counter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::status::{NicCounters, Side};

/// Every counter since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// The workers by core.
    pub workers: Vec<WorkerCounters>,
    /// The main core's, by name.
    pub main_core: BTreeMap<String, u64>,
    /// Dropped packets by reason, over all workers; reasons that never happened too.
    pub drops: Vec<DropCount>,
    /// What the NICs counted.
    pub nics: BTreeMap<Side, NicCounters>,
}

/// What one worker counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerCounters {
    /// Its core.
    pub core: u32,
    /// The counters by name.
    pub counters: BTreeMap<String, u64>,
}

/// Packets dropped under one reason.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DropCount {
    /// The reason's name: `no_connection`.
    pub name: String,
    /// The reason in words.
    pub description: String,
    /// How many.
    pub packets: u64,
}
