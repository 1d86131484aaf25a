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
//! no disk. A datagram from the wire is checked in this order, the cheap checks before the
//! expensive ones: its TTL ([`path`]), then in [`association`] its length, version and salt,
//! its path's rate for unproven senders ([`bucket`], and a sample of the excess from
//! [`reservoir`]), its counter ([`replay_window`]), its tag ([`seal`]), and at last its contents
//! ([`message`]). The contents have to echo the salt of this start, so that nothing recorded
//! from an earlier one counts. A datagram that fails a check is counted as a [`Refusal`] and
//! changes nothing. A datagram that passes all but the last proves that the peer lives even if
//! its contents are not understood: it is no heartbeat, and no silence either.

pub mod association;
pub mod bucket;
#[cfg(test)]
mod flood;
pub mod message;
pub mod path;
pub mod paths;
pub mod refusal;
pub mod replay_window;
pub mod reservoir;
mod salt;
pub mod seal;
pub mod version;

pub use association::{Accepted, Admission, Association, Reception};

pub use message::{Body, HeartbeatPayload, Message, NotUnderstood, Progress, Timers};
pub use refusal::{Refusal, Refusals};
pub use salt::Salt;
pub use version::Version;
