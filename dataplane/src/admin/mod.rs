//! What is answered on the control socket: status, counters, listings and reload, for the
//! command line and the control process.
//!
//! It runs on threads of its own and never makes a worker wait: counters are read where
//! they stand, and a listing of connections is copied by the workers a few records a
//! poll.

mod busy;
mod capture;
mod configuration;
mod connections;
mod counters;
mod lease;
mod observe;
mod orders;
mod packet_filter;
pub mod real_time;
pub mod reload;
mod socket;
mod status;
mod survey;
mod sync;
mod trace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use api::{Request, Response, ServicesPage};
use config::{Checked, Config, Sources};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::port::Port;
use nat::passive::Suspects;
use nat::room::Room;
use nat::service::{Budgets, Loads};
use parking_lot::{Mutex, RwLock};

use crate::clock::Clock;
use crate::counters::{Drops, WorkerBlock};
use crate::mailbox::Mailbox;
use crate::neighbour::Resolver;
use crate::observations::Observations;
use crate::role::LeaseHolder;
use crate::snapshot::{Builder, Snapshot};
use crate::sync::Hub;
use crate::worker::Sharing;

pub use busy::Busy;
pub use capture::Captures;
pub use orders::Orders;
pub use socket::{Socket, SocketError};
pub use trace::TraceSlot;

/// The configuration in use and what the next one is made with.
pub struct Loaded {
    /// As it was read.
    pub config: Config,
    /// The files that it was read from.
    pub sources: Sources,
    /// Theirs.
    pub digest: String,
    pub path: PathBuf,
    pub at: SystemTime,
    /// Numbers services and servers.
    pub builder: Builder,
}

impl Loaded {
    /// What was read from `path` now.
    pub fn new(checked: Checked, path: PathBuf, builder: Builder) -> Self {
        let Checked { config, sources, .. } = checked;
        let digest = sources.digest();
        Loaded { config, sources, digest, path, at: SystemTime::now(), builder }
    }

    /// Takes what was read from `path` now in its place.
    fn replace(&mut self, checked: Checked, path: PathBuf) {
        self.config = checked.config;
        self.digest = checked.sources.digest();
        self.sources = checked.sources;
        self.path = path;
        self.at = SystemTime::now();
    }
}

/// One worker as seen from here.
pub struct WorkerHandle {
    pub core: u16,
    /// How many connections it may have.
    pub room: Arc<Room>,
    pub counters: Arc<WorkerBlock>,
    /// The connections that each real server has on it.
    pub loads: Arc<Loads>,
    /// Its permits for connections of what has limits.
    pub budgets: Arc<Budgets>,
    pub mailbox: Arc<Mailbox>,
}

/// What requests are answered from.
pub struct Admin {
    pub loaded: Arc<Mutex<Loaded>>,
    /// The same as workers use it.
    pub snapshot: Arc<RwLock<Arc<Snapshot>>>,
    pub workers: Vec<WorkerHandle>,
    /// Taken by whoever gives orders and waits for the answers.
    pub orders: Mutex<Orders>,
    /// The pools of packet buffers, with their names in counters.
    pub mempools: [(&'static str, Mempool); 2],
    /// The ports of both sides.
    pub ports: [Arc<Port>; 2],
    pub resolver: Arc<Mutex<Resolver<Mbuf>>>,
    /// The role of this machine.
    pub role: Arc<LeaseHolder>,
    /// Packets that the main core dropped.
    pub drops: Arc<Drops>,
    /// The clock of the process.
    pub clock: Clock,
    /// How workers share connections out.
    pub sharing: Arc<Sharing>,
    pub sync: Hub,
    /// What was observed of servers, for control to wait for.
    pub observations: Arc<Observations>,
    pub suspects: Arc<Suspects>,
    /// Whether a client traces packets.
    pub traces: TraceSlot,
    /// How busy the workers were at the last look.
    pub busy: Busy,
    /// Whether packets are being captured.
    pub captures: Captures,
}

impl Admin {
    pub fn answer(&self, request: Request) -> Response {
        let answer = match request {
            Request::Status => Ok(Response::Status(self.status())),
            Request::Counters => Ok(Response::Counters(self.counters())),
            Request::Services => Ok(Response::Services(self.services(ServicesPage::default()))),
            Request::ServicesPage(page) => Ok(Response::Services(self.services(page))),
            Request::SetServers(changes) => self.set_servers(&changes).map(Response::Services),
            Request::Connections(page) => self.connections(&page).map(Response::Connections),
            Request::CountConnections(count) => {
                self.count_connections(&count).map(Response::ConnectionCounts)
            }
            Request::Kill(kill) => self.kill(&kill).map(Response::Killed),
            Request::Neighbours => Ok(Response::Neighbours(self.neighbours())),
            Request::Lease(order) => self.lease_order(order).map(Response::LeaseStatus),
            Request::Reload(reload) => self.reload(&reload).map(Response::Reloaded),
            Request::Sources(page) => self.sources(&page).map(Response::SourcesInForce),
            Request::Observe(observe) => Ok(Response::Observations(self.observe(&observe))),
            Request::Explain(explain) => self.explain(&explain).map(Response::Explained),
            // Whoever holds the stream makes it one end of connection sync.
            Request::Sync(_) => Ok(Response::Syncing),
            _ => Err(api::Failure::new(
                api::FailureKind::Malformed,
                "this release of tandem-dataplane does not know the request",
            )),
        };
        answer.into()
    }
}

/// A side in the words of the messages.
fn side(side: nat::Side) -> api::Side {
    match side {
        nat::Side::Public => api::Side::Public,
        nat::Side::Private => api::Side::Private,
    }
}
