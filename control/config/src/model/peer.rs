//! The other machine of the pair.

use core::time::Duration;
use std::net::IpAddr;
use std::path::PathBuf;

/// The other machine: how it is reached, who is preferred, and when it is given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The paths that heartbeats take, distinct, at least one.
    pub paths: Vec<PeerPath>,
    /// The file with the shared key, mode 0600.
    pub key_file: PathBuf,
    /// The higher is preferred when both are ready.
    pub priority: u8,
    /// UDP port of heartbeats and TCP port of connection sync, at both ends.
    pub port: u16,
    /// The intervals of failover.
    pub timing: Timing,
    /// Answers pings while the network is whole: breaks the tie when no path to the peer
    /// works.
    pub witness: Option<IpAddr>,
}

/// How often, how long; `interval` < `lease` < `dead`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timing {
    /// Between two heartbeats on a path.
    pub interval: Duration,
    /// Silence on every path after which the peer is given up.
    pub dead: Duration,
    /// How long the dataplane keeps its role without hearing from tandem-control.
    pub lease: Duration,
    /// How long a machine of higher priority is ready before it asks for the role; none:
    /// it never asks.
    pub preempt: Option<Duration>,
    /// How long the machine that handed its role over goes on forwarding what still
    /// reaches it.
    pub grace: Duration,
    /// How long after a takeover segments of TCP connections that are not known are dropped,
    /// and not answered with a reset.
    pub quiet: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            interval: Duration::from_millis(20),
            dead: Duration::from_millis(150),
            lease: Duration::from_millis(120),
            preempt: None,
            grace: Duration::from_secs(2),
            quiet: Duration::from_secs(60),
        }
    }
}

impl Peer {
    /// The port of heartbeats and sync unless the configuration says otherwise.
    pub const PORT: u16 = 7405;
}

/// One path to the peer. It may run over a management network, so its family is its
/// own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PeerPath {
    /// This machine's end: a real address.
    pub local: IpAddr,
    /// The peer's end, of the same family.
    pub remote: IpAddr,
}
