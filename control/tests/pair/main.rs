//! Two real tandem-control processes, over the loopback interface: who is active when.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod dataplane;
mod machine;
mod process;
mod roles;
