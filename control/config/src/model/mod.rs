//! What a valid configuration is made of.

pub mod buffers;
pub mod check;
pub mod device;
pub mod hook;
pub mod interface;
pub mod listen;
pub mod masquerade;
pub mod metrics;
pub mod multicast;
pub mod node;
pub mod peer;
pub mod persist;
pub mod pool;
pub mod service;
pub mod sources;
pub mod status;
pub mod timeouts;

use hook::Hook;
use interface::Interface;
use masquerade::Masquerade;
use metrics::Metrics;
use node::Node;
use peer::Peer;
use service::Service;
use sources::SourceLimits;
use status::StatusPage;
use timeouts::Timeouts;

/// A valid configuration: everything in it has been checked, also one section
/// against the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// This machine: cores, memory, sockets.
    pub node: Node,
    /// The NIC towards clients.
    pub public: Interface,
    /// The NIC towards the real servers. Its first floating address is the gateway
    /// address; there is at least one.
    pub private: Interface,
    /// The other machine of the pair; without it this machine is active from the start.
    pub peer: Option<Peer>,
    /// Where Prometheus finds the metrics.
    pub metrics: Metrics,
    /// Where browsers find the status page, and who may see it.
    pub status: StatusPage,
    /// Source NAT rules, in the order in which they are tried; the first that matches
    /// is taken.
    pub masquerade: Vec<Masquerade>,
    /// Services in the order of the file.
    pub services: Vec<Service>,
    /// How long connections outlive their last packet.
    pub timeouts: Timeouts,
    /// What one source of connections may take.
    pub sources: SourceLimits,
    /// What is done at events, in the order of the file.
    pub hooks: Vec<Hook>,
}
