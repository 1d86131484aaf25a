//! The version of the control socket's protocol.

/// The version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;
