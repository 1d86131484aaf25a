//! The role of this machine: the driver that feeds the state machine of the crate `failover`,
//! and what it decides with.
//!
//! One thread of its own runs the [`driver`] and nothing else. It never waits for the
//! dataplane, a disk or another thread: orders go out over [`dataplane`] and their answers
//! come in as events, [`term`] writes terms to disk on another thread, and other threads ask
//! through a [`DriverHandle`].

mod damping;
pub mod dataplane;
pub mod driver;
pub mod fitness;
pub mod handover;
mod key_warnings;
pub mod notice;
pub mod pair_view;
pub mod sync_direction;
pub mod term;
mod warnings;

pub use driver::Driver;
pub use driver::requests::{DriverHandle, DriverRequest};
pub use sync_direction::SyncPlan;
