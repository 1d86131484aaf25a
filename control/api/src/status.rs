//! How the machine is.

use core::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the machine is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The dataplane's version.
    pub version: String,
    /// DPDK's version: "DPDK 22.11.11".
    pub dpdk: String,
    /// The machine's name.
    pub node: String,
    /// Its role.
    pub role: Role,
    /// Since the dataplane's start, in seconds.
    pub uptime_seconds: u64,
    /// The workers by core.
    pub workers: Vec<WorkerStatus>,
    /// Both NICs.
    pub nics: Vec<Nic>,
    /// The configuration that is in force.
    pub configuration: Configuration,
}

/// The role of a machine in its pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It answers for the floating addresses and forwards.
    #[default]
    Active,
    /// It holds itself ready.
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

/// A worker.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerStatus {
    /// Its core.
    pub core: u32,
    /// Connections in its table.
    pub connections: u64,
    /// Connections that its table can hold.
    pub capacity: u64,
    /// The share of its polls that found packets, in thousandths.
    pub busy_permille: u16,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets dropped, for whichever reason.
    pub dropped_packets: u64,
}

/// One side's NIC.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Nic {
    /// Which side it is.
    pub side: Side,
    /// The device, as it is configured.
    pub device: String,
    /// The driver: "net_ixgbe".
    pub driver: String,
    /// Its Ethernet address.
    pub mac: String,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// Whether the link is up.
    pub link_up: bool,
    /// The link's speed in Mb/s; none where the driver does not know.
    pub speed_mbps: Option<u32>,
    /// The real address with its prefix.
    pub address: String,
    /// The floating addresses with their prefixes.
    pub floating: Vec<String>,
    /// What the NIC counted.
    pub counters: NicCounters,
}

/// The sides of the router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Towards clients.
    #[default]
    Public,
    /// Towards real servers.
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

/// What a NIC counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NicCounters {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets lost because the receive queues were full.
    pub rx_missed: u64,
    /// Packets received broken.
    pub rx_errors: u64,
    /// Packets lost because no packet buffer was free.
    pub rx_no_buffer: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
}

/// The configuration that is in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// Its file.
    pub path: PathBuf,
    /// When it was taken, in seconds since 1970.
    pub loaded_at: u64,
    /// 1 at the start, one more with every reload.
    pub generation: u64,
}
