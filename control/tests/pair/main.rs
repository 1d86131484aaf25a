//! Two real tandem-control processes, over the loopback interface: who is active when.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

#[path = "../dataplane/mod.rs"]
mod answers;
mod dataplane;
mod events;
mod flaps;
mod incompatible;
mod keys;
mod logs;
mod machine;
mod metrics;
mod pool;
mod process;
mod reach;
mod roles;
mod same_name;
mod servers;
mod signals;
mod status_page;
mod strangers;
