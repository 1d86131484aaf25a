//! What the stages of the fast path know of the packets of a burst.

use std::net::Ipv4Addr;

use nat::Side;
use nat::table::{Candidate, Key, Probe};
use wire::tcp::Flags;

use super::BURST;

/// What the stages leave of a packet: half a cache line.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(super) struct PacketState {
    pub(super) key: Key<Ipv4Addr>,
    pub(super) probe: Probe,
    pub(super) candidate: Candidate,
    /// Bytes of the IP packet.
    pub(super) length: u16,
    pub(super) flags: Flags,
    /// False for a packet that only the slow path can read. No connection has its key.
    pub(super) is_plain: bool,
}

const _: () = assert!(size_of::<PacketState>() == 32);
// The stages keep one bit for each packet.
const _: () = assert!(BURST <= u32::BITS as usize);

/// The packets of a burst.
pub(super) type PacketStates = [PacketState; BURST];

impl PacketState {
    /// The state of a packet that has not been read.
    pub(super) const UNREAD: PacketState = PacketState {
        key: Key::EMPTY,
        probe: Probe::EMPTY,
        candidate: Candidate::NONE,
        length: 0,
        flags: Flags::EMPTY,
        is_plain: false,
    };
}

/// Where a packet goes after the forward stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It is translated, and leaves on this side.
    Out(Side),
    /// It is as it was, and takes the slow path.
    Slow,
    /// It is as it was, and no connection is known.
    New,
    /// It is dropped: there are too many like it.
    Refused,
}

/// Where the packets of a burst go.
pub(super) type Outcomes = [Outcome; BURST];
