//! The packet pipeline on DPDK.
//!
//! [`runtime::Dataplane`] starts everything from a configuration. Each [`worker::Worker`]
//! owns a core, its queues, its connections and its counters; [`housekeeping`] does on
//! the main core what is not forwarding: ARP, the kernel's interfaces. Other threads
//! answer requests on the control socket ([`admin`]), and carry connections to and from the
//! other machine ([`sync`]). They share what is read by all and written by one:
//! the [`snapshot::Snapshot`] of the configuration, the [`neighbour::NeighbourTable`],
//! [`counters`], the deadlines of the [`role::LeaseHolder`]; and they hand packets over rings,
//! with an [`handoff_tag::HandoffTag`] in the tag.

pub mod admin;
pub mod client_key;
pub mod clock;
pub mod counters;
pub mod drop_reason;
pub mod handoff_tag;
pub mod housekeeping;
pub mod kernel;
pub mod link;
pub mod log;
pub mod mailbox;
pub mod neighbour;
pub mod observations;
pub mod punt;
pub mod rate;
mod remedy;
pub mod return_path;
pub mod role;
pub mod runtime;
pub mod servers;
pub mod sharing;
pub mod signals;
pub mod snapshot;
pub mod stage;
pub mod sync;
pub mod trace;
pub mod watchdog;
pub mod worker;

pub use drop_reason::DropReason;
