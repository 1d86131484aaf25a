//! Which machine of a pair is active.
//!
//! Everything here is pure: a [`Machine`] takes an [`Event`] and the time, and says in
//! [`Action`]s what is to be done. It opens no socket, reads no clock and writes no file,
//! so that two of them and the network between can be run through millions of bad days
//! (tests/simulation.rs) and through every order of events of a small one
//! (tests/exhaustive.rs).
//!
//! A machine is active for as long as its dataplane holds a lease, which [`Action::Renew`]
//! extends at each tick. The lease is shorter than the interval after which the peer is
//! given up: a machine that stops running stops being active before the other begins.
//!
//! What can be promised: while any path between the machines works, two are active for no
//! longer than it takes a heartbeat to arrive. What can't: without any path, a machine
//! cannot tell a dead peer from one that it does not hear, and both will be active until
//! they meet again.

pub mod heartbeat;
pub mod machine;
mod peer;
pub mod time;
pub mod timers;

pub use heartbeat::{Fitness, Heartbeat, Identity, Role, Term, Wish};
pub use machine::{Action, Event, Machine, Notice};
pub use time::Instant;
pub use timers::Timers;
