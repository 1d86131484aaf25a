//! What a packet is handed over a ring for.
//!
//! Rings carry packets only; what one is for stands in its tag, sixteen bytes of the mbuf
//! that no driver touches: in the first half of it. The second half is the mark of a capture
//! ([`capture::Mark`]), which stays with the packet from ring to ring.

use std::net::Ipv4Addr;

use capture::Mark;
use dpdk::mbuf::Mbuf;
use nat::Side;

/// Why a packet is in a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandoffTag {
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
    /// To the main core: it may be a server's answer to a question about its way back.
    ReturnPath(Side),
}

/// In the first word: what it is for, and the side.
const SIDE: u32 = 16;
const WHAT: u32 = (1 << SIDE) - 1;

/// Writes the mark of a capture beside the tag.
pub fn set_mark(mbuf: &mut Mbuf, mark: Mark) {
    let [first, hop, ..] = mbuf.tag();
    let [capture, number] = mark.words();
    mbuf.set_tag([first, hop, capture, number]);
}

/// The mark of a capture, if there is one.
pub fn mark_of(mbuf: &Mbuf) -> Option<Mark> {
    let [.., capture, number] = mbuf.tag();
    Mark::from_words([capture, number])
}

impl HandoffTag {
    /// Writes it into a packet.
    pub fn write(self, mbuf: &mut Mbuf) {
        let (what, side, hop) = match self {
            HandoffTag::Process(side) => (0, side, 0),
            HandoffTag::Transmit(side) => (1, side, 0),
            HandoffTag::Arp(side) => (2, side, 0),
            HandoffTag::Kernel(side) => (3, side, 0),
            HandoffTag::Resolve(side, hop) => (4, side, hop.to_bits()),
            HandoffTag::TransmitOwn(side) => (5, side, 0),
            HandoffTag::TransmitFloating(side) => (6, side, 0),
            HandoffTag::Undeliverable(side) => (7, side, 0),
            HandoffTag::ReturnPath(side) => (8, side, 0),
        };
        let [_, _, capture, number] = mbuf.tag();
        mbuf.set_tag([what | (side.index() as u32) << SIDE, hop, capture, number]);
    }

    /// The side of the packet.
    pub const fn side(self) -> Side {
        match self {
            HandoffTag::Process(side)
            | HandoffTag::Transmit(side)
            | HandoffTag::TransmitOwn(side)
            | HandoffTag::TransmitFloating(side)
            | HandoffTag::Arp(side)
            | HandoffTag::Kernel(side)
            | HandoffTag::Resolve(side, _)
            | HandoffTag::Undeliverable(side)
            | HandoffTag::ReturnPath(side) => side,
        }
    }

    /// Reads it out of a packet; `None` if nobody wrote one.
    pub fn of(mbuf: &Mbuf) -> Option<Self> {
        let [first, hop, ..] = mbuf.tag();
        let side = *Side::ALL.get((first >> SIDE) as usize)?;
        match first & WHAT {
            0 => Some(HandoffTag::Process(side)),
            1 => Some(HandoffTag::Transmit(side)),
            2 => Some(HandoffTag::Arp(side)),
            3 => Some(HandoffTag::Kernel(side)),
            4 => Some(HandoffTag::Resolve(side, Ipv4Addr::from_bits(hop))),
            5 => Some(HandoffTag::TransmitOwn(side)),
            6 => Some(HandoffTag::TransmitFloating(side)),
            7 => Some(HandoffTag::Undeliverable(side)),
            8 => Some(HandoffTag::ReturnPath(side)),
            _ => None,
        }
    }
}
