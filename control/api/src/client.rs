//! Asking the dataplane, on a blocking socket.

use core::time::Duration;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, FailureKind};
use crate::frame::{self, FrameError};
use crate::message::{self, Request, Response};
use crate::services::MOST_PAGES;
use crate::stream::Direction;
use crate::{
    Administer, Administered, Applied, Apply, Capture, Capturing, ConnectionCounts, Connections,
    CountConnections, Counters, EventsFound, EventsPage, Explain, Explanation, KeyOrder, KeyState,
    Kill, Killed, LeaseOrder, LeaseStatus, Neighbours, Page, Pair, Pools, PoolsPage, Reload,
    Reloaded, RollBack, Services, ServicesPage, SetServers, SourcesInForce, SourcesPage, Status,
    Trace, TracePage, VersionFiles, VersionNumber, Versions,
};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No process listens on the socket at this path.
    #[error(
        "the dataplane is not running: nothing answers on {0}; start it with: systemctl start \
         tandem-dataplane"
    )]
    NotRunning(PathBuf),
    /// The socket at this path may not be used by this user.
    #[error("this user may not use {0}; run the command as root: sudo tandem ...")]
    Permission(PathBuf),
    /// The system refused to connect, read or write for another reason.
    #[error("{path} cannot be used: {error}")]
    Socket {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the system call.
        error: io::Error,
    },
    /// The answer did not come before the timeout.
    #[error(
        "the dataplane did not answer on {path} within {} s; look at: journalctl -u \
         tandem-dataplane", timeout.as_secs()
    )]
    Timeout {
        /// The path of the socket.
        path: PathBuf,
        /// The timeout of this client.
        timeout: Duration,
    },
    /// The server closed the socket at this path instead of answering.
    #[error("the dataplane closed {0} without an answer; look at: journalctl -u tandem-dataplane")]
    Closed(PathBuf),
    /// The request is larger than a frame, or the answer says that it is.
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

/// A connection to the control socket of a dataplane or of tandem-control.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
    timeout: Duration,
}

impl Client {
    /// How long an answer is waited for unless said otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Connects to the control socket at `path`, and waits at most [`Client::TIMEOUT`] for each
    /// answer.
    ///
    /// # Errors
    /// Fails when nobody listens, or this user may not use the socket.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, ClientError> {
        Self::connect_with_timeout(path, Self::TIMEOUT)
    }

    /// Connects as [`Client::connect`] does, with another timeout for each answer; it must not be
    /// zero.
    ///
    /// # Errors
    /// Fails as [`Client::connect`] does.
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

    /// Sends a request and waits for its answer. A [`Response::Failure`] becomes an error.
    ///
    /// # Errors
    /// Fails when no answer comes, when it is not understood, or when it is a failure.
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

    /// Turns this connection into one end of connection sync. From then on it carries the frames of
    /// [`crate::stream`].
    ///
    /// # Errors
    /// Fails as [`Client::request`] does.
    pub fn sync(mut self, direction: Direction) -> Result<UnixStream, ClientError> {
        match self.request(&Request::Sync(direction))? {
            Response::Syncing => Ok(self.stream),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Turns this connection into a capture. From then on it carries the frames of
    /// [`crate::capture`].
    ///
    /// # Errors
    /// Fails as [`Client::request`] does.
    pub fn capture(mut self, capture: Capture) -> Result<(Capturing, UnixStream), ClientError> {
        match self.request(&Request::Capture(capture))? {
            Response::Capturing(capturing) => Ok((capturing, self.stream)),
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

impl Client {
    /// Asks a dataplane for every file of the configuration in force, as pairs of name and text,
    /// and for its generation.
    ///
    /// # Errors
    /// Fails as [`Client::request`] does, and when the configuration changes again and again while
    /// it is read.
    pub fn sources(&mut self) -> Result<(u64, Vec<(String, String)>), ClientError> {
        let mut attempts = 5;
        loop {
            attempts -= 1;
            match self.sources_once() {
                Err(ClientError::Failed(failure))
                    if failure.failure == FailureKind::NotNow && attempts > 0 => {}
                result => return result,
            }
        }
    }

    fn sources_once(&mut self) -> Result<(u64, Vec<(String, String)>), ClientError> {
        let (mut page, mut files) = (SourcesPage::default(), Vec::new());
        loop {
            let answer = self.sources_page(page)?;
            let (generation, next) = (answer.generation, answer.next);
            let of = Some(answer.digest.clone());
            answer.append_to(&mut files);
            match next {
                Some((file, offset)) => page = SourcesPage { known: None, of, file, offset },
                None => return Ok((generation, files)),
            }
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
        /// Fails as [`Client::request`] does.
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
        /// Asks a dataplane for its [`Status`].
        status() -> Status, Request::Status
    );
    ask!(
        /// Asks a dataplane for all of its counters.
        counters() -> Counters, Request::Counters
    );
    /// Asks a dataplane for all of its services with their real servers, page by page.
    ///
    /// # Errors
    /// Fails as [`Client::request`] does, and when the configuration changes again and again while
    /// it is read.
    pub fn services(&mut self) -> Result<Services, ClientError> {
        let mut all = Services::default();
        for _ in 0..MOST_PAGES {
            match self.request(&all.next_request())? {
                Response::Services(page) => {
                    if all.append(page) {
                        return Ok(all);
                    }
                }
                _ => return Err(ClientError::OtherAnswer),
            }
        }
        let message = "the services change again and again while they are read; try again";
        Err(Failure::new(FailureKind::NotNow, message).into())
    }

    ask!(
        /// Asks a dataplane for one page of its services.
        services_page(page: ServicesPage) -> Services, Request::ServicesPage(page)
    );
    ask!(
        /// Has a dataplane change states and weights of servers: all of them, or none.
        set_servers(changes: SetServers) -> Services, Request::SetServers(changes)
    );
    ask!(
        /// Asks a dataplane for one page of its connections.
        connections(page: Page) -> Connections, Request::Connections(page)
    );
    /// Has a dataplane follow packets. It ends when this client does.
    ///
    /// # Errors
    /// Fails as [`Client::request`] does.
    pub fn trace(&mut self, trace: Trace) -> Result<TracePage, ClientError> {
        self.tracing(&Request::Trace(trace))
    }

    /// Asks a dataplane for what was seen of the packets since.
    ///
    /// # Errors
    /// Fails as [`Client::request`] does.
    pub fn trace_next(&mut self) -> Result<TracePage, ClientError> {
        self.tracing(&Request::TraceNext)
    }

    fn tracing(&mut self, request: &Request) -> Result<TracePage, ClientError> {
        match self.request(request)? {
            Response::Tracing(page) => Ok(page),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Asks a dataplane what would become of a packet.
    ///
    /// # Errors
    /// Fails as [`Client::request`] does.
    pub fn explain(&mut self, explain: Explain) -> Result<Explanation, ClientError> {
        match self.request(&Request::Explain(explain))? {
            Response::Explained(explanation) => Ok(explanation),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    ask!(
        /// Has a dataplane count the connections of a part of its table.
        count_connections(count: CountConnections) -> ConnectionCounts,
        Request::CountConnections(count)
    );
    ask!(
        /// Has a dataplane end connections of a part of its table.
        kill(kill: Kill) -> Killed, Request::Kill(kill)
    );
    ask!(
        /// Asks a dataplane for the neighbour tables of both sides.
        neighbours() -> Neighbours, Request::Neighbours
    );
    ask!(
        /// Has a dataplane carry out an order about the lease of the active role.
        lease(order: LeaseOrder) -> LeaseStatus, Request::Lease(order)
    );
    ask!(
        /// Asks tandem-control for the state of the pair.
        pair() -> Pair, Request::Pair
    );
    ask!(
        /// Has tandem-control hand the active role to the other machine.
        failover() -> Pair, Request::Failover
    );
    ask!(
        /// Asks tandem-control for one page of what is known of the real servers.
        pools_page(page: PoolsPage) -> Pools, Request::Pools(page)
    );
    ask!(
        /// Has tandem-control do what an operator wants of servers.
        administer(administer: Administer) -> Administered, Request::Administer(administer)
    );
    ask!(
        /// Has tandem-control take other files as the configuration.
        apply(apply: Apply) -> Applied, Request::Apply(apply)
    );
    ask!(
        /// Has tandem-control take an older version.
        roll_back(order: RollBack) -> Applied, Request::RollBack(order)
    );
    ask!(
        /// Keeps what was applied to be confirmed.
        confirm() -> Applied, Request::Confirm
    );
    ask!(
        /// Asks tandem-control for the versions that it keeps.
        versions() -> Versions, Request::Versions
    );
    ask!(
        /// Asks tandem-control for a version's files.
        version_files(number: VersionNumber) -> VersionFiles, Request::VersionFiles(number)
    );
    ask!(
        /// Gives tandem-control an order about the pair's key.
        key(order: KeyOrder) -> KeyState, Request::Key(order)
    );
    ask!(
        /// Has a dataplane read a configuration file and apply it.
        reload(reload: Reload) -> Reloaded, Request::Reload(reload)
    );
    ask!(
        /// A page of the files of the configuration in force.
        sources_page(page: SourcesPage) -> SourcesInForce, Request::Sources(page)
    );
    ask!(
        /// Asks tandem-control for what happened.
        events(page: EventsPage) -> EventsFound, Request::Events(page)
    );
}
