//! The change of the pair's key, while the pair runs.
//!
//! ```text
//!   tandem key rotate -- Unix socket -- [keeper], files
//!    [rotation][plan] == TCP, Noise == [link], [keeper], files
//! ```
//!
//! The command looks at what both machines hold, has one of them do the next [step](plan), and looks
//! again, until both use the new key and hold no other. Every step leaves each machine with the key
//! that the other one uses, and is done or not done. So whoever is cut off, restarted or killed at any
//! place, nothing is lost, and the command goes on from there when it is typed again.

pub mod keeper;
pub mod link;
pub mod machines;
pub mod message;
pub mod plan;
pub mod rotation;

pub use keeper::Keeper;
pub use plan::{Side, Step};
