//! Frames for tests: a builder that says in one line what a frame is, and strategies that
//! generate frames of every kind. The feature `testing` exports them to other crates.
//!
//! etherparse writes the headers and computes the checksums, so that nothing of this crate
//! judges itself: a frame is right until a test [breaks](Flaw) it.
//!
//! ```
//! use wire::testing::Frame;
//!
//! let frame = Frame::udp(([198, 51, 100, 100], 4000), ([198, 51, 100, 10], 53));
//! let frame = frame.payload("hello").ttl(1).build();
//! assert_eq!(frame.len(), 14 + 20 + 8 + 5);
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a frame that cannot be made fails the test that asks for it"
)]

mod content;
mod flaw;
mod frame;
pub mod generate;

pub use content::{Content, TcpFields};
pub use flaw::Flaw;
pub use frame::Frame;
