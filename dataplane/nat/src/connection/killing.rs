//! Connections that an operator ends.
//!
//! A TCP connection that is open is closed at once, as the peer is told, and its record says that
//! its ends have yet to hear of it: so each of their packets comes by the slow path, is answered
//! with a reset, and passes no more. The record goes when a reset connection's time is over. Any
//! other connection goes at once.

use wire::Protocol;

use super::Connections;
use crate::record::{ConnectionId, Key, NEITHER_END_KNOWS};
use crate::sync::Replicated;
use crate::tcp::State;
use crate::time::Instant;

/// What became of a connection that was to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Killed {
    /// It had ended before.
    NotThere,
    /// It is gone.
    IsGone,
    /// It is closed, and its ends are to be reset.
    IsClosed,
}

impl<A: Replicated> Connections<A> {
    /// Ends the connection of this record if its original direction has this key.
    pub fn kill(&mut self, id: ConnectionId, original: &Key<A>, now: Instant) -> Killed {
        let record = self.table.get_mut(id);
        let record = record.filter(|record| record.keys[0] == *original && !record.is_killed());
        let Some(record) = record else { return Killed::NotThere };
        if record.protocol() != Protocol::Tcp || !has_open_ends(record.state) {
            self.close(id);
            return Killed::IsGone;
        }
        let before = record.state;
        record.epoch = NEITHER_END_KNOWS;
        record.last_seen = now.stamp();
        Self::change_state(record, id, State::Close, now, &mut self.accounting);
        self.accounting.session.changed(record, before);
        Killed::IsClosed
    }
}

/// True if both ends of a TCP connection may believe that it is there. A client whose SYN was not
/// answered asks again, and would be reset in a connection that it has opened since.
fn has_open_ends(state: State) -> bool {
    !matches!(state, State::None | State::SynReceived) && !state.is_closed()
}
