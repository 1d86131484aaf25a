//! Persistence: a client's connections go to one server, also those that open later.
//!
//! ```text
//!   client's prefix, group --hash--> Fingerprint --> Table: fingerprint -> server, until when
//!                              |                       ^  ^
//!                              '-- first choice -------'  '-- import (from the peer), export
//! ```
//!
//! One [`Table`] serves all workers of the machine. A worker looks into it when a connection of
//! a persistent service opens, and never for a packet of a known one; it has no lock, as an
//! entry is one atomic word. A client that has no entry gets the server that the hash of its
//! prefix says among those that serve now, so that workers agree even when they don't see each
//! other's entries yet, and so do machines; the entry keeps it there when servers come and go.
//!
//! An entry names its server by a [`TargetId`], a number for the group and the server's address
//! and port. [`Targets`] gives these numbers, and knows them for longer than a configuration
//! lasts: so entries stay what they are over a reload. The peer is told of the address, as each
//! machine has numbers of its own.

mod choice;
mod count;
mod entry;
mod export;
mod fingerprint;
mod service;
mod shared;
mod table;
mod targets;
#[cfg(test)]
mod tests;
mod told;

pub use count::Clients;
pub use entry::{LONGEST_TIMEOUT, Second};
pub use export::Export;
pub use fingerprint::{Fingerprint, Group};
pub use service::{PersistenceSpecification, ServicePersistence};
pub use shared::{Installed, Persistence};
pub use table::Table;
pub use targets::{MAXIMUM_TARGETS, Target, TargetId, Targets};
pub use told::{BYTES, Told, ToldError};

pub(crate) use choice::{Standing, Standings, choose, keep, server_of};
pub(crate) use service::{Numbered, number};
