//! Connections, a page at a time.

use core::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Which page of the connections is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Where the page before ended; none: the first page.
    pub cursor: Option<Cursor>,
    /// The most entries, at most [`Page::LIMIT`].
    pub limit: u32,
    /// Which connections are asked for.
    pub filter: Filter,
}

impl Page {
    /// The most entries on a page: so many always fit into a frame.
    pub const LIMIT: u32 = 1000;
}

impl Default for Page {
    fn default() -> Self {
        Page { cursor: None, limit: Page::LIMIT, filter: Filter::default() }
    }
}

/// A place between two pages. Whoever asks hands it back as it came.
///
/// Connections that come or go between two pages may be missed or seen twice; those
/// that stay are seen once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The worker, counted from 0.
    pub worker: u32,
    /// The place in the worker's table.
    pub index: u64,
}

/// Which connections are meant; every part that is given must match.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Those of this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Those with this address at any of their four ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Filter {
    /// True when a connection matches.
    pub fn matches(&self, connection: &Connection) -> bool {
        let service = self.service.is_none() || self.service == connection.service;
        service && self.address.is_none_or(|address| connection.has_end(address))
    }
}

/// One page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// The connections; a page may have fewer than its limit, and even none, and yet
    /// not be the last.
    pub entries: Vec<Connection>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<Cursor>,
}

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Why it is translated.
    #[serde(rename = "type")]
    pub kind: ConnectionKind,
    /// "tcp", "udp" or "icmp".
    pub protocol: String,
    /// The state: "established"; that of TCP, or "open" where there is none.
    pub state: String,
    /// The service it belongs to.
    #[serde(default)]
    pub service: Option<String>,
    /// As the side that opened it sent it. For an ICMP query the identifier is the
    /// source's port, and the destination's is 0.
    pub original: Endpoints,
    /// As it was sent on.
    pub translated: Endpoints,
    /// Since its last packet, in seconds.
    pub idle_seconds: u64,
    /// Until it ends without another packet, in seconds.
    pub expires_seconds: u64,
    /// The worker that has it, counted from 0.
    pub worker: u32,
}

impl Connection {
    fn has_end(&self, address: IpAddr) -> bool {
        let Connection { original, translated, .. } = self;
        [original.source, original.destination, translated.source, translated.destination]
            .iter()
            .any(|end| end.ip() == address)
    }
}

/// Both ends of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoints {
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
}

/// Why a connection is translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionKind {
    /// From a client to a service.
    Service,
    /// From a private host to the public side.
    Masquerade,
    /// From a private host to a service.
    Hairpin,
}

impl fmt::Display for ConnectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectionKind::Service => "service",
            ConnectionKind::Masquerade => "masquerade",
            ConnectionKind::Hairpin => "hairpin",
        })
    }
}
