//! Packets followed through the stages of the dataplane.

use core::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::packet_filter::PacketFilter;
use crate::status::Side;

/// Which packets are to be followed, and for how long.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// Selects packets.
    pub filter: PacketFilter,
    /// Where the filter looks at them.
    pub point: TracePoint,
    /// One of so many packets that match is followed; 1: all.
    pub one_in: u32,
    /// Only packets that are dropped are shown.
    pub dropped: bool,
    /// Only packets that are dropped for this reason are shown.
    pub reason: Option<String>,
    /// The trace ends after so many packets.
    pub packets: u64,
    /// The trace ends after so many seconds.
    pub seconds: u32,
}

impl Trace {
    /// The most seconds that a trace may last: an hour.
    pub const LONGEST: u32 = 3600;
}

impl Default for Trace {
    fn default() -> Self {
        Trace {
            filter: PacketFilter::default(),
            point: TracePoint::default(),
            one_in: 1,
            dropped: false,
            reason: None,
            packets: 1000,
            seconds: 60,
        }
    }
}

/// Where a filter looks at packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TracePoint {
    /// As they arrive, before any translation.
    Before,
    /// As they leave, after it.
    After,
    /// At both: a packet that matches at one of them is followed.
    #[default]
    Either,
}

/// What was seen since the last page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TracePage {
    /// The packets, by time as far as one page goes.
    pub journeys: Vec<Journey>,
    /// Counted since the trace began.
    pub counts: TraceCounts,
    /// False when the trace has ended and no journey is left.
    pub running: bool,
}

/// What a trace has looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TraceCounts {
    /// Packets that the filter has looked at.
    pub examined: u64,
    /// Packets that matched.
    pub matched: u64,
    /// Packets that came while the part of the workers' time that a trace may take was spent: they
    /// went their way, and the filter did not see them.
    pub not_examined: u64,
    /// Packets that matched, and whose journeys nobody has fetched in time.
    pub lost: u64,
}

/// A packet's way through one worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Journey {
    /// When the worker took the packet up, in microseconds since 1970.
    pub time_micros: u64,
    /// The core of the worker.
    pub core: u32,
    /// The packet as it arrived, if it could be read.
    #[serde(default)]
    pub packet: Option<PacketSummary>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// What a packet's headers say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PacketSummary {
    /// The sender.
    pub source: IpAddr,
    /// The receiver.
    pub destination: IpAddr,
    /// The sender's port; of an ICMP query its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// The receiver's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// "tcp", "udp", "icmp", or the number of another protocol.
    pub protocol: String,
    /// TCP flags such as "SYN,ACK", what an ICMP message is, or the place of a fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Bytes of the IP packet.
    pub length: u16,
    /// Time to live, in hops.
    pub ttl: u8,
}

impl fmt::Display for PacketSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: IpAddr, port: Option<u16>| match port {
            Some(port) => SocketAddr::new(address, port).to_string(),
            None => address.to_string(),
        };
        let source = end(self.source, self.source_port);
        write!(f, "{source} > {}", end(self.destination, self.destination_port))?;
        write!(f, " {}", self.protocol)?;
        if let Some(detail) = &self.detail {
            write!(f, " {detail}")?;
        }
        Ok(())
    }
}

/// One thing that happened to a packet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// At which stage.
    pub stage: TraceStage,
    /// What happened, in words.
    pub text: String,
    /// One word for it, the same for all packets that went this way: `fast`, `none`, a drop reason,
    /// the scheduler that chose.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The packet as it was afterwards, where it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<PacketSummary>,
    /// The service that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The real server that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<SocketAddr>,
    /// The side on which it arrived or left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// What an operator can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Step {
    /// A step of which nothing is known but these words.
    pub fn new(stage: TraceStage, outcome: impl Into<String>, text: impl Into<String>) -> Self {
        Step {
            stage,
            text: text.into(),
            outcome: outcome.into(),
            packet: None,
            service: None,
            server: None,
            side: None,
            remedy: None,
        }
    }
}

/// The stages of a packet's way.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TraceStage {
    /// A NIC's queue, or a ring, gave it to the worker.
    Arrived,
    /// Its headers were read.
    Read,
    /// What connections are looked up by.
    Key,
    /// The look-up.
    Found,
    /// What was decided about it, and why.
    Decided,
    /// Its new addresses and ports.
    Rewritten,
    /// The station that it is given to.
    NextHop,
    /// It was put into the transmit queue.
    Sent,
    /// The router itself answered its sender.
    Answered,
    /// It went to the worker that owns its connection.
    HandedOff,
    /// The main core got it.
    MainCore,
    /// It waits for other fragments.
    Held,
    /// It went no further.
    Dropped,
    /// A stage of a later release.
    #[serde(other)]
    Other,
}

impl TraceStage {
    /// The stage in words.
    pub const fn name(self) -> &'static str {
        match self {
            TraceStage::Arrived => "arrived",
            TraceStage::Read => "read",
            TraceStage::Key => "key",
            TraceStage::Found => "found",
            TraceStage::Decided => "decided",
            TraceStage::Rewritten => "rewritten",
            TraceStage::NextHop => "next hop",
            TraceStage::Sent => "sent",
            TraceStage::Answered => "answered",
            TraceStage::HandedOff => "handed off",
            TraceStage::MainCore => "main core",
            TraceStage::Held => "held",
            TraceStage::Dropped => "dropped",
            TraceStage::Other => "other",
        }
    }
}

/// A packet about which an operator asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Explain {
    /// "tcp", "udp" or "icmp".
    pub protocol: String,
    /// The sender; of ICMP the port is the identifier.
    pub source: SocketAddr,
    /// The receiver; of ICMP the port is 0.
    pub destination: SocketAddr,
    /// The side on which it arrives; `None`: the one that has the sender.
    #[serde(default)]
    pub side: Option<Side>,
}

/// What would become of the packet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The generation of the configuration by which it was decided.
    pub generation: u64,
    /// The core of the worker that would have the packet.
    pub core: u32,
    /// The packet.
    pub packet: PacketSummary,
    /// What would happen, in order.
    pub steps: Vec<Step>,
}
