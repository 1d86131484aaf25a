//! An entry as the peer is told of it: 40 bytes, numbers lowest byte first.
//!
//! ```text
//!   0   8   fingerprint
//!   8   8   group
//!   16  16  the server's address; an IPv4 one as an IPv4-mapped one (RFC 4291 section 2.5.5.2)
//!   32  2   its port
//!   34  2   zero
//!   36  4   for how long the entry lasts from now on, in seconds
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use wire::Port;

use super::entry::Second;
use super::fingerprint::{Fingerprint, Group};
use super::targets::Target;
use crate::time::Seconds;

/// What is told of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told<A> {
    /// The client.
    pub fingerprint: Fingerprint,
    /// Its server.
    pub target: Target<A>,
    /// How long the entry lasts yet.
    pub left: Seconds,
}

/// Why bytes are no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ToldError {
    /// No hash of a client is like this.
    #[error("the persistence entry's fingerprint has more than {} bits", Fingerprint::BITS)]
    Fingerprint,
    /// No server has such an address or port.
    #[error("the persistence entry names no server")]
    Server,
    /// No entry lasts so long.
    #[error("the persistence entry lasts for {0} s, which none does")]
    Time(u32),
    /// Bits that are none of this version.
    #[error("the persistence entry has bits that mean nothing")]
    Spare,
}

/// Bytes of an entry.
pub const BYTES: usize = 40;

impl Told<Ipv4Addr> {
    /// The bytes.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let Target { group, address, port } = self.target;
        let parts: [&[u8]; 6] = [
            &self.fingerprint.bits().to_le_bytes(),
            &group.bits().to_le_bytes(),
            &address.to_ipv6_mapped().octets(),
            &port.number().to_le_bytes(),
            &[0; 2],
            &self.left.0.to_le_bytes(),
        ];
        for (place, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }

    /// The entry of these bytes.
    ///
    /// # Errors
    ///
    /// [`ToldError`] when no machine could have told it.
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Result<Self, ToldError> {
        let fingerprint = Fingerprint::from_bits(u64::from_le_bytes(part(bytes, 0)));
        let group = Group::from_bits(u64::from_le_bytes(part(bytes, 8)));
        let address = Ipv6Addr::from(part::<16>(bytes, 16)).to_ipv4_mapped();
        let port = Port::new(u16::from_le_bytes(part(bytes, 32)));
        let spare: [u8; 2] = part(bytes, 34);
        let left = u32::from_le_bytes(part(bytes, 36));
        if spare != [0; 2] {
            return Err(ToldError::Spare);
        }
        let address = address.filter(|address| wire::ipv4::is_forwardable(*address));
        let address = address.filter(|_| port.number() != 0).ok_or(ToldError::Server)?;
        let now = Second::default();
        if now.after(Seconds(left)).left(now) != Some(Seconds(left)) {
            return Err(ToldError::Time(left));
        }
        Ok(Told {
            fingerprint: fingerprint.ok_or(ToldError::Fingerprint)?,
            target: Target { group, address, port },
            left: Seconds(left),
        })
    }
}

/// The bytes from this one on.
fn part<const N: usize>(bytes: &[u8; BYTES], from: usize) -> [u8; N] {
    let found = bytes.get(from..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().unwrap_or([0; N])
}
