//! Clients and groups by their hashes.

use core::fmt;

use wire::{Address, Port};

use crate::scheduler::{Client, ClientKey};

/// A group of services that send a client to the same server, by a hash of its name. The hash is
/// the same on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Group(u64);

impl Group {
    /// The group with this name in the configuration.
    pub fn named(name: &str) -> Self {
        Group(hash("group", name))
    }

    /// The group that a service is alone in.
    pub fn of_service(name: &str) -> Self {
        Group(hash("service", name))
    }

    /// The group whose hash this is.
    pub const fn from_bits(bits: u64) -> Self {
        Group(bits)
    }

    /// The hash.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// FNV-1a (Fowler, Noll and Vo). Names are the operator's, and nobody else chooses them.
fn hash(kind: &str, name: &str) -> u64 {
    let bytes = kind.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What the table knows a client and group by: 40 bits of a keyed hash. Of a million clients one
/// shares its fingerprint with another. These two go to one server, on both machines of a pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Bits of a fingerprint.
    pub const BITS: u32 = 40;

    /// The fingerprint with these bits; none if there are more than [`Fingerprint::BITS`].
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits >> Self::BITS == 0 { Some(Fingerprint(bits)) } else { None }
    }

    /// Its bits.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:010x})", self.0)
    }
}

/// The hash of a client's prefix in a group, under the secret of the pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientHash(u64);

impl ClientHash {
    /// For a client whose address is masked already.
    pub(super) fn new<A: Address>(prefix: A, group: Group, key: ClientKey) -> Self {
        let address = Client::new(prefix, Port::new(0), A::UNSPECIFIED, key).address_hash();
        ClientHash(mix(address ^ group.0))
    }

    /// What the table knows it by.
    #[inline]
    pub(super) const fn fingerprint(self) -> Fingerprint {
        Fingerprint(self.0 >> (64 - Fingerprint::BITS))
    }

    /// A number for this client and a server with this seed, as good as random.
    #[inline]
    pub(super) const fn with(self, seed: u64) -> u64 {
        mix(self.0 ^ seed)
    }
}

/// MurmurHash3's last step (Appleby), after which each bit depends on all. No two words become
/// the same.
#[inline]
const fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let word = (word ^ word >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}

/// What tells a server's draws from the others': its address, and which of the servers with this
/// address it is. Services of one group draw alike for one address, whatever the port.
pub(super) fn seed<A: Address>(address: A, which: usize) -> u64 {
    let (first, second) = address.words();
    mix(mix(mix(first) ^ second) ^ which as u64)
}
