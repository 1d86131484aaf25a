//! Connection sync between two dataplanes: from the workers' rings to a stream, and from
//! a stream to the workers' rings.
//!
//! ```text
//!   workers --rings--> exporter thread --stream--> importer thread --rings--> workers
//!                                      <-----------                <--replies--
//! ```
//!
//! The stream is a client's connection to the control socket; the control processes carry
//! its frames ([`api::stream`]) between the machines. A dataplane is one end of one stream
//! at a time.
//!
//! Persistent clients go the same way, but for the workers: both threads look at the table that
//! all workers share (`clients.rs`).
//!
//! Nothing is ever left out silently. A ring that overflows, because the stream is slow or
//! stands still, ends the session: the exporter begins the next as soon as the stream takes
//! frames again, and everything is told anew. The importer compares tallies, and ends the
//! stream when they differ.

mod clients;
mod exporter;
mod importer;
mod link;
mod progress;
#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::net::{Ipv4Addr, Shutdown};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use api::stream::Direction;
use api::{Failure, FailureKind, SyncState, SyncStatus};
use nat::persistence::{Persistence, Told};
use nat::sync::Installs;
use nat::sync::ring::{Consumer, Producer};
use parking_lot::Mutex;

pub use exporter::Exporter;
pub use importer::Importer;
pub use progress::Progress;

/// Entries of a worker's ring: at a million events a second 65 ms, in which the threads
/// of a busy machine get to run.
pub const RING: usize = 1 << 16;
/// Entries of a worker's ring of replies.
pub const REPLIES: usize = 1 << 10;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The other end is gone, or the stream broke.
    #[error("the stream broke: {0}")]
    Stream(#[from] io::Error),
    /// A worker did not follow an order.
    #[error(transparent)]
    Worker(#[from] Failure),
    /// The other end speaks another version of the frames.
    #[error(
        "the peer's dataplane speaks version {0} of connection sync and this one {version}; \
         install the same release of tandem on both machines", version = api::stream::STREAM_VERSION
    )]
    Version(u16),
    /// A frame that has no place here.
    #[error("the peer sent what it must not send: {0}")]
    Protocol(&'static str),
    /// An event that is none.
    #[error("the peer sent an event that is none: {0}")]
    Event(#[from] nat::sync::EventError),
    /// A persistent client that is none.
    #[error("the peer sent a persistent client that is none: {0}")]
    Client(#[from] nat::persistence::ToldError),
    /// A worker of the importer takes no events.
    #[error("worker {0} has not taken an event for {1} s")]
    Stalled(usize, u64),
    /// What was installed is not what the peer has.
    #[error(
        "of the peer's worker {worker} there are {count} connections here and {expected} there, \
         or they differ; everything has to be sent again"
    )]
    Mismatch {
        /// The peer's worker.
        worker: u16,
        /// Connections here.
        count: u64,
        /// Connections there.
        expected: u64,
    },
    /// There was no room for everything, and now there is.
    #[error("there is room for the {0} connections that are missing: everything is sent again")]
    Room(u64),
    /// Another stream takes its place.
    #[error("another stream has taken its place")]
    Replaced,
}

/// The workers of an exporter.
pub trait Exporters: Send + Sync {
    /// Has every worker begin an export; the rings that they write, by worker.
    ///
    /// # Errors
    ///
    /// When a worker does not answer.
    fn begin(&self) -> Result<Vec<Consumer>, Failure>;

    /// What the workers share connections by.
    fn seed(&self) -> u64;

    /// The persistent clients of all workers.
    fn persistence(&self) -> Arc<Persistence<Ipv4Addr>>;

    /// The time by the clock of the workers.
    fn now(&self) -> nat::Instant;

    /// Has every worker stop.
    ///
    /// # Errors
    ///
    /// When a worker does not answer.
    fn end(&self) -> Result<(), Failure>;
}

/// The rings of a worker that installs.
#[derive(Debug)]
pub struct Intake {
    pub orders: Producer,
    pub replies: Consumer,
    /// Where the worker counts what became of events.
    pub installs: Arc<Installs>,
}

/// The workers of an importer.
pub trait Importers: Send + Sync {
    /// Has every worker begin an import from an exporter with so many workers.
    ///
    /// # Errors
    ///
    /// When a worker does not answer.
    fn begin(&self, workers: u16) -> Result<Vec<Intake>, Failure>;

    /// Takes a persistent client that the peer tells of.
    fn remember(&self, client: &Told<Ipv4Addr>);

    /// Connections that a worker still has room for.
    fn free(&self, worker: usize) -> u64;

    /// The worker that owns connections with this remote address; `None`: hairpin ones.
    fn owner(&self, remote: Option<Ipv4Addr>) -> usize;

    /// Has every worker stop. What was installed stays.
    ///
    /// # Errors
    ///
    /// When a worker does not answer.
    fn end(&self) -> Result<(), Failure>;
}

/// Connection sync of a process: at most one stream.
pub struct Hub {
    progress: Arc<Progress>,
    installs: Vec<Arc<Installs>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Hub {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Hub {
            progress: Arc::default(),
            installs: (0..workers).map(|_| Arc::default()).collect(),
            running: Mutex::new(None),
        }
    }

    /// Where each worker counts what became of events.
    pub(crate) fn installs(&self) -> impl Iterator<Item = Arc<Installs>> + '_ {
        self.installs.iter().map(Arc::clone)
    }

    /// How connection sync stands.
    pub fn status(&self) -> SyncStatus {
        let mut status = self.progress.status();
        for installs in &self.installs {
            status.refused += installs.refused.load(Ordering::Relaxed);
            status.unserved += installs.unserved.load(Ordering::Relaxed);
            status.swept += installs.swept.load(Ordering::Relaxed);
        }
        status
    }

    /// Asks for a confirmation that all that has happened is installed at the peer. The
    /// number of the order; done when [`SyncStatus::drained`] has reached it.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotNow`] when nothing is exported.
    pub fn drain(&self) -> Result<u64, Failure> {
        let not_exporting = || {
            let message = "this machine sends its connections to nobody";
            Failure::new(FailureKind::NotNow, message)
        };
        self.progress.want_mark().ok_or_else(not_exporting)
    }

    /// This machine has become active: what it was sent is its own now, and says nothing
    /// about a later standby time.
    pub fn claimed(&self) {
        self.progress.update(|status| status.complete = false);
    }

    /// Ends the stream there is.
    pub fn end(&self) {
        Self::join(self.running.lock().take());
    }

    fn join(running: Option<Running>) {
        let Some(running) = running else { return };
        running.stop.store(true, Ordering::Relaxed);
        if running.thread.join().is_err() {
            tracing::error!("the thread of connection sync has failed");
        }
    }

    /// Ends the stream there is, and begins another.
    pub(crate) fn replace<W>(&self, direction: Direction, stream: UnixStream, workers: Arc<W>)
    where
        W: Exporters + Importers + 'static,
    {
        let mut running = self.running.lock();
        Self::join(running.take());
        let stop = Arc::new(AtomicBool::new(false));
        let (progress, stopped) = (Arc::clone(&self.progress), Arc::clone(&stop));
        let threads = std::thread::Builder::new().name("sync".to_owned());
        let spawned = threads.spawn(move || match direction {
            Direction::Export => export(&stream, workers.as_ref(), &progress, &stopped),
            Direction::Import => import(&stream, workers.as_ref(), &progress, &stopped),
        });
        match spawned {
            Ok(thread) => *running = Some(Running { stop, thread }),
            Err(error) => tracing::warn!(%error, "no thread for connection sync"),
        }
    }
}

/// Exports over a stream until it ends.
pub fn export(
    stream: &UnixStream,
    workers: &dyn Exporters,
    progress: &Progress,
    stop: &AtomicBool,
) {
    tracing::info!("connection sync: sending connections");
    let result = Exporter::new(stream, workers, progress).and_then(|exporter| exporter.run(stop));
    finish("sending", stream, result, workers.end(), progress);
}

/// Imports over a stream until it ends.
pub fn import(
    stream: &UnixStream,
    workers: &dyn Importers,
    progress: &Progress,
    stop: &AtomicBool,
) {
    tracing::info!("connection sync: receiving connections");
    let result = Importer::new(stream, workers, progress).and_then(|importer| importer.run(stop));
    finish("receiving", stream, result, workers.end(), progress);
}

fn finish(
    what: &str,
    stream: &UnixStream,
    result: Result<core::convert::Infallible, Ended>,
    ended: Result<(), Failure>,
    progress: &Progress,
) {
    // The other end may be gone already.
    let _ = stream.shutdown(Shutdown::Both);
    progress.update(|status| {
        status.state = SyncState::Off;
        status.lag = 0;
        // Of a stream that is over nothing is true any more.
        status.complete = false;
    });
    match result {
        Err(Ended::Replaced) => tracing::info!("connection sync: {what} ended for another stream"),
        Err(why) => tracing::warn!(%why, "connection sync: {what} ended"),
    }
    if let Err(error) = ended {
        tracing::error!(%error, "connection sync: a worker did not end its session");
    }
}
