//! Connections and their translation: the table, services, schedulers, ports, TCP
//! states and timers.
//!
//! Everything here is pure: no socket, no clock, no packet buffer. A worker hands in
//! keys, TCP flags and the time, and gets back what to write into the packet.
//!
//! [`record`] is the ground: [`table`], the timer wheel, [`sync`] and [`connection`] stand
//! above it, in this order.
//!
//! A packet of a known connection goes [`table::Table`] → [`connection::Connections::pass`].
//! One that is not known goes through [`service`], [`scheduler`] and [`ports`] to
//! [`connection::Connections::open`]. The timer wheel brings connections back when their
//! time may be over. [`sync`] tells another machine of all this, or is told. Nothing
//! allocates once a worker runs.

pub mod connection;
pub mod direction;
pub mod fragment;
pub mod memory;
pub mod passive;
pub mod persistence;
pub mod policy;
pub mod ports;
mod prefetch;
pub mod random;
pub mod reassembly;
pub mod record;
pub mod room;
pub mod scheduler;
pub mod service;
pub mod shares;
pub mod side;
pub mod sources;
pub mod sync;
pub mod table;
pub mod tcp;
pub mod time;
pub mod timeouts;
pub mod translator;
mod wheel;

pub use connection::Connections;
pub use direction::Direction;
pub use side::Side;
pub use time::{Instant, Seconds, Stamp};
pub use translator::Translator;
