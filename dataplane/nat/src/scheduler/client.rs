//! The client of a new connection, as schedulers see it.

use ahash::RandomState;
use wire::{Address, Port};

/// The secret under which clients are hashed: nobody outside can choose addresses that meet on
/// one server. Machines with the same key choose alike.
#[derive(Clone, Copy, Debug)]
pub struct ClientKey([u64; 2]);

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
}

/// A client: nothing is hashed until a scheduler asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: (u64, u64),
    port: Port,
    key: ClientKey,
}

impl Client {
    /// The client with this address and port.
    #[inline(always)]
    pub fn new<A: Address>(address: A, port: Port, key: ClientKey) -> Self {
        Client { address: address.words(), port, key }
    }

    /// The hash of the address: the same for all connections of a client.
    pub fn address_hash(&self) -> u64 {
        let (first, second) = self.address;
        SipHash::new(self.key).word(first).word(second).finish(16 << 56)
    }

    /// The hash of address and port: another for each connection of a client.
    pub fn hash(&self) -> u64 {
        let (first, second) = self.address;
        let rest = u64::from(self.port.number()) | 18 << 56;
        SipHash::new(self.key).word(first).word(second).finish(rest)
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). The hash of
/// the table changes with each release of its library and with the processor; this one never
/// does, so two machines of a pair agree.
struct SipHash([u64; 4]);

impl SipHash {
    fn new(ClientKey([low, high]): ClientKey) -> Self {
        SipHash([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ])
    }

    fn rounds(self, count: usize) -> Self {
        let SipHash([mut a, mut b, mut c, mut d]) = self;
        for _ in 0..count {
            a = a.wrapping_add(b);
            c = c.wrapping_add(d);
            b = b.rotate_left(13) ^ a;
            d = d.rotate_left(16) ^ c;
            a = a.rotate_left(32).wrapping_add(d);
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            d = d.rotate_left(21) ^ a;
            c = c.rotate_left(32);
        }
        SipHash([a, b, c, d])
    }

    fn word(self, word: u64) -> Self {
        let SipHash([a, b, c, d]) = self;
        let SipHash([a, b, c, d]) = SipHash([a, b, c, d ^ word]).rounds(2);
        SipHash([a ^ word, b, c, d])
    }

    /// The last word holds the rest of the message and, in its top byte, the message's length.
    fn finish(self, last: u64) -> u64 {
        let SipHash([a, b, c, d]) = self.word(last);
        let SipHash([a, b, c, d]) = SipHash([a, b, c ^ 0xff, d]).rounds(4);
        a ^ b ^ c ^ d
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[allow(deprecated, reason = "the standard library's SipHash-2-4 is what this is judged by")]
    fn expected(key: [u64; 2], message: &[u8]) -> u64 {
        let mut hasher = core::hash::SipHasher::new_with_keys(key[0], key[1]);
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
                (Client::new(v6, number, key_of), v6.octets().to_vec())
            } else {
                let padded = [&v4.octets()[..], &[0; 12]].concat();
                (Client::new(v4, number, key_of), padded)
            };
            prop_assert_eq!(client.address_hash(), expected(key, &message));
            message.extend(port.to_le_bytes());
            prop_assert_eq!(client.hash(), expected(key, &message));
        }
    }

    #[test]
    fn another_port_is_another_connection_of_the_same_client() {
        let key = ClientKey::random();
        let [one, other] =
            [1, 2].map(|port| Client::new(Ipv4Addr::new(198, 51, 100, 7), Port::new(port), key));
        assert_eq!(one.address_hash(), other.address_hash());
        assert_ne!(one.hash(), other.hash());
        let elsewhere = Client { key: ClientKey::random(), ..one };
        assert_ne!(one.address_hash(), elsewhere.address_hash());
    }
}
