//! Connection sync between the workers of two machines, without threads: every order of
//! events that threads could bring about can be brought about here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod binding;
mod events;
mod model;
mod pair;
mod standby;
mod upkeep;
