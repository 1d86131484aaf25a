//! What packets may open, decided without a NIC: against a plain model, and the two ways of
//! asking against each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod agreement;
mod answers;
mod clients;
mod model;
mod ports;
mod previews;
mod ranges;
mod reassembly;
mod right;
mod suspects;
mod world;
