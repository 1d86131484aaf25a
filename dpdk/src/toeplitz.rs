//! The Toeplitz hash by which NICs choose the queue of a packet.
//!
//! Each bit of the input that is set contributes the 32 bits of the key that begin at its own
//! place ("RSS hashing types" in Microsoft's documentation of receive side scaling, where the
//! test vectors are from). So what an octet contributes is looked up, in tables that DPDK's
//! own function fills.

/// The Toeplitz hash of IPv4 addresses with one key.
#[derive(Clone, Debug)]
pub struct Toeplitz {
    /// The hash that each value of each of the four octets contributes.
    octets: [[u32; 256]; 4],
}

impl Toeplitz {
    /// Makes the hash with a key of eight bytes, the first in the highest bits. The hash of four
    /// bytes depends on no further bytes of a key.
    pub fn new(key: u64) -> Self {
        let key = [(key >> 32) as u32, key as u32].map(u32::to_be);
        // SAFETY: the key is two words, which is what a hash of one word reads.
        let hash = |word| unsafe { dpdk_sys::tandem_toeplitz(word, key.as_ptr()) };
        let octet =
            |place: usize| core::array::from_fn(|value| hash((value as u32) << (24 - 8 * place)));
        Toeplitz { octets: core::array::from_fn(octet) }
    }

    /// The hash of an address, the first octet in the highest bits.
    #[inline(always)]
    pub fn hash(&self, address: u32) -> u32 {
        let octets = self.octets.iter().zip(address.to_be_bytes());
        octets.fold(0, |hash, (table, octet)| hash ^ table[usize::from(octet)])
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    /// The key of Microsoft's test vectors for receive side scaling.
    const KEY: [u8; 40] = [
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
        0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ];

    fn at(word: usize) -> Toeplitz {
        Toeplitz::new(u64::from_be_bytes(KEY[4 * word..][..8].try_into().unwrap_or_default()))
    }

    #[test]
    fn microsofts_vectors() {
        let [source, destination] = [at(0), at(1)];
        for (from, to, expected) in [
            ([66, 9, 149, 187], [161, 142, 100, 80], 0x323e_8fc2),
            ([199, 92, 111, 2], [65, 69, 140, 83], 0xd718_262a),
            ([24, 19, 198, 95], [12, 22, 207, 184], 0xd2d0_a5de),
            ([38, 27, 205, 30], [209, 142, 163, 6], 0x8298_9176),
            ([153, 39, 163, 191], [202, 188, 127, 2], 0x5d18_09c5),
        ] {
            let [from, to] = [from, to].map(|octets| Ipv4Addr::from(octets).to_bits());
            assert_eq!(source.hash(from) ^ destination.hash(to), expected, "{from:x} {to:x}");
        }
    }

    #[test]
    fn whole_addresses_hash_as_dpdk_has_them() {
        let toeplitz = at(0);
        let key = [0x6d5a_56da_u32, 0x255b_0ec2].map(u32::to_be);
        let mut address = 1u32;
        for _ in 0..100_000 {
            address = address.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            // SAFETY: the key is two words.
            let expected = unsafe { dpdk_sys::tandem_toeplitz(address, key.as_ptr()) };
            assert_eq!(toeplitz.hash(address), expected, "{address:x}");
        }
    }
}
