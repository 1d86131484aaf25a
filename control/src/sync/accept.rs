//! The active machine's end: takes connections from the peer.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use config::PeerPath;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::sleep;

use super::noise::{Purpose, Secured, SyncKeys, taken_for};
use super::{Counts, Trouble, add};
use crate::clock::Clock;
use crate::log_limiter::LogLimiter;
use crate::role::SyncPlan;

/// Between two attempts to listen on an address that is not there yet, say.
const RETRY: Duration = Duration::from_millis(100);
/// The most connections at a time whose handshake is not done yet.
const UNAUTHENTICATED: usize = 4;

/// A connection that the peer has opened.
#[derive(Debug)]
pub struct Taken {
    /// The connection, over which the peer has proven itself.
    pub link: Secured,
    /// The path that the connection takes.
    pub path: PeerPath,
}

/// Who takes the peer's connections about other things than sync.
#[derive(Clone, Debug)]
pub struct OtherLinks {
    /// What the machines tell each other of servers.
    pub servers: mpsc::Sender<Secured>,
    /// Upgrades of the image.
    pub upgrades: mpsc::Sender<Secured>,
    /// Changes of the pair's key.
    pub keys: mpsc::Sender<Secured>,
}

/// What the listeners on all paths share.
#[derive(Clone)]
pub struct Accept {
    keys: SyncKeys,
    plans: watch::Receiver<SyncPlan>,
    taken: mpsc::Sender<Taken>,
    others: OtherLinks,
    unauthenticated: Arc<Semaphore>,
    counts: Arc<Counts>,
    clock: Clock,
    log_limiters: Arc<Mutex<RefusalLog>>,
}

/// Limits what is logged of refused connections: the other end tries again many times a second.
#[derive(Default)]
struct RefusalLog {
    version: LogLimiter,
    handshake: LogLimiter,
}

impl Accept {
    /// Hands connections of the peer to `taken`, while the plan is to export.
    #[must_use]
    pub fn new(
        keys: SyncKeys,
        plans: watch::Receiver<SyncPlan>,
        taken: mpsc::Sender<Taken>,
        others: OtherLinks,
        counts: Arc<Counts>,
        clock: Clock,
    ) -> Self {
        let unauthenticated = Arc::new(Semaphore::new(UNAUTHENTICATED));
        Accept {
            keys,
            plans,
            taken,
            others,
            unauthenticated,
            counts,
            clock,
            log_limiters: Arc::default(),
        }
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
        let Ok(place) = Arc::clone(&self.unauthenticated).try_acquire_owned() else {
            return add(&self.counts.refused_busy, 1);
        };
        // Events flow from this end: each batch goes out as it comes. Without it sync works.
        let _ = stream.set_nodelay(true);
        let this = self.clone();
        tokio::spawn(async move {
            // A peer that believes this machine active will know better in a moment.
            let admits = |purpose: Purpose| match purpose {
                Purpose::Sync if !this.plans.borrow().export => None,
                purpose => Some(purpose.versions()),
            };
            let link = taken_for(admits, stream, &this.keys.all()).await;
            drop(place);
            match link {
                Ok((Purpose::Servers, link)) => drop(this.others.servers.send(link).await),
                Ok((Purpose::Upgrade, link)) => drop(this.others.upgrades.send(link).await),
                Ok((Purpose::Keys, link)) => drop(this.others.keys.send(link).await),
                Ok((Purpose::Sync, link)) => drop(this.taken.send(Taken { link, path }).await),
                Err(Trouble::NotAdmitted) => {}
                Err(trouble) => this.refuse(&trouble, remote),
            }
        });
    }

    fn refuse(&self, trouble: &Trouble, remote: SocketAddr) {
        let (remote, now) = (remote.ip(), self.clock.now());
        let mut log_limiters = self.log_limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Trouble::Version { .. } = trouble {
            add(&self.counts.refused_version, 1);
            if log_limiters.version.may_log(now) {
                tracing::warn!("no connection sync with {remote}: {trouble}");
            }
        } else {
            add(&self.counts.refused_handshake, 1);
            if log_limiters.handshake.may_log(now) {
                tracing::debug!("a sync connection from {remote} was refused: {trouble}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::key::SharedKey;

    /// A log that is kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Connects again and again, and says this each time, until the other end hangs up.
    async fn insist(remote: SocketAddr, word: &[u8]) {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(remote).await.unwrap();
            stream.write_all(word).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }

    #[tokio::test]
    async fn refusals_that_are_repeated_are_counted_and_told_once() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);

        let keys = SyncKeys::new(&SharedKey::from_bytes(vec![7; 32]).unwrap().into());
        let plan = SyncPlan { export: true, ..SyncPlan::default() };
        let ((_plan, plans), (taken, _taken)) = (watch::channel(plan), mpsc::channel(1));
        let counts = Arc::new(Counts::default());
        let ((servers, _servers), (upgrades, _upgrades)) = (mpsc::channel(1), mpsc::channel(1));
        let (keys_links, _keys_links) = mpsc::channel(1);
        let others = OtherLinks { servers, upgrades, keys: keys_links };
        let accept = Accept::new(keys, plans, taken, others, Arc::clone(&counts), Clock::start());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = listener.local_addr().unwrap();
        drop(listener);
        let path = PeerPath { local: remote.ip(), remote: remote.ip() };
        tokio::spawn(accept.listen(path, remote.port()));
        while TcpStream::connect(remote).await.is_err() {
            tokio::task::yield_now().await;
        }
        insist(remote, b"TANDEM\0\x09\0\x09").await;
        insist(remote, b"GET / HTTP/1.1\r\n\r\n").await;

        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("no connection sync with 127.0.0.1").count(), 1, "{log}");
        assert_eq!(log.matches("from 127.0.0.1 was refused").count(), 1, "{log}");
        let count = |counter: &core::sync::atomic::AtomicU64| {
            counter.load(core::sync::atomic::Ordering::Relaxed)
        };
        assert!(count(&counts.refused_version) >= 19 && count(&counts.refused_handshake) >= 19);
    }
}
