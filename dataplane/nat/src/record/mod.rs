//! What is known of one connection: one cache line for IPv4.
//!
//! A [`Record`] holds the two [`Key`]s of its connection, its [`Kind`], the [`NextHop`]s of
//! its packets and the [`Mark`] of connection sync, and is referred to by its
//! [`ConnectionId`]. Everything that handles connections stands above this module and uses
//! its types: the table, the timer wheel, connection sync, and [`crate::connection`].

mod bound;
mod id;
mod key;
mod kind;
mod mark;
mod next_hop;
mod visits;

use wire::checksum::Delta;
use wire::flow::{Deltas, Rewrite};
use wire::tcp::{Flags, Segment};
use wire::{Address, FiveTuple, Protocol};

pub(crate) use bound::Bound;
pub use id::ConnectionId;
pub(crate) use id::NONE;
pub use key::Key;
pub use kind::Kind;
pub use mark::Mark;
pub use next_hop::NextHop;
pub(crate) use visits::{Slot, Visits};

use crate::service::{ServerId, ServiceId};
use crate::tcp::{self, Acknowledged};
use crate::time::{Instant, Stamp};
use crate::{Direction, Side};

/// The epoch of a record that looks its way up with its next packet.
pub(crate) const FORGOTTEN: u16 = 0;
/// The last epoch of next hops; those above say that an operator has ended the connection.
pub const LAST_EPOCH: u16 = u16::MAX - 2;
/// The epoch of a connection that was ended, and of which no end has sent anything since.
pub(crate) const NEITHER_END_KNOWS: u16 = u16::MAX - 1;
/// The epoch of a connection that was ended, and whose ends were told.
pub(crate) const BOTH_ENDS_KNOW: u16 = u16::MAX;

/// One connection: what its packets look like as they arrive in each direction.
///
/// A packet that arrives with one direction's key leaves as the reverse of the other
/// direction's key; so the two keys are the whole translation, and what it does to the
/// checksums is kept beside them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Record<A> {
    pub(crate) keys: [Key<A>; 2],
    /// In a free record the number of the next free one.
    pub(crate) last_seen: Stamp,
    /// When the timer wheel looks at this record; also at a free one.
    pub(crate) visits: Visits,
    /// What translating each direction's packets does to their IP checksums.
    l3: [Delta; 2],
    /// How far the end that sends the packets of each direction has acknowledged the other's.
    pub(crate) acknowledged: [Acknowledged; 2],
    /// Where packets of each direction go, found when `epoch` was current.
    pub(crate) next_hops: [NextHop; 2],
    /// Of the next hops, or what became of the connection: see [`LAST_EPOCH`].
    pub(crate) epoch: u16,
    /// What translating packets of the original direction does to their TCP or UDP checksum;
    /// of the reply direction it is undone.
    l4: Delta,
    pub(crate) bound: Bound,
    // A mark; as one field it would take a byte more.
    generation: u16,
    origin: u8,
    pub(crate) state: tcp::State,
}

// One cache line: a second one would be a second miss for each packet.
const _: () = assert!(size_of::<Record<std::net::Ipv4Addr>>() == 64);

impl<A: Address> Record<A> {
    /// True for a flow of which each datagram of the client is scheduled by itself.
    #[inline(always)]
    pub fn is_one_packet(&self) -> bool {
        self.keys[0].is_of_one_packet()
    }

    /// A connection whose packets arrive with these two keys.
    pub(crate) fn new(original: Key<A>, reply: Key<A>, now: Instant) -> Self {
        let there = Deltas::between(&original.tuple(), &reply.tuple().reversed());
        Record {
            keys: [original, reply],
            l3: [there.l3, there.back().l3],
            l4: there.l4,
            acknowledged: [Acknowledged::UNKNOWN; 2],
            last_seen: now.stamp(),
            visits: Visits::NONE,
            next_hops: [NextHop::NONE; 2],
            epoch: FORGOTTEN,
            bound: Bound::NONE,
            state: tcp::State::None,
            generation: Mark::NONE.generation,
            origin: Mark::NONE.origin,
        }
    }

    pub(crate) fn free(next: u32) -> Self {
        let (nobody, start) = (Key::EMPTY, Instant::from_millis(0));
        let mut record = Record::new(nobody, nobody, start);
        record.release(next);
        record
    }

    /// Makes it a free one, before `next` in their list: a look-up must not find its keys.
    #[inline]
    pub(crate) fn release(&mut self, next: u32) {
        self.keys = [Key::EMPTY; 2];
        self.last_seen = Stamp::from_bits(next);
    }

    pub(crate) fn next_free(&self) -> u32 {
        self.last_seen.bits()
    }

    #[inline(always)]
    pub(crate) fn is_live(&self) -> bool {
        !self.keys[0].is_nobody()
    }

    /// The key of packets as they arrive in this direction.
    #[inline(always)]
    pub fn key(&self, direction: Direction) -> &Key<A> {
        &self.keys[direction.index()]
    }

    /// The tuple that packets of this direction leave with.
    #[inline(always)]
    pub fn translated(&self, direction: Direction) -> FiveTuple<A> {
        self.keys[direction.flipped().index()].tuple().reversed()
    }

    /// The side on which packets of this direction leave.
    #[inline(always)]
    pub fn exit(&self, direction: Direction) -> Side {
        self.keys[direction.flipped().index()].side()
    }

    /// What translating packets of this direction does to their checksums.
    #[inline(always)]
    pub(crate) fn deltas(&self, direction: Direction) -> Deltas {
        let l4 = match direction {
            Direction::Original => self.l4,
            Direction::Reply => self.l4.inverse(),
        };
        Deltas { l3: self.l3[direction.index()], l4 }
    }

    /// What to write into a packet of this direction.
    #[inline(always)]
    pub fn rewrite(&self, direction: Direction) -> Rewrite<A> {
        let to = self.translated(direction);
        Rewrite {
            source: to.source,
            destination: to.destination,
            source_port: to.source_port,
            destination_port: to.destination_port,
            deltas: self.deltas(direction),
        }
    }

    /// Takes note of how far a segment of this direction acknowledges the other's.
    #[inline(always)]
    pub(crate) fn take_note(&mut self, direction: Direction, segment: Segment) {
        if segment.flags.contains(Flags::ACK) {
            let acknowledged = Acknowledged::of(segment.acknowledgment);
            self.acknowledged[direction.index()] = acknowledged;
        }
    }

    /// False for a reset or FIN whose number is none that its receiver waits for: most likely
    /// it is forged. The next one is not believed either before the receiver has acknowledged
    /// something, so that nobody can try one number after the other.
    pub(crate) fn believes(&mut self, direction: Direction, segment: Segment) -> bool {
        if !self.state.is_checked(direction, segment.flags) {
            return true;
        }
        let receiver = &mut self.acknowledged[direction.flipped().index()];
        let is_expected = receiver.expects(segment.sequence);
        if !is_expected {
            *receiver = Acknowledged::UNKNOWN;
        }
        is_expected
    }

    /// What kind of translation this is.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        Kind::of(self.keys[0].side(), self.keys[1].side())
    }

    /// When connection sync last met it.
    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark { generation: self.generation, origin: self.origin }
    }

    #[inline(always)]
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        Mark { generation: self.generation, origin: self.origin } = mark;
    }

    /// Protocol of the flow.
    #[inline(always)]
    pub fn protocol(&self) -> Protocol {
        self.keys[0].protocol()
    }

    /// The TCP state; `None`, `Unreplied` or `Replied` for other protocols.
    #[inline(always)]
    pub fn state(&self) -> tcp::State {
        self.state
    }

    /// The service that the connection belongs to; [`ServiceId::NONE`] when masqueraded, and
    /// when its real server is not known here.
    #[inline(always)]
    pub fn service(&self) -> ServiceId {
        self.bound.service()
    }

    /// The real server that it is bound to; [`ServerId::NONE`] when masqueraded, and when that is
    /// not known here.
    #[inline(always)]
    pub fn server(&self) -> ServerId {
        self.bound.server()
    }

    /// True for a connection that an operator has ended: its packets pass no more.
    #[inline(always)]
    pub fn is_killed(&self) -> bool {
        self.epoch > LAST_EPOCH
    }

    /// True for a connection of a service whose real server is not known here.
    pub(crate) fn is_unbound(&self) -> bool {
        self.server() == ServerId::NONE && self.kind() != Kind::Masquerade
    }

    /// The last time that a packet refreshed it.
    #[inline(always)]
    pub fn last_seen(&self) -> Stamp {
        self.last_seen
    }

    /// Where packets of this direction go next, and the epoch of that knowledge.
    #[inline(always)]
    pub fn next_hop(&self, direction: Direction) -> (NextHop, u16) {
        (self.next_hops[direction.index()], self.epoch)
    }
}
