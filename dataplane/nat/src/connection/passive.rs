//! What connections that open tell about their servers ([`crate::passive`]).

use wire::icmpv4::unreachable;
use wire::tcp::{Flags, Segment};
use wire::{Address, Protocol};

use super::Connections;
use crate::Direction;
use crate::passive::Observer;
use crate::record::{ConnectionId, Kind, Record};
use crate::service::Cause;
use crate::sync::Replicated;
use crate::table::Hit;
use crate::tcp::{Acknowledged, State};
use crate::time::Instant;

/// Openings that are looked at in one poll.
const PER_POLL: usize = 8;

impl<A: Replicated + Address> Connections<A> {
    /// Tells this observer of the servers. To be called before the first connection opens.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer) -> Self {
        self.accounting.observer = observer;
        self
    }

    /// A connection was opened by this segment, which is on its way: an answer to it is waited
    /// for.
    #[inline]
    pub fn was_asked(&mut self, id: ConnectionId, segment: Segment, now: Instant) {
        let Some(record) = self.table.get_mut(id) else { return };
        record.take_note_of_syn(segment);
        self.accounting.observer.asked(id, record, now);
    }

    /// Looks for SYNs that were not answered in time. To be called in each poll.
    #[inline(always)]
    pub fn look_at_openings(&mut self, now: Instant) {
        if self.accounting.observer.is_due(now) {
            self.count_unanswered(now);
        }
    }

    #[cold]
    fn count_unanswered(&mut self, now: Instant) {
        for _ in 0..PER_POLL {
            // What was asked before a handover is answered through the other machine.
            let is_standby = self.standby;
            let record = |id| self.table.get(id).filter(|_| !is_standby);
            self.accounting.observer.look(record, now);
            if !self.accounting.observer.is_due(now) {
                break;
            }
        }
    }

    /// An ICMP error "destination unreachable" with this code came, about a packet that left
    /// here: `hit` is the flow of its answer. `sequence` is the quoted one of a TCP segment.
    pub fn was_unreachable(&self, hit: Hit, code: u8, sequence: Option<u32>, now: Instant) {
        let Some(record) = self.table.get(hit.id) else { return };
        let is_towards_server = hit.direction == Direction::Reply
            && record.kind() != Kind::Masquerade
            && code != unreachable::FRAGMENTATION_NEEDED;
        let is_new = match record.protocol() {
            // Of a connection that is open an error proves nothing (RFC 5927 section 4).
            Protocol::Tcp => {
                let expected = record.acknowledged[Direction::Reply.index()];
                record.state == State::SynReceived && sequence.is_none_or(|n| expected.expects(n))
            }
            Protocol::Udp | Protocol::Icmp => true,
        };
        if is_towards_server && is_new {
            self.accounting.observer.failed(record, Cause::Unreachable, now);
        }
    }

    /// A segment of a connection whose server has not answered yet.
    #[cold]
    pub(super) fn observe(
        record: &mut Record<A>,
        direction: Direction,
        segment: Segment,
        now: Instant,
        observer: &Observer,
    ) {
        match direction {
            // The client asks again, perhaps with another number.
            Direction::Original => record.take_note_of_syn(segment),
            Direction::Reply if segment.flags.contains(Flags::RST) => {
                if record.refuses(segment) {
                    observer.failed(record, Cause::Refused, now);
                }
            }
            Direction::Reply if segment.flags.contains(Flags::SYN | Flags::ACK) => {
                let age = u64::from(now.age(record.last_seen));
                let asked = Instant::from_millis(now.millis().saturating_sub(age));
                observer.answered(record.server(), asked, now);
            }
            Direction::Reply => {}
        }
    }
}

impl<A: Address> Record<A> {
    /// Takes note of what the answer to a SYN must acknowledge.
    fn take_note_of_syn(&mut self, segment: Segment) {
        if segment.flags.is_syn_only() {
            let next = segment.sequence.wrapping_add(1);
            self.acknowledged[Direction::Reply.index()] = Acknowledged::of(next);
        }
    }

    /// True for a reset that answers the client's SYN: it acknowledges it (RFC 9293 section
    /// 3.10.7.1). A forged one must guess its number.
    fn refuses(&self, segment: Segment) -> bool {
        segment.flags.contains(Flags::ACK)
            && self.acknowledged[Direction::Reply.index()].expects(segment.acknowledgment)
    }
}
