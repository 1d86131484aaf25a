//! The configuration file: its types, their validation, and mistakes with their place.
//!
//! A text passes through here in three steps. `document` parses the TOML and
//! walks its tables, each value with its place in the file. `read` takes one section
//! each and turns values into the types of [`model`]. `validate` consumes what was
//! read, judges the sections against each other, and makes the [`Config`]. No step
//! stops at the first mistake: they are collected, sorted by place, and returned
//! together as [`Mistakes`].
//!
//! ```
//! let text = r#"
//!     [node]
//!     name = "a"
//!     workers = [1]
//!
//!     [public]
//!     port = "0000:03:00.0"
//!     address = "198.51.100.2/24"
//!     floating = ["198.51.100.10/24"]
//!     gateway = "198.51.100.1"
//!
//!     [private]
//!     port = "0000:03:00.1"
//!     address = "10.0.0.2/24"
//!     floating = ["10.0.0.1/24"]
//! "#;
//! let config = config::Config::from_str("tandem.toml", text)?;
//! assert_eq!(config.node.name, "a");
//! # Ok::<(), config::Mistakes>(())
//! ```

#![deny(missing_docs)]

mod checked;
pub mod diff;
mod digests;
mod document;
mod load;
mod mistake;
pub mod model;
mod read;
mod resolve;
mod restart;
pub mod schema;
mod sources;
mod validate;

pub use checked::Checked;
pub use digests::{Digests, SECTIONS_OF_A_PAIR};
pub use document::duration::parse as parse_duration;
pub use mistake::{Mistake, Mistakes, Place, Severity};
pub use model::Config;
pub use model::buffers::Buffers;
pub use model::check::{
    Agent, Check, CheckKind, Dns, DnsType, Exchange, Exec, Http, HttpMethod, HttpVersion, Pattern,
    Rcode, Start, StatusRange, Tls, Transport, compile_regex,
};
pub use model::device::{Device, PciAddress, VirtualDevice};
pub use model::hook::{Hook, HookAction, HookCommand, Webhook};
pub use model::interface::{Interface, Route, StaticNeighbour};
pub use model::listen::Listen;
pub use model::masquerade::{Masquerade, PortRange};
pub use model::metrics::Metrics;
pub use model::multicast::MulticastProtocol;
pub use model::node::{CoreId, Idle, LogLevel, Memory, Node, Unserved};
pub use model::peer::{Peer, PeerPath, Timing};
pub use model::persist::Persist;
pub use model::pool::{PoolRules, WhenAllDown};
pub use model::service::{
    HashOptions, Limit, OnDown, Protocol, ReturnPathCheck, Scheduler, Server, Service, WhenFull,
};
pub use model::sources::{Quota, SourceLimits};
pub use model::status::{PageTls, StatusPage};
pub use model::timeouts::{ConnectionTimeouts, TcpTimeouts, Timeouts};
pub use sources::{Source, Sources};
pub use wire::Cidr;
