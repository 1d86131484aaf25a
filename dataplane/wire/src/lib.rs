//! Packet headers and checksums: views over bytes, in place, that never panic.
//!
//! Data passes through this crate in one of two ways. The fast path reads a
//! [`flow::Flow`] out of a plain frame with one bounds check and rewrites it in
//! place. Everything else goes through the views of one protocol each
//! ([`ethernet`], [`arp`], [`ipv4`], ...), which check as they are made.
//!
//! Network byte order exists only in here: [`Port`] and the addresses carry their
//! bytes as they stand in the packet, and show a number only when asked.

#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod address;
pub mod arp;
pub mod build;
mod bytes;
pub mod checksum;
pub mod cidr;
pub mod ethernet;
pub mod flow;
pub mod icmpv4;
pub mod ipv4;
pub mod mac;
pub mod parse;
pub mod port;
pub mod protocol;
pub mod tcp;
#[cfg(feature = "testing")]
pub mod testing;
pub mod translate;
pub mod tuple;
pub mod udp;

pub use address::Address;
pub use cidr::Cidr;
pub use mac::MacAddress;
pub use port::Port;
pub use protocol::Protocol;
pub use tuple::FiveTuple;
