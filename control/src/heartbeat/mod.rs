//! Heartbeats: what the machines tell each other, many times a second, over every path.
//!
//! ```text
//!   version  salt      counter  ciphertext and tag
//!   1 byte   16 bytes  8 bytes  ChaCha20-Poly1305, the header authenticated with it
//!
//!   key = HKDF-SHA256(shared key, salt, "tandem heartbeat v1"), nonce = counter
//! ```
//!
//! Each start of a process draws a salt, so that no key is used twice and the counter needs
//! no disk. A datagram from the wire passes through here in this order, the cheap before the
//! dear: its TTL ([`path`]), then in [`association`] its length, version and salt, its
//! path's rate for strangers ([`bucket`], and [`lottery`] beyond it), its counter
//! ([`window`]), its tag ([`seal`]), and at last what it says ([`message`]): it has to echo
//! the salt of this start, so that nothing recorded from an earlier one counts. Whatever
//! fails is counted as a [`Refusal`] and changes nothing. What gets so far proves that the
//! peer lives, whatever is wrong with its words: what cannot be read is no heartbeat, and no
//! silence either.

pub mod association;
pub mod bucket;
#[cfg(test)]
mod flood;
pub mod lottery;
pub mod message;
pub mod path;
pub mod refusal;
mod salt;
pub mod seal;
pub mod version;
pub mod window;

pub use association::{Accepted, Association, Gate, Verdict};

pub use message::{Beat, Body, Message, NotUnderstood, Progress, Timers};
pub use refusal::{Refusal, Refusals};
pub use salt::Salt;
pub use version::Version;
