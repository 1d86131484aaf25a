//! The pieces of a packet's way, each over as many packets or connections as there are.
//!
//! The benchmarks of `wire` and `nat` take their time, and the program `instructions` counts
//! their instructions and compares with `instructions.toml`. No network and no DPDK.

#![allow(clippy::expect_used, reason = "what cannot be made cannot be measured")]

pub mod capture;
pub mod connections;
pub mod frames;
pub mod schedulers;

/// Packets that a worker takes at a time.
pub const BURST: usize = 32;
