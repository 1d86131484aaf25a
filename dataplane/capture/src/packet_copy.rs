//! The copy of one packet at one point of its way.

use std::net::Ipv4Addr;

use nat::Side;
use nat::table::{ConnectionId, Record};

/// Whether a packet came or went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Course {
    /// As it was received, before its translation.
    Received,
    /// As it was sent, after its translation.
    Sent,
}

/// What became of a packet that arrived, as far as its worker knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ending {
    /// It went on, or was answered, or waits for something.
    #[default]
    Passed,
    /// The main core has it: for the kernel, for ARP, or because its neighbour is not known.
    MainCore,
    /// Another worker has it, and will see it arrive.
    OtherWorker,
    /// It was dropped, for the reason of this number.
    Dropped(u8),
}

/// A copy of a packet and what is known about it.
#[derive(Debug)]
pub struct PacketCopy {
    /// What a packet's copies have in common.
    pub number: u32,
    /// The time stamp counter.
    pub at: u64,
    /// Where it arrived or left.
    pub side: Side,
    /// Which of the two.
    pub course: Course,
    /// What became of it, if it arrived.
    pub ending: Ending,
    /// Its connection, as it was at the end of the poll.
    pub connection: Option<(ConnectionId, Record<Ipv4Addr>)>,
    /// Bytes of the frame, of which only some may be there.
    pub length: u32,
    /// It is wanted.
    pub(crate) is_kept: bool,
    /// Its place in the burst that it leaves in.
    pub(crate) place: usize,
    bytes: Vec<u8>,
    limit: usize,
}

impl PacketCopy {
    /// An empty one, with room for so many bytes.
    pub(crate) fn with_room(limit: usize) -> Self {
        PacketCopy {
            number: 0,
            at: 0,
            side: Side::Public,
            course: Course::Received,
            ending: Ending::Passed,
            connection: None,
            length: 0,
            is_kept: false,
            place: 0,
            bytes: Vec::with_capacity(limit),
            limit,
        }
    }

    /// The bytes that were copied, from the first on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Copies as much as fits. It never grows, so nothing is allocated.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes.get(..self.limit).unwrap_or(bytes));
    }
}
