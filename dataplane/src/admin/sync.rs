//! Connection sync over a client's stream, and its orders to the workers.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use api::stream::Direction;
use api::{Failure, Role};
use nat::persistence::{Installed, Persistence, Told};
use nat::sync::{Export, Import, Session, ring};

use super::Admin;
use crate::clock::Tsc;
use crate::mailbox::Order;
use crate::sync::{Exporters, Importers, Intake, REPLIES, RING};

impl Admin {
    /// Makes a stream one end of connection sync, on a thread of its own. The one before,
    /// of either direction, ends: the process that carried it was replaced.
    pub(super) fn sync_over(self: &Arc<Self>, direction: Direction, stream: UnixStream) {
        let admin = Arc::clone(self);
        self.sync.replace(direction, stream, admin);
    }

    /// Connection sync, for the answer to an order about the role.
    pub fn sync_status(&self) -> api::SyncStatus {
        self.sync.status()
    }

    /// Gives each worker a session, and frees those before. A worker that is late does not
    /// begin it later: nobody would read what it tells.
    fn set_sessions(&self, sessions: Vec<Session>) -> Result<(), Failure> {
        let orders = sessions.into_iter().map(Order::Sync).collect();
        self.orders.lock().carry_out(&self.workers, orders).map_err(|late| late.failure)
    }

    /// Ends the sessions of all workers. A worker that is late ends its own when it comes to it.
    fn end_sessions(&self) -> Result<(), Failure> {
        let workers: Vec<_> = self.workers.iter().collect();
        self.orders.lock().have_done(&workers, || Order::Sync(Session::Off))
    }
}

impl Exporters for Admin {
    fn begin(&self) -> Result<Vec<ring::Consumer>, Failure> {
        let (sessions, rings) = self
            .workers
            .iter()
            .map(|_| {
                let (producer, consumer) = ring::ring(RING);
                (Session::Export(Box::new(Export::new(producer))), consumer)
            })
            .unzip();
        self.set_sessions(sessions)?;
        Ok(rings)
    }

    fn seed(&self) -> u64 {
        self.sharing.key().bits().into()
    }

    fn persistence(&self) -> Arc<Persistence<Ipv4Addr>> {
        Arc::clone(&self.snapshot.read().policy.persistence)
    }

    fn now(&self) -> nat::Instant {
        self.clock.now()
    }

    fn end(&self) -> Result<(), Failure> {
        self.end_sessions()
    }
}

impl Importers for Admin {
    fn begin(&self, workers: u16) -> Result<Vec<Intake>, Failure> {
        let (sessions, intakes) = self
            .sync
            .installs()
            .map(|installs| {
                let (orders, to_install) = ring::ring(RING);
                let (replies, replied) = ring::ring(REPLIES);
                let import = Import::new(to_install, replies, workers, Arc::clone(&installs));
                let intake = Intake { orders, replies: replied, installs };
                (Session::Import(Box::new(import)), intake)
            })
            .unzip();
        self.set_sessions(sessions)?;
        Ok(intakes)
    }

    fn remember(&self, client: &Told<Ipv4Addr>) {
        let is_standby = self.role.role(Tsc::now()) == Role::Standby;
        let persistence = Exporters::persistence(self);
        if persistence.install(client, is_standby, self.clock.now()) == Installed::Refused {
            tracing::debug!("connection sync: no number is free for a persistent client's server");
        }
    }

    fn free(&self, worker: usize) -> u64 {
        self.workers.get(worker).map_or(0, |worker| {
            (worker.room.reach() as u64).saturating_sub(worker.counters.connections.get())
        })
    }

    fn owner(&self, remote: Option<Ipv4Addr>) -> usize {
        // Hairpin connections are the first worker's.
        remote.map_or(0, |remote| self.sharing.owner(remote))
    }

    fn end(&self) -> Result<(), Failure> {
        self.end_sessions()
    }
}
