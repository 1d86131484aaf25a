//! What became of one packet on one worker.

use std::net::Ipv4Addr;

use nat::scheduler::Load;
use nat::service::{ServerId, ServerState, ServiceId};
use nat::table::Record;
use nat::{Direction, Side};
use wire::parse::{self, Ipv4, Packet, ParseError, Payload};

use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;

/// Servers of a service that are kept.
pub const SERVERS: usize = 8;
/// Frames kept of those that left.
const FRAMES: usize = 3;

/// Where a packet came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The receive queue of its side.
    Queue,
    /// The worker of this number.
    Worker(u16),
    MainCore,
}

/// What a frame says.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Bytes of the whole frame.
    pub length: u16,
    /// Its headers.
    pub packet: Result<Packet, ParseError>,
}

impl Frame {
    const EMPTY: Frame = Frame { length: 0, packet: Err(ParseError::TruncatedEthernet) };

    /// Reads a frame of so many bytes, which begins with these.
    pub fn new(data: &[u8], length: usize) -> Self {
        Frame { length: u16::try_from(length).unwrap_or(u16::MAX), packet: parse::frame(data) }
    }

    /// The IPv4 packet in it, if it is one that can be read.
    pub fn ipv4(&self) -> Option<&Ipv4> {
        self.packet.as_ref().ok()?.ipv4()
    }

    /// True for an ICMP error, which opens nothing, whatever it quotes.
    pub fn is_icmp_error(&self) -> bool {
        self.ipv4().is_some_and(|ip| matches!(ip.payload, Payload::IcmpError { .. }))
    }
}

/// A connection that a packet belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub record: Record<Ipv4Addr>,
    /// The packet's.
    pub direction: Direction,
}

/// A server as its scheduler saw it.
#[derive(Clone, Copy, Debug)]
pub struct ConsideredServer {
    pub id: ServerId,
    pub state: ServerState,
    pub load: Load,
    /// It has room for one more connection.
    pub has_room: bool,
}

/// The service that a packet asks, when its server was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Considered {
    pub service: ServiceId,
    /// Some of its servers: first those that could not be chosen.
    pub servers: [Option<ConsideredServer>; SERVERS],
    /// The server that a persistent client had.
    pub remembered: Option<ServerId>,
    /// New connections went to sorry servers alone.
    pub sorry_only: bool,
}

/// What the worker did besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    pub opened: bool,
    /// A connection ended.
    pub closed: bool,
    /// A connection that was never answered made room.
    pub evicted: bool,
    /// The flow left a server that is down or suspect.
    pub moved: bool,
    /// The connection was reset, as its server is down.
    pub cut: bool,
    pub icmp_error: bool,
    pub icmp_limited: bool,
    pub reset: bool,
    pub reset_limited: bool,
    pub echo_reply: bool,
}

/// A frame that left.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub side: Side,
    pub frame: Frame,
}

/// A packet's way through a worker.
#[derive(Clone, Copy, Debug)]
pub struct Journey {
    pub time: Tsc,
    pub source: Source,
    /// The side that it came in on; where it only passed a ring, the one that it leaves on.
    pub side: Side,
    /// Why it was in a ring, if it was.
    pub tag: Option<HandoffTag>,
    pub arrived: Frame,
    pub matched_before: bool,
    pub matched_after: bool,
    /// This machine forwarded.
    pub forwards: bool,
    /// The connection of its key, before anything was done.
    pub found: Option<Found>,
    pub considered: Option<Considered>,
    /// The fast path took it.
    pub was_fast: bool,
    pub effects: Effects,
    pub drops: [Option<DropReason>; 2],
    pub sent: [Option<Sent>; FRAMES],
    /// All frames that left.
    pub frames_sent: u16,
    pub to_worker: Option<u16>,
    pub to_main_core: Option<(PuntClass, HandoffTag)>,
    /// The connection of its key, afterwards.
    pub after: Option<Found>,
}

impl Journey {
    /// Of no packet.
    pub const EMPTY: Journey = Journey {
        time: Tsc(0),
        source: Source::Queue,
        side: Side::Public,
        tag: None,
        arrived: Frame::EMPTY,
        matched_before: false,
        matched_after: false,
        forwards: false,
        found: None,
        considered: None,
        was_fast: false,
        effects: Effects {
            opened: false,
            closed: false,
            evicted: false,
            moved: false,
            cut: false,
            icmp_error: false,
            icmp_limited: false,
            reset: false,
            reset_limited: false,
            echo_reply: false,
        },
        drops: [None; 2],
        sent: [None; FRAMES],
        frames_sent: 0,
        to_worker: None,
        to_main_core: None,
        after: None,
    };

    /// Adds a frame that left.
    pub fn add_sent(&mut self, side: Side, frame: Frame) {
        self.frames_sent = self.frames_sent.saturating_add(1);
        if let Some(place) = self.sent.iter_mut().find(|place| place.is_none()) {
            *place = Some(Sent { side, frame });
        }
    }

    /// Adds a reason for which a packet was dropped.
    pub fn add_drop(&mut self, reason: DropReason) {
        if let Some(place) = self.drops.iter_mut().find(|place| place.is_none()) {
            *place = Some(reason);
        }
    }

    /// True if nothing has become of it yet: it waits for the rest of its datagram.
    pub fn is_held(&self) -> bool {
        self.frames_sent == 0
            && self.drops == [None; 2]
            && self.to_worker.is_none()
            && self.to_main_core.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_in_a_journey_is_counted_all_the_same() {
        let mut journey = Journey::EMPTY;
        assert!(journey.is_held());
        (0..40).for_each(|_| journey.add_sent(Side::Private, Frame::EMPTY));
        (0..3).for_each(|_| journey.add_drop(DropReason::TooBig));
        assert_eq!((journey.frames_sent, journey.drops), (40, [Some(DropReason::TooBig); 2]));
        assert!(!journey.is_held());
    }
}
