//! One listener, and everyone who connects to it.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::patient::Patient;
use super::tls::{self, TlsFiles};

/// The largest head of a request. A browser's is about 1 KiB.
const HEAD: usize = 16 * 1024;

/// How much others may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait.
    pub connections: usize,
    /// Connections of one address that is not this machine's loopback; further ones are closed.
    pub of_one_address: usize,
    /// How long one request and its answer may take, and how long a stream waits for a reader.
    pub patience: Duration,
    /// How long a stream may last.
    pub longest: Duration,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// TLS has found the visitor's certificate right.
    pub has_certificate: bool,
    /// The answer is a stream, which lasts.
    stays: Arc<AtomicBool>,
}

impl Visitor {
    /// The answer lasts for longer than others.
    pub fn stay(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }
}

/// Answers until the listener fails, and says why it did. Whoever holds connections open takes
/// places from other visitors only, and not for long.
pub async fn answer(
    listener: &TcpListener,
    limits: Limits,
    mut tls: Option<TlsFiles>,
    router: &Router,
) -> std::io::Error {
    let places = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    loop {
        let place = match Arc::clone(&places).acquire_owned().await {
            Ok(place) => place,
            Err(closed) => return std::io::Error::other(closed),
        };
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => return error,
        };
        let Some(address) = addresses.take(from.ip(), limits.of_one_address) else { continue };
        let acceptor = tls.as_mut().map(TlsFiles::acceptor);
        let router = router.clone();
        tokio::spawn(async move {
            // A client that went away or was too slow is its own trouble.
            converse(stream, acceptor, limits, router).await;
            drop((place, address));
        });
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    limits: Limits,
    router: Router,
) {
    let Some(acceptor) = acceptor else {
        return carry(stream, false, limits, router).await;
    };
    let handshake = tokio::time::timeout(limits.patience, acceptor.accept(stream)).await;
    let Ok(Ok(stream)) = handshake else { return };
    let has_certificate = tls::has_certificate(&stream);
    carry(stream, has_certificate, limits, router).await;
}

/// One request and its answer.
async fn carry<S>(stream: S, has_certificate: bool, limits: Limits, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stays = Arc::new(AtomicBool::new(false));
    let visitor = Visitor { has_certificate, stays: Arc::clone(&stays) };
    let service = TowerToHyperService::new(router.layer(Extension(visitor)));
    let stream = TokioIo::new(Patient::new(stream, limits.patience));
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.patience)
        .max_buf_size(HEAD)
        .serve_connection(stream, service);
    let mut connection = core::pin::pin!(connection);
    let ended = tokio::time::timeout(limits.patience, connection.as_mut()).await;
    if ended.is_err() && stays.load(Ordering::Relaxed) {
        let _ = tokio::time::timeout(limits.longest, connection).await;
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address, until it is dropped.
struct Taken {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: the address has as many as it may. This machine's own programs share one address.
    fn take(&self, address: IpAddr, most: usize) -> Option<Taken> {
        let address = address.to_canonical();
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count >= most && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Taken { addresses: self.clone(), address })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_all_places() {
        let addresses = Addresses::default();
        let [far, other, own] = ["192.0.2.1", "192.0.2.2", "127.0.0.1"].map(|one| {
            let address: IpAddr = one.parse().unwrap();
            address
        });
        let held: Vec<_> = (0..2).map(|_| addresses.take(far, 2).unwrap()).collect();
        assert!(addresses.take(far, 2).is_none());
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert!(addresses.take(mapped, 2).is_none(), "it is the same address");
        assert!(addresses.take(other, 2).is_some());
        let own: Vec<_> = (0..9).map(|_| addresses.take(own, 2)).collect();
        assert!(own.iter().all(Option::is_some));
        drop((held, own));
        assert!(addresses.counts().is_empty(), "nothing is kept of those that went");
    }
}
