//! The state of a machine: role, workers, NICs and configuration.

use core::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease::NicState;

/// The state of a machine, as `tandem status` shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Status {
    /// The release of the dataplane.
    pub version: String,
    /// The version of DPDK, such as "DPDK 22.11.11".
    pub dpdk: String,
    /// The machine's `node.name`.
    pub node: String,
    /// The role of this machine in its pair.
    pub role: Role,
    /// Seconds since the start of the dataplane.
    pub uptime_seconds: u64,
    /// One entry a worker, ordered by core.
    pub workers: Vec<WorkerStatus>,
    /// Connections that the machine can hold, over all workers.
    pub connections_limit: u64,
    /// The NIC of the public and of the private side.
    pub nics: Vec<Nic>,
    /// The configuration that is in force.
    pub configuration: Configuration,
    /// The key under which schedulers hash clients.
    pub client_key: ClientKey,
}

/// The key under which schedulers hash clients. Machines with the same one choose alike.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClientKey {
    /// Where it comes from.
    pub origin: KeyOrigin,
    /// A number that is the same for the same key, and tells nothing about it.
    pub digest: String,
}

/// Where a key comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyOrigin {
    /// It is derived from the key that both machines share.
    Pair,
    /// It is the machine's own, and kept on disk.
    Own,
    /// It is of this start of the dataplane alone.
    #[default]
    Start,
}

/// The role of a machine in its pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The machine answers for the floating addresses and forwards.
    #[default]
    Active,
    /// The machine neither answers for the floating addresses nor forwards.
    Standby,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Active => "active",
            Role::Standby => "standby",
        })
    }
}

/// The state of a worker, with its counters since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkerStatus {
    /// The core that the worker runs on.
    pub core: u32,
    /// Connections in the worker's table.
    pub connections: u64,
    /// Connections that the worker could have now, if the others took no more.
    pub capacity: u64,
    /// The share of the worker's polls that found packets, in thousandths.
    pub busy_permille: u16,
    /// Packets that the worker has received.
    pub rx_packets: u64,
    /// Packets that the worker has sent.
    pub tx_packets: u64,
    /// Packets that the worker has dropped, for whichever reason.
    pub dropped_packets: u64,
}

/// The NIC of one side.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Nic {
    /// The side that the NIC is on.
    pub side: Side,
    /// The device, as the configuration names it.
    pub device: String,
    /// The name of DPDK's driver, such as "net_ixgbe".
    pub driver: String,
    /// The Ethernet address of the NIC.
    pub mac: String,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// What has become of the NIC.
    pub state: NicState,
    /// True while the link is up.
    pub link_up: bool,
    /// The speed of the link in Mb/s; `None` where the driver does not know.
    pub speed_mbps: Option<u32>,
    /// The machine's real address on this side, with the prefix of its network.
    pub address: String,
    /// The floating addresses of this side, with their prefixes.
    pub floating: Vec<String>,
    /// The counters of the device since the start.
    pub counters: NicCounters,
}

/// The two sides of the router.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The side of clients and the Internet.
    #[default]
    Public,
    /// The side of the real servers.
    Private,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Public => "public",
            Side::Private => "private",
        })
    }
}

/// The counters of a NIC since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NicCounters {
    /// Packets that the NIC has received.
    pub rx_packets: u64,
    /// Bytes that the NIC has received.
    pub rx_bytes: u64,
    /// Packets lost because the receive queues were full.
    pub rx_missed: u64,
    /// Packets that arrived damaged.
    pub rx_errors: u64,
    /// Packets lost because no packet buffer was free.
    pub rx_no_buffer: u64,
    /// Packets that the NIC has sent.
    pub tx_packets: u64,
    /// Bytes that the NIC has sent.
    pub tx_bytes: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
}

/// The configuration that is in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Configuration {
    /// The path of the file.
    pub path: PathBuf,
    /// When the file was read, in seconds since 1970.
    pub loaded_at: u64,
    /// A number that is 1 at the start and grows by one with every reload that changes something.
    pub generation: u64,
}
