//! The server pools: which real servers get new connections, and how many.
//!
//! ```text
//!   health checks ──────────┐
//!   operators ── [orders] ──┤                                       ┌─ [dataplane] ── SetServers
//!   [folder] ───────────────┼─ [task] ── [pool] ── [weights] ───────┤
//!   configuration ──────────┤                                       └─ status, metrics
//!   the peer ── [exchange] ─┘
//! ```
//!
//! A server has two states that do not overwrite each other: the operational one of its checks
//! and the administrative one that operators, its agent, the maintenance folder and the
//! configuration decide. [`weights`] makes one effective weight of them, which [`dataplane`]
//! keeps the dataplane at. [`task`] owns all of it; heartbeats have threads of their own and
//! never wait for it.

pub mod checks;
pub mod dataplane;
pub mod exchange;
pub mod folder;
pub mod observed;
pub mod orders;
pub mod pool;
mod return_path;
mod status;
pub mod store;
pub mod task;
pub mod weights;

pub use observed::Observed;
pub use orders::ServerKey;
pub use task::{PoolsHandle, PoolsTask};
