//! Connections that leave a server which is down: UDP flows move, TCP connections are cut where
//! the service says so.
//!
//! Their records forget their way, so that the next packet of each comes by the slow path, and
//! is not refreshed from there. Nothing is looked at for packets of other connections.

use wire::FiveTuple;
use wire::tcp::{Flags, Segment};

use super::Connections;
use crate::policy::Departure;
use crate::record::{BOTH_ENDS_KNOW, ConnectionId, FORGOTTEN, NEITHER_END_KNOWS, Record};
use crate::sync::Replicated;
use crate::tcp::State;
use crate::time::Instant;
use crate::{Direction, Side};

/// A segment of the router's own in a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe<A> {
    /// Where it goes, as the receiver knows the connection.
    pub tuple: FiveTuple<A>,
    /// The side on which it leaves.
    pub exit: Side,
    /// What it says.
    pub segment: Segment,
}

impl<A: Replicated> Connections<A> {
    /// One step of a walk over all records, from `start` on: those that are not to stay with
    /// their server forget their way, and `cut` hears of each that is to be cut and is not yet,
    /// until it returns false. Returns where the next step begins; `None` at the end.
    pub fn leave(
        &mut self,
        start: usize,
        most: usize,
        departure: impl Fn(&Record<A>) -> Departure,
        mut cut: impl FnMut(ConnectionId) -> bool,
    ) -> Option<usize> {
        let end = (start + most).min(self.table.places());
        for at in start..end {
            let Some((id, record)) = self.table.at_mut(at) else { continue };
            let departure = departure(record);
            if departure == Departure::Stays || record.is_killed() {
                continue;
            }
            record.epoch = FORGOTTEN;
            if departure == Departure::IsCut && !record.state.is_closed() && !cut(id) {
                return Some(at + 1);
            }
        }
        (end < self.table.places()).then_some(end)
    }

    /// A segment that the receiver of this direction answers with what it has received and sent
    /// last, as it answers a keep-alive: it is numbered before what the receiver waits for (RFC
    /// 9293 sections 3.8.4 and 3.10.7.4). While nothing is known of that, any number is most likely
    /// outside of its window, and is answered alike. `None` if there is no such connection.
    pub fn probe(&self, id: ConnectionId, direction: Direction) -> Option<Probe<A>> {
        let record = self.table.get(id)?;
        let of = |direction: Direction| record.acknowledged[direction.index()].first();
        let sequence = of(direction.flipped()).unwrap_or_default().wrapping_sub(1);
        let acknowledgment = of(direction).unwrap_or_default();
        Some(Probe {
            tuple: record.translated(direction),
            exit: record.exit(direction),
            segment: Segment { flags: Flags::ACK, sequence, acknowledgment },
        })
    }

    /// A connection is over, as its ends are told. False if they were told before.
    pub fn cut(&mut self, id: ConnectionId, now: Instant) -> bool {
        let Some(record) = self.table.get_mut(id) else { return false };
        let before = record.state;
        if record.epoch == NEITHER_END_KNOWS {
            record.epoch = BOTH_ENDS_KNOW;
            return true;
        }
        if before == State::Close {
            return false;
        }
        record.last_seen = now.stamp();
        Self::change_state(record, id, State::Close, now, &mut self.accounting);
        self.accounting.session.changed(record, before);
        true
    }
}
