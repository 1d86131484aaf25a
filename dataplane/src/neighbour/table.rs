//! The table that workers read: Ethernet addresses of neighbours on both sides.
//!
//! One thread writes, every worker reads, and nobody waits. An entry is two words: who
//! (side and address) and what (Ethernet address and whether it is usable). A slot is
//! given to another neighbour only with the table's epoch advanced, and workers take a
//! slot number that they kept for good only while the epoch is the one under which they
//! found it.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::net::Ipv4Addr;

use nat::Side;
use nat::connection::NextHop;
use wire::MacAddress;
use wire::flow::EthernetAddresses;

/// Slots in the table: hosts that this router talks to on Ethernet, on both sides.
pub const SLOTS: usize = 32_768;
/// Slots that a search looks at.
const PROBES: usize = 64;

const USABLE: u64 = 1 << 63;
/// A worker has sent to it since the main core looked last.
const USED: u64 = 1 << 62;
/// What is set in the word of a neighbour that packets go to.
const BOTH: u64 = USABLE | USED;
const OCCUPIED: u64 = 1 << 63;
/// A slot that nobody has, and that workers may still remember.
const RETIRED: u64 = u64::MAX;

struct Slot {
    /// Zero when free: else `OCCUPIED`, the side in bit 32, and the address below.
    who: AtomicU64,
    /// `USABLE`, `USED`, and the Ethernet address in the low 48 bits, as its bytes stand in memory.
    what: AtomicU64,
}

/// A station that sends: the header of its frames, whose receiver is still missing, with
/// the bits turned that say in a slot that the receiver is usable and used. So a slot's word,
/// turned over it, gives the whole header.
#[derive(Clone, Copy, Debug)]
pub struct Sender(EthernetAddresses);

impl Sender {
    /// The station with this address.
    pub fn new(address: MacAddress) -> Self {
        let both = u64::from_ne_bytes(BOTH.to_le_bytes());
        Sender(EthernetAddresses::new(address, MacAddress::ZERO).turned(both))
    }

    /// The header of a frame whose receiver is to be written later.
    #[inline(always)]
    pub fn to_nobody(self) -> EthernetAddresses {
        let Sender(unfinished) = self;
        unfinished.turned(u64::from_ne_bytes(BOTH.to_le_bytes()))
    }
}

/// The table as workers read it, with nothing on the way to a slot.
#[derive(Clone, Copy)]
pub struct NeighbourReader<'a>(&'a [Slot; SLOTS]);

impl NeighbourReader<'_> {
    /// The Ethernet header of frames to the neighbour in a slot, if it is usable now. It counts
    /// as used then.
    #[inline(always)]
    pub fn addresses(self, hop: NextHop, from: Sender) -> Option<EthernetAddresses> {
        let slot = self.0.get(usize::from(hop.0))?;
        let mut what = slot.what.load(Ordering::Relaxed);
        if what & BOTH != BOTH {
            what = slot.use_now(what)?;
        }
        let Sender(unfinished) = from;
        Some(unfinished.turned(u64::from_ne_bytes(what.to_le_bytes())))
    }
}

impl Slot {
    /// Notes that it is used: once for each time that the main core looks, so that workers do not
    /// write to it for every packet. `None` if it is not usable.
    #[cold]
    #[inline(never)]
    fn use_now(&self, what: u64) -> Option<u64> {
        if what & USABLE == 0 {
            return None;
        }
        self.what.fetch_or(USED, Ordering::Relaxed);
        Some(what | USED)
    }
}

/// Neighbours by side and address.
pub struct NeighbourTable {
    slots: Box<[Slot; SLOTS]>,
    /// Whether packets go to a slot's neighbour, or it is asked for: apart from what is read for
    /// each packet.
    wanted: Box<[AtomicBool; SLOTS]>,
    epoch: AtomicU32,
    seed: u64,
}

impl Default for NeighbourTable {
    fn default() -> Self {
        let slot = || Slot { who: AtomicU64::new(0), what: AtomicU64::new(0) };
        NeighbourTable {
            slots: Box::new(core::array::from_fn(|_| slot())),
            wanted: Box::new([const { AtomicBool::new(false) }; SLOTS]),
            epoch: AtomicU32::new(0),
            // Neighbours choose their own addresses, so where they land is keyed.
            seed: ahash::RandomState::new().hash_one(0u8) | 1,
        }
    }
}

fn who(side: Side, address: Ipv4Addr) -> u64 {
    OCCUPIED | (side.index() as u64) << 32 | u64::from(address.to_bits())
}

impl NeighbourTable {
    /// The Ethernet address in a slot, if it is usable now.
    #[inline(always)]
    pub fn mac(&self, hop: NextHop) -> Option<MacAddress> {
        let what = self.slots.get(usize::from(hop.0))?.what.load(Ordering::Relaxed);
        let [a, b, c, d, e, f, ..] = what.to_le_bytes();
        (what & USABLE != 0).then_some(MacAddress([a, b, c, d, e, f]))
    }

    /// The same for a frame that is sent there: it counts as used.
    #[inline(always)]
    pub fn receiver(&self, hop: NextHop) -> Option<MacAddress> {
        let slot = self.slots.get(usize::from(hop.0))?;
        let what = slot.what.load(Ordering::Relaxed);
        if what & BOTH != BOTH {
            slot.use_now(what)?;
        }
        self.mac(hop)
    }

    /// The Ethernet headers of frames to neighbours.
    #[inline(always)]
    pub fn reader(&self) -> NeighbourReader<'_> {
        NeighbourReader(&self.slots)
    }

    /// Grows when a slot came to mean another neighbour.
    #[inline(always)]
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Acquire)
    }

    fn probe(&self, key: u64) -> impl Iterator<Item = usize> + use<> {
        let mixed = (key ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let start = (mixed.wrapping_mul(self.seed) >> 40) as usize;
        (0..PROBES).map(move |step| (start + step) % SLOTS)
    }

    /// The slot of a neighbour that the table holds.
    pub fn find(&self, side: Side, address: Ipv4Addr) -> Option<NextHop> {
        let key = who(side, address);
        self.probe(key)
            .find(|&at| self.slots.get(at).is_some_and(|s| s.who.load(Ordering::Acquire) == key))
            .map(|at| NextHop(at as u16))
    }

    /// Says that packets go to a neighbour, or that this machine asks for it; by any thread.
    pub fn want(&self, hop: NextHop) {
        if let Some(wanted) = self.wanted.get(usize::from(hop.0)) {
            if !wanted.load(Ordering::Relaxed) {
                wanted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// True for a neighbour to which packets go, or that this machine asks for; not for one that
    /// has only asked for this machine.
    pub fn is_wanted(&self, side: Side, address: Ipv4Addr) -> bool {
        let wanted = self.find(side, address).and_then(|hop| self.wanted.get(usize::from(hop.0)));
        wanted.is_some_and(|wanted| wanted.load(Ordering::Relaxed))
    }

    /// Gives a neighbour a slot, by the writing thread. `None` when no slot near its
    /// place is free.
    pub fn insert(&self, side: Side, address: Ipv4Addr) -> Option<NextHop> {
        if let Some(found) = self.find(side, address) {
            return Some(found);
        }
        let key = who(side, address);
        let free = |at: &usize| {
            self.slots.get(*at).is_some_and(|slot| slot.who.load(Ordering::Relaxed) == 0)
        };
        let at = self.probe(key).find(free)?;
        let slot = self.slots.get(at)?;
        slot.what.store(0, Ordering::Relaxed);
        if let Some(wanted) = self.wanted.get(at) {
            wanted.store(false, Ordering::Relaxed);
        }
        slot.who.store(key, Ordering::Release);
        Some(NextHop(at as u16))
    }

    /// Makes a neighbour's Ethernet address known, or unusable.
    pub fn publish(&self, hop: NextHop, mac: Option<MacAddress>) {
        let Some(slot) = self.slots.get(usize::from(hop.0)) else { return };
        let what = mac.map_or(0, |MacAddress([a, b, c, d, e, f])| {
            u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) | USABLE
        });
        let used = slot.what.load(Ordering::Relaxed) & USED;
        slot.what.store(if mac.is_some() { what | used } else { what }, Ordering::Release);
    }

    /// True if a worker has sent to the neighbour since this was asked last.
    pub fn take_used(&self, hop: NextHop) -> bool {
        let Some(slot) = self.slots.get(usize::from(hop.0)) else { return false };
        slot.what.load(Ordering::Relaxed) & USED != 0
            && slot.what.fetch_and(!USED, Ordering::Relaxed) & USED != 0
    }

    /// Takes a slot from its neighbour and advances the epoch. The slot rests until
    /// [`NeighbourTable::release`]: by then every worker has seen the new epoch.
    pub fn retire(&self, hop: NextHop) {
        let Some(slot) = self.slots.get(usize::from(hop.0)) else { return };
        slot.what.store(0, Ordering::Release);
        slot.who.store(RETIRED, Ordering::Release);
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Makes a retired slot free for another neighbour.
    pub fn release(&self, hop: NextHop) {
        let Some(slot) = self.slots.get(usize::from(hop.0)) else { return };
        let _ = slot.who.compare_exchange(RETIRED, 0, Ordering::Release, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);

    #[test]
    fn a_link_is_the_header_from_the_sender_to_the_neighbour() {
        let table = NeighbourTable::default();
        let hop = table.insert(Side::Private, Ipv4Addr::new(10, 0, 0, 11)).unwrap();
        for own in [MacAddress([0xff; 6]), MacAddress([0x82, 0x81, 3, 4, 5, 0x86])] {
            assert_eq!(table.reader().addresses(hop, Sender::new(own)), None);
            table.publish(hop, Some(MAC));
            assert_eq!(
                table.reader().addresses(hop, Sender::new(own)),
                Some(EthernetAddresses::new(own, MAC))
            );
            table.publish(hop, None);
            assert_eq!(Sender::new(own).to_nobody(), EthernetAddresses::new(own, MacAddress::ZERO));
        }
    }

    #[test]
    fn a_neighbour_is_used_when_a_frame_is_sent_to_it() {
        let table = NeighbourTable::default();
        let hop = table.insert(Side::Private, Ipv4Addr::new(10, 0, 0, 11)).unwrap();
        let own = Sender::new(MacAddress([2; 6]));
        assert_eq!(table.reader().addresses(hop, own), None);
        assert!(!table.take_used(hop), "nothing could be sent");
        table.publish(hop, Some(MAC));
        assert!(!table.take_used(hop));
        for _ in 0..2 {
            let first = table.reader().addresses(hop, own);
            assert_eq!(table.reader().addresses(hop, own), first);
            assert_eq!(table.mac(hop), Some(MAC));
            table.publish(hop, Some(MAC));
            assert!(table.take_used(hop), "whatever was learnt meanwhile");
            assert!(!table.take_used(hop));
        }
        assert_eq!(table.receiver(hop), Some(MAC));
        assert!(table.take_used(hop));
        assert!(!table.take_used(NextHop::NONE));
    }

    #[test]
    fn sides_are_apart() {
        let table = NeighbourTable::default();
        let address = Ipv4Addr::new(10, 0, 0, 11);
        let hop = table.insert(Side::Private, address).unwrap();
        assert_eq!(table.find(Side::Private, address), Some(hop));
        assert_eq!(table.find(Side::Public, address), None);
    }

    #[test]
    fn only_a_published_address_is_usable() {
        let table = NeighbourTable::default();
        let hop = table.insert(Side::Public, Ipv4Addr::new(198, 51, 100, 1)).unwrap();
        assert_eq!(table.mac(hop), None);
        table.publish(hop, Some(MAC));
        assert_eq!(table.mac(hop), Some(MAC));
        table.publish(hop, None);
        assert_eq!(table.mac(hop), None);
        assert_eq!(table.mac(NextHop::NONE), None);
    }

    #[test]
    fn who_has_only_asked_is_not_wanted_nor_is_the_next_in_its_slot() {
        let table = NeighbourTable::default();
        let address = Ipv4Addr::new(10, 0, 0, 11);
        let hop = table.insert(Side::Private, address).unwrap();
        assert!(!table.is_wanted(Side::Private, address));
        table.want(hop);
        assert!(table.is_wanted(Side::Private, address));
        assert!(!table.is_wanted(Side::Public, address));
        table.retire(hop);
        assert!(!table.is_wanted(Side::Private, address));
        table.release(hop);
        assert_eq!(table.insert(Side::Private, address), Some(hop));
        assert!(!table.is_wanted(Side::Private, address));
        table.want(NextHop::NONE);
    }

    #[test]
    fn a_retired_slot_advances_the_epoch_and_rests() {
        let table = NeighbourTable::default();
        let hop = table.insert(Side::Public, Ipv4Addr::new(198, 51, 100, 7)).unwrap();
        let before = table.epoch();
        table.retire(hop);
        assert_ne!(table.epoch(), before);
        assert_eq!(table.find(Side::Public, Ipv4Addr::new(198, 51, 100, 7)), None);
        assert_ne!(table.insert(Side::Public, Ipv4Addr::new(198, 51, 100, 7)), Some(hop));
        table.retire(table.find(Side::Public, Ipv4Addr::new(198, 51, 100, 7)).unwrap());
        table.release(hop);
        assert_eq!(table.insert(Side::Public, Ipv4Addr::new(198, 51, 100, 7)), Some(hop));
    }

    #[test]
    fn a_thousand_neighbours_fit() {
        let table = NeighbourTable::default();
        let addresses: Vec<_> =
            (0..1000u32).map(|n| Ipv4Addr::from_bits(0x0a00_0000 + n)).collect();
        for &address in &addresses {
            assert!(table.insert(Side::Private, address).is_some());
        }
        let mut hops: Vec<_> =
            addresses.iter().map(|&a| table.find(Side::Private, a).unwrap().0).collect();
        hops.sort_unstable();
        hops.dedup();
        assert_eq!(hops.len(), 1000);
    }
}
