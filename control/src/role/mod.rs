//! The role: the loop that feeds the state machine and has done what it decides.
//!
//! One thread of its own runs [`driver`] and nothing else. It never waits for the
//! dataplane, a disk or another thread: orders go out over [`dataplane`] and their answers
//! come in as events, terms are written by [`term`] elsewhere, and whoever wants to know
//! something sends an [`ask`].

mod answers;
pub mod ask;
mod asked;
pub mod dataplane;
pub mod driver;
pub mod fitness;
pub mod handover;
pub mod measures;
pub mod notice;
pub mod paths;
pub mod plan;
pub mod start;
mod step;
pub mod term;
pub mod timers;
pub mod view;
mod warnings;

pub use ask::{Ask, Asker};
pub use driver::Driver;
pub use measures::Measures;
pub use plan::Plan;
