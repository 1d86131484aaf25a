//! Where Prometheus finds the metrics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The HTTP server of tandem-control. It only answers, and changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metrics {
    /// Where it listens.
    pub listen: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9405) }
    }
}
