//! What the dataplane and its NICs have counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::{NicCounters, Side};

/// All counters of a dataplane since its start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Counters {
    /// The generation of the configuration in force, as in
    /// [`Configuration`](crate::Configuration).
    pub generation: u64,
    /// One entry a worker, ordered by core.
    pub workers: Vec<WorkerCounters>,
    /// The main core's counters by their names in docs/counters.md.
    pub main_core: BTreeMap<String, u64>,
    /// Dropped packets by reason, summed over all workers, reasons without any included.
    pub drops: Vec<DropCount>,
    /// The pools of packet buffers: the workers', and the main core's.
    pub mempools: Vec<MempoolUse>,
    /// How many neighbours of each side are in each [state](crate::NeighbourState).
    pub neighbours: BTreeMap<Side, BTreeMap<String, u64>>,
    /// The hardware counters of the NIC of each side.
    pub nics: BTreeMap<Side, NicCounters>,
}

/// The packet buffers of one pool.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MempoolUse {
    /// Whose pool it is: `workers` or `main`.
    pub name: String,
    /// Buffers that the pool has.
    pub size: u64,
    /// Buffers that are not in the pool now: in a NIC's queue, in a ring, or with whoever works on
    /// a packet. Those that a core keeps in its cache of the pool are none of them.
    pub in_use: u64,
}

/// The counters of one worker since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkerCounters {
    /// The core that the worker runs on.
    pub core: u32,
    /// The counters by their names in docs/counters.md.
    pub counters: BTreeMap<String, u64>,
}

/// How many packets were dropped for one reason.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DropCount {
    /// The name of the reason, such as `no_connection`.
    pub name: String,
    /// The sentence of the reason in docs/counters.md.
    pub description: String,
    /// What an operator can do about it, or that there is nothing to do.
    pub remedy: String,
    /// Packets dropped for this reason since the start.
    pub packets: u64,
}
