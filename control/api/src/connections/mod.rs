//! Connections: listed a page at a time, counted, and ended.

mod count;
mod filter;
mod kill;
mod order;

use core::fmt;
use std::net::{IpAddr, SocketAddr};

pub use count::{ConnectionCounts, ConnectionGroup, CountBy, CountConnections};
pub use filter::{Filter, STATES, ServerAddress};
pub use kill::{Kill, Killed};
pub use order::{ConnectionOrder, SortKey};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which page of the connections is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// The cursor of the page before; `None` asks for the first page.
    pub cursor: Option<Cursor>,
    /// The most entries that the page may have, up to [`Page::LIMIT`].
    pub limit: u32,
    /// Only connections that match this filter are on the page.
    pub filter: Filter,
    /// The order of the entries; `None` is that of the table. With an order the page has those that
    /// come first among the connections that it covers, up to its limit; whoever wants the first of
    /// all merges the pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<ConnectionOrder>,
}

impl Page {
    /// The most entries on a page: so many always fit into a frame.
    pub const LIMIT: u32 = 1000;
}

impl Default for Page {
    fn default() -> Self {
        Page { cursor: None, limit: Page::LIMIT, filter: Filter::default(), order: None }
    }
}

/// A position between two pages. A client sends it back as it received it.
///
/// A connection that opens or ends between two pages may be missed or listed twice; any other is
/// listed once.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
pub struct Cursor {
    /// The worker whose table is listed next, counted from 0.
    pub worker: u32,
    /// The index in that worker's table.
    pub index: u64,
}

/// One page of the connections.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Connections {
    /// The connections. A page that is not the last may have fewer than its limit, or none.
    pub entries: Vec<Connection>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<Cursor>,
    /// The generation of the configuration whose services are named.
    pub generation: u64,
}

/// One connection, as `tandem connections` lists it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Which rule of the configuration translates the connection.
    #[serde(rename = "type")]
    pub kind: ConnectionKind,
    /// The protocol: "tcp", "udp" or "icmp".
    pub protocol: String,
    /// The TCP state, such as "ESTABLISHED". Of other protocols "UNREPLIED" while one end alone has
    /// sent, "REPLIED" once it was answered, and "ASSURED" once it has sent again after that.
    pub state: String,
    /// The name of the service that the connection belongs to, if any.
    #[serde(default)]
    pub service: Option<String>,
    /// Source and destination as the side that opened the connection sent them. For an ICMP query
    /// the identifier is the source's port, and the destination's is 0.
    pub original: Endpoints,
    /// Source and destination of the same packet after its translation.
    pub translated: Endpoints,
    /// Seconds since the connection was opened, as far as this machine knows: on a standby, and
    /// after a takeover, since it was told of the connection.
    #[serde(default)]
    pub age_seconds: u64,
    /// Seconds since the last packet.
    pub idle_seconds: u64,
    /// Seconds until the connection ends if no further packet comes.
    pub expires_seconds: u64,
    /// The worker that owns the connection, counted from 0.
    pub worker: u32,
}

impl Connection {
    /// The end that has opened the connection: a client, or a private host.
    pub fn client(&self) -> IpAddr {
        self.original.source.ip()
    }

    /// The real server; `None` for a masqueraded connection.
    pub fn server(&self) -> Option<SocketAddr> {
        match self.kind {
            ConnectionKind::Service | ConnectionKind::Hairpin => Some(self.translated.destination),
            ConnectionKind::Masquerade => None,
        }
    }

    fn has_end(&self, address: IpAddr) -> bool {
        let Connection { original, translated, .. } = self;
        [original.source, original.destination, translated.source, translated.destination]
            .iter()
            .any(|end| end.ip() == address)
    }
}

/// Source and destination of a packet, with ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Endpoints {
    /// The sender's address and port.
    pub source: SocketAddr,
    /// The receiver's address and port.
    pub destination: SocketAddr,
}

/// Which rule of the configuration translates a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionKind {
    /// A service, for a client on the public side.
    Service,
    /// A masquerade rule, for a private host.
    Masquerade,
    /// A service, for a private host that uses its public address.
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
