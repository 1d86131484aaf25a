//! A worker with the main core's end of its rings in a test's hands: whatever comes in ends in
//! one way, and is counted once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bench;
mod capture;
mod checksums;
mod endings;
mod floating;
mod fragments;
mod full;
mod kill;
mod leaving;
mod limits;
mod multicast;
mod nobody;
mod one_packet;
mod order;
mod overload;
mod padding;
mod priority_tags;
mod private_hosts;
mod punt;
mod reload;
mod return_path;
mod sources;
mod suspects;
mod trace;
mod unserved;
