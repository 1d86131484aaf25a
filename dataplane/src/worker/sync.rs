//! Connection sync in the worker: a bounded amount of it in each poll.

use nat::sync::Session;

use super::Worker;
use crate::mailbox::Answer;

impl Worker {
    /// Begins or ends a session of connection sync.
    #[cold]
    pub(super) fn begin_session(&mut self, session: Session) {
        let old = self.connections.set_session(session);
        // Dropped here only if nobody collects answers: the process is ending.
        drop(self.mailbox.reply(Answer::Synced(old)));
    }

    /// On standby no connection expires.
    #[inline(always)]
    pub(super) fn set_standby(&mut self, standby: bool) {
        self.connections.set_standby(standby, self.now);
    }

    /// Tells of connections, or installs some; returns how many records or events there were.
    #[inline(always)]
    pub(super) fn poll_sync(&mut self) -> usize {
        let counters = &self.counters;
        let found = self.connections.follow_session(self.now, &self.snapshot.services);
        // Also after a step of the sweep that found no event.
        if !matches!(self.connections.session(), Session::Off) {
            counters.connections.set(self.connections.table().len() as u64);
        }
        found
    }

    /// Looks for connections that came before the configuration had their service; returns
    /// how many records it has looked at.
    #[inline(always)]
    pub(super) fn bind_on(&mut self) -> usize {
        self.connections.bind_on(&self.snapshot.services)
    }
}
