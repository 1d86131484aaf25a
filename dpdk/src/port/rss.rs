//! Receive side scaling: the queue on which a device puts a packet.
//!
//! The device hashes an address of the packet with a key (see [`crate::toeplitz`]), and the
//! low bits of the hash choose a place in its table of queues.

use core::fmt;

use dpdk_sys::{rte_eth_rss_conf, rte_eth_rss_reta_entry64};

use super::{Port, configure};
use crate::eal::{control, describe};
use crate::toeplitz::Toeplitz;

/// The addresses of IPv4 packets that a device hashes, whatever else is in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashOn {
    /// The device hashes the source address alone.
    Source,
    /// The device hashes the destination address alone.
    Destination,
    /// The device hashes source and destination address.
    Both,
}

impl HashOn {
    fn types(self) -> u64 {
        let only = match self {
            HashOn::Source => 1 << dpdk_sys::TANDEM_RSS_SOURCE_ONLY,
            HashOn::Destination => 1 << dpdk_sys::TANDEM_RSS_DESTINATION_ONLY,
            HashOn::Both => 0,
        };
        1 << dpdk_sys::TANDEM_RSS_IPV4 | only
    }
}

impl fmt::Display for HashOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HashOn::Source => "the source address alone",
            HashOn::Destination => "the destination address alone",
            HashOn::Both => "IPv4 addresses",
        })
    }
}

/// A key: four bytes, repeated for as long as a device wants.
///
/// Since they repeat, an address has the same hash wherever in a device's input it stands: as
/// the source of one packet, and as the destination of its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RssKey(u32);

impl RssKey {
    /// The first key from these bits on that spreads addresses: no two have the same hash, and
    /// the 256 that differ in their last octet have 256 different low bytes.
    pub fn from_random(bits: u32) -> Self {
        let mut key = RssKey(bits);
        while !key.spreads() {
            key = RssKey(key.0.wrapping_add(1));
        }
        key
    }

    /// The Toeplitz hash of addresses with this key, as the device computes it.
    pub fn toeplitz(self) -> Toeplitz {
        Toeplitz::new(u64::from(self.0) << 32 | u64::from(self.0))
    }

    /// The four bytes of the key, the first in the highest bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    fn spreads(self) -> bool {
        // A bit of the address contributes the key, rotated. Such a map can be inverted if the
        // key's bits are odd in number: as a polynomial, it has no factor of x^32 + 1 then.
        let toeplitz = self.toeplitz();
        let mut seen = [false; 256];
        (0..256).for_each(|octet| seen[toeplitz.hash(octet) as usize % 256] = true);
        self.0.count_ones() % 2 == 1 && seen.iter().all(|seen| *seen)
    }

    fn bytes(self, length: usize) -> Vec<u8> {
        self.0.to_be_bytes().into_iter().cycle().take(length).collect()
    }
}

/// How a device is to spread the packets that it receives over the queues.
#[derive(Clone, Copy, Debug)]
pub struct Rss<'a> {
    /// The addresses that the device hashes.
    pub hash_on: HashOn,
    /// The key of the hash.
    pub key: RssKey,
    /// The queue of each hash, modulo the length of this table.
    pub queues: &'a [u16],
}

/// Why a device does not spread packets as it was told to. It receives them all the same.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RssError {
    /// The device cannot hash these addresses.
    #[error("it can't hash {0}")]
    NotOffered(HashOn),
    /// The device's table of queues is no multiple of the one that was asked for.
    #[error("its table has {offered} places for queues, and a multiple of {asked} is needed")]
    Table {
        /// The number of entries in the device's table.
        offered: u16,
        /// The number of entries that was asked for.
        asked: usize,
    },
    /// The driver refused a step of the configuration.
    #[error("its driver refused to {step}: {cause}")]
    Refused {
        /// What the driver was asked to do, as the end of "refused to".
        step: &'static str,
        /// DPDK's reason, in words.
        cause: String,
    },
    /// The device took everything, and reports another key, table or kind of hash when it is asked.
    #[error("its {0} is not what it was given")]
    Differs(&'static str),
}

fn step(step: &'static str, result: i32) -> Result<(), RssError> {
    if result == 0 { Ok(()) } else { Err(RssError::Refused { step, cause: describe(result) }) }
}

impl Port {
    /// Has the device spread what it receives over the port's queues, and reads back whether
    /// it will.
    ///
    /// # Errors
    ///
    /// Returns [`RssError`]; packets are then spread by all that the device can hash, as before.
    pub fn spread(&self, rss: &Rss<'_>) -> Result<(), RssError> {
        let _control = control();
        let info = configure::info(self.id())
            .map_err(|error| RssError::Refused { step: "be asked", cause: error.to_string() })?;
        let types = rss.hash_on.types();
        if info.flow_type_rss_offloads & types != types {
            return Err(RssError::NotOffered(rss.hash_on));
        }
        let (offered, asked) = (self.rss_table, rss.queues.len());
        if asked == 0 || offered == 0 || usize::from(offered) % asked != 0 {
            return Err(RssError::Table { offered, asked });
        }
        let key = rss.key.bytes(match info.hash_key_size {
            0 => DEFAULT_KEY,
            bytes => usize::from(bytes),
        });
        let spread = self.set_hash(types, &key).and_then(|()| self.set_table(rss.queues));
        if spread.is_err() {
            self.spread_by_all(info.flow_type_rss_offloads);
        }
        spread
    }

    /// Spreads packets by all that the device can hash, as when the port was started.
    fn spread_by_all(&self, types: u64) {
        let mut conf = rte_eth_rss_conf::default();
        conf.rss_hf = types;
        // What was not to be had before is no worse without this.
        // SAFETY: the port is started; no key leaves the device's as it is.
        unsafe { dpdk_sys::rte_eth_dev_rss_hash_update(self.id().0, &mut conf) };
    }

    fn set_hash(&self, types: u64, key: &[u8]) -> Result<(), RssError> {
        let port = self.id().0;
        let mut given = key.to_vec();
        let mut conf = hash_conf(&mut given);
        conf.rss_hf = types;
        // SAFETY: the port is started; the key is as long as it says, and is copied.
        let result = unsafe { dpdk_sys::rte_eth_dev_rss_hash_update(port, &mut conf) };
        step("take a hash and its key", result)?;
        let mut found = vec![0; key.len()];
        conf = hash_conf(&mut found);
        // SAFETY: as above; the driver writes as many bytes as it is told there is room for.
        let result = unsafe { dpdk_sys::rte_eth_dev_rss_hash_conf_get(port, &mut conf) };
        step("tell its hash", result)?;
        if conf.rss_hf != types {
            return Err(RssError::Differs("hash"));
        }
        if found == key { Ok(()) } else { Err(RssError::Differs("key")) }
    }

    fn set_table(&self, queues: &[u16]) -> Result<(), RssError> {
        let places = self.rss_table;
        let mut repeated = queues.iter().copied().cycle().take(places.into());
        let mut table = empty_table(places);
        for group in &mut table {
            group.reta.iter_mut().zip(&mut repeated).for_each(|(place, queue)| *place = queue);
        }
        let port = self.id().0;
        // SAFETY: the port is started; the groups have as many places as the driver is told.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_rss_reta_update(port, table.as_mut_ptr(), places) };
        step("take a table of queues", result)?;
        let mut found = empty_table(places);
        // SAFETY: as above.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_rss_reta_query(port, found.as_mut_ptr(), places) };
        step("tell its table of queues", result)?;
        let same = table.iter().zip(&found).all(|(given, found)| given.reta == found.reta);
        if same { Ok(()) } else { Err(RssError::Differs("table of queues")) }
    }
}

/// Bytes of a key where the driver does not say, as DPDK has it.
const DEFAULT_KEY: usize = 40;

/// A configuration of the hash with this key, which has to outlive it.
fn hash_conf(key: &mut [u8]) -> rte_eth_rss_conf {
    let mut conf = rte_eth_rss_conf::default();
    conf.rss_key = key.as_mut_ptr();
    conf.rss_key_len = key.len() as u8;
    conf
}

/// A table of queues all of whose entries are marked to be written.
fn empty_table(places: u16) -> Vec<rte_eth_rss_reta_entry64> {
    let group = dpdk_sys::TANDEM_RETA_GROUP as usize;
    let in_group = |first: usize| u64::MAX >> group.saturating_sub(usize::from(places) - first);
    (0..usize::from(places))
        .step_by(group)
        .map(|first| {
            let mut entry = rte_eth_rss_reta_entry64::default();
            entry.mask = in_group(first);
            entry
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_addresses_of_a_network_share_a_place() {
        for bits in [0, 1, 0x6d5a_6d5a, 0xffff_ffff, 0x1234_5678] {
            let toeplitz = RssKey::from_random(bits).toeplitz();
            for network in [0x0a00_0000, 0xc633_6400, 0xffff_ff00] {
                let mut low: Vec<_> =
                    (0..256).map(|host| toeplitz.hash(network | host) % 256).collect();
                low.sort_unstable();
                low.dedup();
                assert_eq!(low.len(), 256, "{bits:x} {network:x}");
            }
        }
    }

    #[test]
    fn no_two_addresses_have_the_same_hash() {
        let toeplitz = RssKey::from_random(0x0bad_cafe).toeplitz();
        // The map is linear: it can be inverted if none of the 32 images, reduced by the
        // others, vanishes.
        let mut images: Vec<u32> = (0..32).map(|bit| toeplitz.hash(1 << bit)).collect();
        for at in 0..images.len() {
            let pivot = images[at];
            assert_ne!(pivot, 0);
            let lowest = pivot & pivot.wrapping_neg();
            for later in &mut images[at + 1..] {
                *later ^= if *later & lowest != 0 { pivot } else { 0 };
            }
        }
    }

    #[test]
    fn tables_of_any_size_are_meant_as_a_whole() {
        let masks = |places| empty_table(places).iter().map(|group| group.mask).collect::<Vec<_>>();
        assert_eq!(masks(16), [0xffff]);
        assert_eq!(masks(64), [u64::MAX]);
        assert_eq!(masks(128), [u64::MAX; 2]);
        assert!(masks(0).is_empty());
    }
}
