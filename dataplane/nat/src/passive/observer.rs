//! What one worker sees of servers, by its connections' records.

use std::sync::Arc;

use wire::Address;

use super::Suspects;
use super::openings::{Opening, Openings};
use crate::Direction;
use crate::record::{ConnectionId, Kind, Record};
use crate::service::{Cause, ServerId, Weights};
use crate::tcp::State;
use crate::time::Instant;

/// One worker's part in passive checks. By default it sees nothing.
#[derive(Debug)]
pub struct Observer {
    suspects: Arc<Suspects>,
    worker: usize,
    openings: Openings,
}

impl Default for Observer {
    fn default() -> Self {
        let suspects = Arc::new(Suspects::new(Arc::new(Weights::default()), 0));
        Observer { suspects, worker: 0, openings: Openings::default() }
    }
}

impl Observer {
    /// The observer of this worker.
    pub fn new(suspects: Arc<Suspects>, worker: usize) -> Self {
        Observer { suspects, worker, openings: Openings::new() }
    }

    /// A client's SYN was sent to its server.
    #[inline]
    pub(crate) fn asked<A: Address>(&mut self, id: ConnectionId, record: &Record<A>, now: Instant) {
        let server = record.server();
        if server == ServerId::NONE || record.state() != State::SynReceived {
            return;
        }
        let client = self.suspects.client(client_of(record));
        self.openings.push(Opening { at: now, id, server, client });
    }

    /// The server answered a SYN, which was sent at `asked`.
    #[inline]
    pub(crate) fn answered(&self, server: ServerId, asked: Instant, now: Instant) {
        self.suspects.answered(self.worker, server, asked, now);
    }

    /// The connection failed because of its server.
    #[cold]
    pub(crate) fn failed<A: Address>(&self, record: &Record<A>, cause: Cause, now: Instant) {
        if record.kind() != Kind::Masquerade {
            let client = self.suspects.client(client_of(record));
            self.suspects.failed(record.server(), client, cause, now, now);
        }
    }

    /// True if there is something for [`Observer::look`] to do.
    #[inline(always)]
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        self.openings.is_due(now)
    }

    /// Takes out the opening that has waited for longest, and counts it as failed if the
    /// connection is still not answered.
    pub(crate) fn look<'a, A: Address + 'a>(
        &mut self,
        record: impl FnOnce(ConnectionId) -> Option<&'a Record<A>>,
        now: Instant,
    ) {
        let Some(Opening { at, id, server, client }) = self.openings.pop() else { return };
        let Some(record) = record(id) else { return };
        // The record may be another connection's by now.
        let waits = record.state() == State::SynReceived
            && record.server() == server
            && self.suspects.client(client_of(record)) == client;
        if waits {
            self.suspects.failed(server, client, Cause::Unanswered, at, now);
        }
    }
}

/// The address of the end that asked.
fn client_of<A: Address>(record: &Record<A>) -> A {
    record.key(Direction::Original).tuple().source
}
