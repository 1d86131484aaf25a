//! The active machine's end: takes connections from the peer.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use config::PeerPath;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::sleep;

use super::noise::{Secured, SyncKey, Versions, taken};
use super::{Counts, Trouble, add};
use crate::role::Plan;

/// Between two attempts to listen on an address that is not there yet, say.
const RETRY: Duration = Duration::from_millis(100);
/// Connections that have not proven themselves, at a time.
const STRANGERS: usize = 4;

/// A connection from the peer.
#[derive(Debug)]
pub struct Taken {
    /// It is the peer.
    pub link: Secured,
    /// Over which path.
    pub path: PeerPath,
}

/// What all paths' listeners share.
#[derive(Clone)]
pub struct Accept {
    key: SyncKey,
    plans: watch::Receiver<Plan>,
    taken: mpsc::Sender<Taken>,
    strangers: Arc<Semaphore>,
    counts: Arc<Counts>,
}

impl Accept {
    /// Hands connections of the peer to `taken`, while the plan is to export.
    #[must_use]
    pub fn new(
        key: SyncKey,
        plans: watch::Receiver<Plan>,
        taken: mpsc::Sender<Taken>,
        counts: Arc<Counts>,
    ) -> Self {
        Accept { key, plans, taken, strangers: Arc::new(Semaphore::new(STRANGERS)), counts }
    }

    /// Listens on a path for good.
    pub async fn listen(self, path: PeerPath, port: u16) {
        loop {
            if let Ok(listener) = TcpListener::bind(SocketAddr::new(path.local, port)).await {
                while let Ok((stream, remote)) = listener.accept().await {
                    self.take(stream, remote, path);
                }
            }
            // The path's heartbeats, which have the same address, tell what is wrong.
            sleep(RETRY).await;
        }
    }

    fn take(&self, stream: TcpStream, remote: SocketAddr, path: PeerPath) {
        if remote.ip() != path.remote {
            return add(&self.counts.refused_address, 1);
        }
        if !self.plans.borrow().export {
            // The peer believes this machine active; it will know better in a moment.
            return;
        }
        let Ok(place) = Arc::clone(&self.strangers).try_acquire_owned() else {
            return add(&self.counts.refused_busy, 1);
        };
        // Events flow from this end: each batch goes out as it comes. Without it sync works.
        let _ = stream.set_nodelay(true);
        let this = self.clone();
        tokio::spawn(async move {
            let link = taken(stream, &this.key, Versions::default()).await;
            drop(place);
            match link {
                Ok(link) => drop(this.taken.send(Taken { link, path }).await),
                Err(trouble) => this.refuse(&trouble, remote),
            }
        });
    }

    fn refuse(&self, trouble: &Trouble, remote: SocketAddr) {
        if let Trouble::Version { .. } = trouble {
            add(&self.counts.refused_version, 1);
            tracing::warn!("no connection sync with {}: {trouble}", remote.ip());
        } else {
            add(&self.counts.refused_handshake, 1);
            tracing::debug!("a sync connection from {remote} was refused: {trouble}");
        }
    }
}
