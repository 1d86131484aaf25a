//! The HTTP servers of tandem-control: the metrics and the status page.
//!
//! Whoever connects is bounded, so that the process keeps its descriptors and its time for the
//! pair: so many connections in all and of one address, so much room for a request's head, so long
//! for each step. One connection carries one request.

mod patient;
mod server;
pub mod tls;

pub use server::{Limits, Visitor, answer};
