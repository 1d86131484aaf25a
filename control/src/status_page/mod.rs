//! The status page: the pair, the way of the packets through it, and what is wrong, in a browser.
//!
//! ```text
//!   dataplane ──┐
//!   the pair  ──┼─ [task], once a second ── [view] ── [http] ── the stream /changes
//!   servers   ──┤      │
//!   events    ──┘      └─ [history]: the last minutes and the last day
//! ```
//!
//! The page is files that are part of the program, and draws what the stream tells. While
//! nobody looks, the task keeps the history alone. Nothing here changes anything.

pub mod access;
mod failures;
mod history;
pub mod http;
mod plain;
mod rates;
pub mod task;
pub mod view;
