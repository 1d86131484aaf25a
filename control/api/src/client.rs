//! Asking the dataplane, on a blocking socket.

use core::time::Duration;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::frame::{self, FrameError};
use crate::message::{self, Request, Response};
use crate::stream::Direction;
use crate::{
    Connections, Counters, LeaseOrder, LeaseStatus, Neighbours, Page, Pair, Reload, Reloaded,
    Services, SetServers, Status,
};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error(
        "the dataplane is not running: nothing answers on {0}; start it with: systemctl start \
         tandem-dataplane"
    )]
    NotRunning(PathBuf),
    /// This user may not use the socket.
    #[error("this user may not use {0}; run the command as root: sudo tandem ...")]
    Permission(PathBuf),
    /// The socket cannot be used.
    #[error("{path} cannot be used: {error}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// No answer came in time.
    #[error(
        "the dataplane did not answer on {path} within {} s; look at: journalctl -u \
         tandem-dataplane", timeout.as_secs()
    )]
    Timeout {
        /// The socket.
        path: PathBuf,
        /// How long was waited.
        timeout: Duration,
    },
    /// The dataplane went away instead of answering.
    #[error("the dataplane closed {0} without an answer; look at: journalctl -u tandem-dataplane")]
    Closed(PathBuf),
    /// The request or its answer does not fit.
    #[error(transparent)]
    TooLarge(FrameError),
    /// The dataplane did not do it, or its answer is not understood.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The dataplane answered something else than was asked.
    #[error(
        "the dataplane answered another question than was asked; install the same release of tandem and tandem-dataplane"
    )]
    OtherAnswer,
}

/// A connection to the dataplane.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
    timeout: Duration,
}

impl Client {
    /// How long an answer is waited for unless said otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Connects to the dataplane's socket.
    ///
    /// # Errors
    /// When nobody listens, or this user may not.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, ClientError> {
        Self::connect_with_timeout(path, Self::TIMEOUT)
    }

    /// [`Client::connect`], waiting so long for each answer; not zero.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_with_timeout(
        path: impl AsRef<Path>,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let path = path.as_ref().to_owned();
        let stream = UnixStream::connect(&path).map_err(|error| refused(&path, error))?;
        let set = stream
            .set_read_timeout(Some(timeout))
            .and_then(|()| stream.set_write_timeout(Some(timeout)));
        set.map_err(|error| ClientError::Socket { path: path.clone(), error })?;
        Ok(Client { stream, path, timeout })
    }

    /// Asks, and waits for the answer. A [`Response::Failure`] is an error here.
    ///
    /// # Errors
    /// When no answer comes, it is not understood, or it is a failure.
    pub fn request(&mut self, request: &Request) -> Result<Response, ClientError> {
        let json = message::encode(request)?;
        frame::write(&mut self.stream, &json).map_err(|error| self.broke(error))?;
        let answer = frame::read(&mut self.stream).map_err(|error| self.broke(error))?;
        let json = answer.ok_or_else(|| ClientError::Closed(self.path.clone()))?;
        match message::decode(&json)? {
            Response::Failure(failure) => Err(failure.into()),
            response => Ok(response),
        }
    }

    /// Makes this connection one end of connection sync: what it carries from now on are
    /// the frames of [`crate::stream`].
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn sync(mut self, direction: Direction) -> Result<UnixStream, ClientError> {
        match self.request(&Request::Sync(direction))? {
            Response::Syncing => Ok(self.stream),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    fn broke(&self, error: FrameError) -> ClientError {
        let path = self.path.clone();
        match error {
            FrameError::TooLarge(_) => ClientError::TooLarge(error),
            FrameError::Io(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    ClientError::Timeout { path, timeout: self.timeout }
                }
                ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                    ClientError::Closed(path)
                }
                _ => ClientError::Socket { path, error },
            },
        }
    }
}

fn refused(path: &Path, error: io::Error) -> ClientError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::NotRunning(path),
        ErrorKind::PermissionDenied => ClientError::Permission(path),
        _ => ClientError::Socket { path, error },
    }
}

/// One method for each request that hands out its own answer.
macro_rules! ask {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty)?) -> $answer:ident, $request:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// As [`Client::request`].
        pub fn $name(&mut self $(, $argument: $kind)?) -> Result<$answer, ClientError> {
            match self.request(&$request)? {
                Response::$answer(answer) => Ok(answer),
                _ => Err(ClientError::OtherAnswer),
            }
        }
    };
}

impl Client {
    ask!(
        /// How the machine is.
        status() -> Status, Request::Status
    );
    ask!(
        /// Every counter.
        counters() -> Counters, Request::Counters
    );
    ask!(
        /// Services and their servers.
        services() -> Services, Request::Services
    );
    ask!(
        /// Changes states and weights of servers, all or none.
        set_servers(changes: SetServers) -> Services, Request::SetServers(changes)
    );
    ask!(
        /// One page of the connections.
        connections(page: Page) -> Connections, Request::Connections(page)
    );
    ask!(
        /// The neighbour tables.
        neighbours() -> Neighbours, Request::Neighbours
    );
    ask!(
        /// Of a dataplane: have an order about the role carried out.
        lease(order: LeaseOrder) -> LeaseStatus, Request::Lease(order)
    );
    ask!(
        /// Of tandem-control: how the pair is.
        pair() -> Pair, Request::Pair
    );
    ask!(
        /// Of tandem-control: hand the active role to the other machine.
        failover() -> Pair, Request::Failover
    );
    ask!(
        /// Have a configuration taken.
        reload(reload: Reload) -> Reloaded, Request::Reload(reload)
    );
}
