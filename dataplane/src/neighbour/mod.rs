//! Neighbours on Ethernet: who has which address.
//!
//! The main core owns the [`resolver::Resolver`]: it learns from ARP, asks, probes and
//! forgets, and publishes what workers need in the [`table::NeighbourTable`]. A worker
//! that meets a neighbour without a usable address hands the translated packet to the
//! main core, which holds it until the answer comes. The [`prober::Prober`] knows which next
//! hops of the configuration answer.

pub mod prober;
pub mod resolver;
pub mod table;

pub use resolver::Resolver;
pub use table::{NeighbourReader, NeighbourTable, Sender};
