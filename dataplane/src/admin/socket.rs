//! The Unix socket: mode 0600, and only for root and the user that the process runs as.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use api::stream::Direction;
use api::{Capture, Failure, FailureKind, Request, Response};

use super::Admin;
use super::capture::BegunCapture;
use super::real_time::RealTimePriority;
use super::trace::TraceSession;

/// Clients at a time; the command line needs one.
const CLIENTS: usize = 16;
const BUSY: &str = "another tandem-dataplane answers on it; stop that one first, or give this one \
                    another node.control_socket";
/// A client that says nothing for so long is let go.
const SILENCE: Duration = Duration::from_secs(30);
/// After a client that could not be taken.
const PAUSE: Duration = Duration::from_millis(10);

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the control socket {path} could not be made: {source}")]
pub struct SocketError {
    path: PathBuf,
    source: io::Error,
}

/// The listening socket. Its file is gone when this is dropped.
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Makes the socket and answers on it for as long as `admin` lives.
    ///
    /// # Errors
    ///
    /// [`SocketError`], also when another process answers on it.
    pub fn open(path: &Path, admin: &Arc<Admin>) -> Result<Self, SocketError> {
        let listener = api::server::listen(path, BUSY)
            .map_err(|source| SocketError { path: path.to_owned(), source })?;
        // The threads must not keep the ports open when everything else has stopped.
        let admin = Arc::downgrade(admin);
        let threads = std::thread::Builder::new().name("control".to_owned());
        threads
            .spawn(move || accept(&listener, &admin))
            .map_err(|source| SocketError { path: path.to_owned(), source })?;
        Ok(Socket { path: path.to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The next start would remove it as well.
        let _ = fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, admin: &Weak<Admin>) {
    let clients = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Most likely there are too many open files; asking on without a pause would
            // take a whole core.
            std::thread::sleep(PAUSE);
            continue;
        };
        if !api::server::is_allowed(&stream) || clients.load(Ordering::Relaxed) >= CLIENTS {
            continue;
        }
        let place = ClientSlot::take(&clients);
        let admin = Weak::clone(admin);
        let threads = std::thread::Builder::new().name("control-client".to_owned());
        let spawned = threads.spawn(move || {
            let wish = converse(stream, &admin);
            drop(place);
            // Such a stream is no client: it may be silent, and stays.
            match wish {
                Some((Wish::Sync(direction), stream)) => {
                    if let Some(admin) = admin.upgrade() {
                        admin.sync_over(direction, stream);
                    }
                }
                Some((Wish::Capture(begun), stream)) => begun.run(&stream),
                None => {}
            }
        });
        if spawned.is_err() {
            tracing::warn!("no thread for a client of the control socket");
        }
    }
}

/// A client's place among [`CLIENTS`], given back however its thread ends.
struct ClientSlot(Arc<AtomicUsize>);

impl ClientSlot {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        ClientSlot(Arc::clone(clients))
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a client wants its stream to become.
enum Wish {
    /// One end of connection sync.
    Sync(Direction),
    /// A capture.
    Capture(Box<BegunCapture>),
}

/// Answers a client until it goes, or wants its stream to become something else; then the stream
/// is returned.
fn converse(mut stream: UnixStream, admin: &Weak<Admin>) -> Option<(Wish, UnixStream)> {
    let patient = stream
        .set_read_timeout(Some(SILENCE))
        .and_then(|()| stream.set_write_timeout(Some(SILENCE)));
    patient.ok()?;
    let mut wish = None;
    let mut priority = RealTimePriority::default();
    let mut traces = None;
    loop {
        let served = api::server::serve_one(&mut stream, |request| {
            priority.set(matches!(request, Request::Lease(_)));
            match request {
                Request::Sync(direction) => wish = Some(Wish::Sync(direction)),
                Request::Capture(order) => return begin_capture(admin, &order, &mut wish),
                _ => {}
            }
            answer(admin, request, &mut traces)
        });
        match (served, wish.take()) {
            (Ok(true), Some(wish)) => return Some((wish, stream)),
            (Ok(true), None) => {}
            (Ok(false), _) => return None,
            (Err(error), _) => {
                tracing::debug!(%error, "a client of the control socket went away");
                return None;
            }
        }
    }
}

/// Answers a request; a trace belongs to the client that has begun it.
fn answer(admin: &Weak<Admin>, request: Request, traces: &mut Option<TraceSession>) -> Response {
    let Some(admin) = admin.upgrade() else { return stopping().into() };
    match (request, &*traces) {
        (Request::Trace(trace), _) => {
            // One that it had ends first.
            *traces = None;
            let begun = TraceSession::begin(&admin, &trace);
            begun.map(|begun| Response::Tracing(traces.insert(begun).next(&admin))).into()
        }
        (Request::TraceNext, Some(session)) => Response::Tracing(session.next(&admin)),
        (Request::TraceNext, None) => {
            Failure::new(FailureKind::NotNow, "this connection has not begun a trace").into()
        }
        (request, _) => admin.answer(request),
    }
}

/// Workers copy before the client is told that they do.
fn begin_capture(admin: &Weak<Admin>, order: &Capture, wish: &mut Option<Wish>) -> Response {
    let admin = admin.upgrade().ok_or_else(stopping);
    match admin.and_then(|admin| admin.begin_capture(order)) {
        Ok(begun) => {
            let capturing = begun.capturing().clone();
            *wish = Some(Wish::Capture(Box::new(begun)));
            Response::Capturing(capturing)
        }
        Err(failure) => failure.into(),
    }
}

fn stopping() -> Failure {
    Failure::new(FailureKind::Busy, "tandem-dataplane is stopping")
}
