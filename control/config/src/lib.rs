//! The configuration file: its types, their validation, and mistakes with their place.
//!
//! A text passes through here in three steps. [`document`](self) parses the TOML and
//! walks its tables, each value with its place in the file. `read` takes one section
//! each and turns values into the types of [`model`]. `validate` consumes what was
//! read, judges the sections against each other, and makes the [`Config`]. No step
//! stops at the first mistake: they are collected, sorted by place, and returned
//! together as [`Mistakes`].

pub mod model;

pub use model::Config;
pub use model::check::{Check, CheckKind, StatusRange};
pub use model::cidr::Cidr;
pub use model::device::{Device, PciAddress, VirtualDevice};
pub use model::interface::{Interface, Route, StaticNeighbour};
pub use model::masquerade::{Masquerade, PortRange};
pub use model::node::{CoreId, Idle, LogLevel, Memory, Node};
pub use model::peer::{Peer, PeerPath};
pub use model::service::{Protocol, Scheduler, Server, Service};
pub use model::timeouts::{ConnectionTimeouts, TcpTimeouts, Timeouts};
