//! The client of a new connection, as schedulers see it.

use core::fmt;

use ahash::RandomState;
use wire::{Address, Port};

use super::siphash::SipHash;

/// The secret under which clients are hashed: nobody outside can choose addresses that meet on
/// one server. Machines with the same key choose alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientKey([u64; 2]);

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey")
    }
}

// The last word of a message has its length in the top byte. These lengths tell hashes of
// different things apart, as no client's message is as long.
const OFFSET: u64 = 19 << 56;
const SKIP: u64 = 20 << 56;
const SEED: u64 = 21 << 56;
const DIGEST: u64 = 22 << 56;

impl ClientKey {
    /// A key of its own, from the system's randomness.
    pub fn random() -> Self {
        let seeds = RandomState::new();
        ClientKey([seeds.hash_one(1u8), seeds.hash_one(2u8)])
    }

    /// The key with these bits.
    pub const fn from_bits(bits: [u64; 2]) -> Self {
        ClientKey(bits)
    }

    /// The key of 16 bytes, such as a key derivation makes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(bytes);
        ClientKey([bits as u64, (bits >> 64) as u64])
    }

    /// A number that is the same for the same key, and tells nothing about it.
    pub fn digest(&self) -> u64 {
        SipHash::new(self.0).finish(DIGEST)
    }

    /// Where a server begins in a Maglev table, and how far its next places are.
    pub(crate) fn table_hashes<A: Address>(&self, address: A, port: Port) -> [u64; 2] {
        [OFFSET, SKIP].map(|purpose| self.server_hash(address, port, purpose))
    }

    /// What a server is weighed with against a client's hash.
    pub(crate) fn seed<A: Address>(&self, address: A, port: Port) -> u64 {
        self.server_hash(address, port, SEED)
    }

    fn server_hash<A: Address>(&self, address: A, port: Port, purpose: u64) -> u64 {
        let (first, second) = address.words();
        SipHash::new(self.0).word(first).word(second).finish(u64::from(port.number()) | purpose)
    }
}

/// A client: nothing is hashed until a scheduler asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: (u64, u64),
    port: Port,
    destination: (u64, u64),
    /// Octets of an address.
    length: u64,
    key: ClientKey,
}

impl Client {
    /// The client with this address and port, which asks this virtual IP.
    #[inline(always)]
    pub fn new<A: Address>(address: A, port: Port, destination: A, key: ClientKey) -> Self {
        let length = u64::from(A::BITS / 8);
        Client { address: address.words(), port, destination: destination.words(), length, key }
    }

    /// The hash of the address: the same for all connections of a client.
    pub fn address_hash(&self) -> u64 {
        self.hash_of(self.address, None)
    }

    /// The hash of the virtual IP: the same for all clients of it.
    pub fn destination_hash(&self) -> u64 {
        self.hash_of(self.destination, None)
    }

    /// The hash of address and port: another for each connection of a client.
    pub fn hash(&self) -> u64 {
        self.hash_of(self.address, Some(self.port))
    }

    /// The message is the address's octets, and the port's if there is one: of IPv4 they are all
    /// in the last word.
    #[inline]
    fn hash_of(&self, (first, second): (u64, u64), port: Option<Port>) -> u64 {
        let hash = SipHash::new(self.key.0);
        let (number, octets) = port.map_or((0, 0), |port| (u64::from(port.number()), 2));
        let length = (self.length + octets) << 56;
        match self.length {
            4 => hash.finish(first | number << 32 | length),
            _ => hash.word(first).word(second).finish(number | length),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn expected(key: [u64; 2], message: &[u8]) -> u64 {
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(key[0], key[1]);
        hasher.write(message);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn clients_are_hashed_by_siphash(
            key: [u64; 2], v4: Ipv4Addr, v6: Ipv6Addr, port: u16, is_v6: bool,
        ) {
            let (key_of, number) = (ClientKey::from_bits(key), Port::new(port));
            let (client, mut message) = if is_v6 {
                (Client::new(v6, number, v6, key_of), v6.octets().to_vec())
            } else {
                (Client::new(v4, number, v4, key_of), v4.octets().to_vec())
            };
            prop_assert_eq!(client.address_hash(), expected(key, &message));
            prop_assert_eq!(client.destination_hash(), expected(key, &message));
            message.extend(port.to_le_bytes());
            prop_assert_eq!(client.hash(), expected(key, &message));
        }
    }

    #[test]
    fn another_port_is_another_connection_of_the_same_client() {
        let key = ClientKey::random();
        let (address, vip) = (Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(198, 51, 100, 10));
        let [one, other] = [1, 2].map(|port| Client::new(address, Port::new(port), vip, key));
        assert_eq!(one.address_hash(), other.address_hash());
        assert_ne!(one.hash(), other.hash());
        let elsewhere = Client { key: ClientKey::random(), ..one };
        assert_ne!(one.address_hash(), elsewhere.address_hash());
    }
}
