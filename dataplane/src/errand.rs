//! What a packet is handed over a ring for.
//!
//! Rings carry packets only; the errand rides in the packet's tag, sixteen bytes of the
//! mbuf that no driver touches.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::Side;

/// Why a packet is in a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Errand {
    /// To the worker that owns its connection: process it as received on this side.
    Process(Side),
    /// To a worker that has a transmit queue: send it as it is on this side, as long as
    /// this machine forwards. It is another's packet.
    Transmit(Side),
    /// The same with a frame of this machine's own, whatever its role: ARP for its real
    /// address, what the kernel sends.
    TransmitOwn(Side),
    /// The same with ARP that speaks for a floating address, as long as this machine
    /// answers for them.
    TransmitFloating(Side),
    /// To the main core: ARP that came in on this side.
    Arp(Side),
    /// To the main core: for the kernel, from this side.
    Kernel(Side),
    /// To the main core: translated and ready for this next hop, whose Ethernet address
    /// is not known.
    Resolve(Side, Ipv4Addr),
    /// From the main core: translated for this side, whose neighbour does not answer.
    Undeliverable(Side),
}

impl Errand {
    /// Writes the errand into a packet's tag.
    pub fn tag(self, mbuf: &mut Mbuf) {
        let (what, side, hop) = match self {
            Errand::Process(side) => (0, side, 0),
            Errand::Transmit(side) => (1, side, 0),
            Errand::Arp(side) => (2, side, 0),
            Errand::Kernel(side) => (3, side, 0),
            Errand::Resolve(side, hop) => (4, side, hop.to_bits()),
            Errand::TransmitOwn(side) => (5, side, 0),
            Errand::TransmitFloating(side) => (6, side, 0),
            Errand::Undeliverable(side) => (7, side, 0),
        };
        mbuf.set_tag([what, side.index() as u32, hop, 0]);
    }

    /// Reads the errand out of a packet's tag; `None` if nobody wrote one.
    pub fn of(mbuf: &Mbuf) -> Option<Self> {
        let [what, side, hop, _] = mbuf.tag();
        let side = *Side::ALL.get(side as usize)?;
        match what {
            0 => Some(Errand::Process(side)),
            1 => Some(Errand::Transmit(side)),
            2 => Some(Errand::Arp(side)),
            3 => Some(Errand::Kernel(side)),
            4 => Some(Errand::Resolve(side, Ipv4Addr::from_bits(hop))),
            5 => Some(Errand::TransmitOwn(side)),
            6 => Some(Errand::TransmitFloating(side)),
            7 => Some(Errand::Undeliverable(side)),
            _ => None,
        }
    }
}
