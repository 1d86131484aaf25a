//! The real worker in this process, and what generates its packets.
//!
//! The test bed is DPDK without a NIC: it makes workers, and joins them by pairs of net_ring
//! devices. A worker harness polls a worker by hand and lets the clock run while it polls, which
//! shows what things cost in cycles. A generator sends to a worker on another core. [`ndr`] and [`handoff`] have workers on
//! a core of their own.
//!
//! `mixed` is [`crate::run`] for what cannot be replayed;
//! [`cps`], [`expiry`], [`flood`], [`forged`], [`handoff`], [`lookup`] and [`ndr`] are the subcommands
//! of those names.

pub mod cps;
pub mod expiry;
pub mod flood;
pub mod forged;
pub(crate) mod frames;
pub(crate) mod generator;
pub mod handoff;
pub mod lookup;
pub(crate) mod mixed;
pub mod ndr;
pub mod percentiles;
pub(crate) mod ring_pair;
pub mod test_bed;
pub(crate) mod worker_harness;

pub use percentiles::Percentiles;
pub use test_bed::Pages;
