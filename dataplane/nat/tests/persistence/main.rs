//! Clients that keep their servers: through services that come and go, over reloads and
//! takeovers, on several workers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod groups;
mod machine;
mod servers;
mod takeover;
