//! The version of heartbeats: of the envelope, which stands first in a datagram, and of
//! what is sealed in it.
//!
//! The envelope changes with the cryptography only. What is in it begins with its own
//! version and the echo, whatever version it is: so a peer of another release is proven to
//! be the peer, and nobody else can make believe that there is one.

use core::fmt;

use super::message;
use super::seal;

/// A version: this release's own, or what another machine spoke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    pub envelope: u8,
    /// The version of the sealed message, as far as it could be opened.
    pub message: Option<u8>,
}

impl Version {
    /// What this release speaks.
    pub const OWN: Version = Version { envelope: seal::VERSION, message: Some(message::VERSION) };

    /// What to tell the operator about a peer that speaks this one.
    #[must_use]
    pub fn trouble(self) -> String {
        if self == Version::OWN {
            return format!(
                "it speaks version {self} of the heartbeat protocol, as this machine does, and \
                 its messages make no sense here: install the same release of tandem on both \
                 machines"
            );
        }
        format!(
            "it speaks version {self} of the heartbeat protocol and version {} is spoken here: \
             install the same release of tandem on both machines",
            Version::OWN
        )
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            Some(message) => write!(f, "{}.{message}", self.envelope),
            None => write!(f, "{}", self.envelope),
        }
    }
}
