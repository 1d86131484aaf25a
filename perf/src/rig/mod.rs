//! The real worker in this process, and what feeds it.
//!
//! The ground is DPDK without a NIC; workers stand on it, and cables of net_ring lead to
//! them. A bench is a worker that is polled by hand, with the clock running
//! while it polls: for what things cost in cycles. [`ndr`] and [`handoff`] have workers on
//! a core of their own.
//!
//! `mixed` is [`crate::run`] for what cannot be replayed;
//! [`cps`], [`expiry`], [`flood`], [`handoff`], [`lookup`] and [`ndr`] are the subcommands
//! of those names.

pub(crate) mod bench;
pub(crate) mod cable;
pub mod cps;
pub mod expiry;
pub(crate) mod feeder;
pub mod flood;
pub(crate) mod frames;
pub mod ground;
pub mod handoff;
pub mod lookup;
pub(crate) mod mixed;
pub mod ndr;
pub mod percentiles;

pub use ground::Pages;
pub use percentiles::Percentiles;
