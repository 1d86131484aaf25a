//! Requests and responses, and the envelope that carries either.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::stream::Direction;
use crate::version::VERSION;
use crate::{
    Administer, Administered, Applied, Apply, Capture, Capturing, ConnectionCounts, Connections,
    CountConnections, Counters, EventsFound, EventsPage, Explain, Explanation, KeyOrder, KeyState,
    Kill, Killed, LeaseOrder, LeaseStatus, Neighbours, Observations, Observe, Page, Pair, Pools,
    PoolsPage, Reload, Reloaded, RollBack, Services, ServicesPage, SetServers, SourcesInForce,
    SourcesPage, Status, Trace, TracePage, VersionFiles, VersionNumber, Versions,
};

/// What a client can ask: the first group is for a dataplane, `Pair` and `Failover` are for
/// tandem-control.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// Asks for the state of the machine; answered with [`Response::Status`].
    Status,
    /// Asks for every counter; answered with [`Response::Counters`].
    Counters,
    /// Asks for the first page of services and servers; answered with [`Response::Services`].
    Services,
    /// Asks for a page of them.
    ServicesPage(ServicesPage),
    /// Changes states and weights of servers; answered with [`Response::Services`], or with a
    /// failure of kind [`FailureKind::NotFound`].
    SetServers(SetServers),
    /// Asks for one page of the connections; answered with [`Response::Connections`].
    Connections(Page),
    /// Asks how many connections there are; answered with [`Response::ConnectionCounts`].
    CountConnections(CountConnections),
    /// Ends connections; answered with [`Response::Killed`], or with a failure of kind
    /// [`FailureKind::NotNow`] by a machine that is not active.
    Kill(Kill),
    /// Asks for the neighbour tables; answered with [`Response::Neighbours`].
    Neighbours,
    /// Has a configuration file read and applied; answered with [`Response::Reloaded`], or with a
    /// failure of kind [`FailureKind::Configuration`] or [`FailureKind::RestartNeeded`].
    Reload(Reload),
    /// Asks for the files of the configuration in force; answered with
    /// [`Response::SourcesInForce`], or with a failure of kind [`FailureKind::NotNow`] when the
    /// files have changed since the first page.
    Sources(SourcesPage),
    /// Gives an order about the lease of the active role, which only tandem-control does; answered
    /// with [`Response::LeaseStatus`].
    #[serde(rename = "hold")]
    Lease(LeaseOrder),
    /// Turns this connection into one end of connection sync, which only tandem-control does;
    /// answered with [`Response::Syncing`], and [`crate::stream`] frames follow.
    Sync(Direction),
    /// Begins to follow the packets that match a filter; answered with [`Response::Tracing`], or
    /// with a failure of kind [`FailureKind::Busy`] while another client does. It ends with the
    /// connection of the client.
    Trace(Trace),
    /// Asks for what was seen since the last answer, after a wait of less than a second if there is
    /// nothing; answered with [`Response::Tracing`].
    TraceNext,
    /// Asks what would become of a packet; answered with [`Response::Explained`].
    Explain(Explain),
    /// Turns this connection into a capture; answered with [`Response::Capturing`], and
    /// [`crate::capture`] frames follow, or with a failure of kind [`FailureKind::Busy`] while
    /// another capture runs.
    Capture(Capture),
    /// Waits for what is observed of servers, when it changes; answered with
    /// [`Response::Observations`].
    Observe(Observe),
    /// Asks tandem-control for the state of the pair; answered with [`Response::Pair`].
    Pair,
    /// Has tandem-control hand the active role to the other machine; answered with
    /// [`Response::Pair`] when that is done, or with a failure.
    Failover,
    /// Asks tandem-control what is known of the real servers; answered with [`Response::Pools`].
    Pools(PoolsPage),
    /// Tells tandem-control what an operator wants of servers; answered with
    /// [`Response::Administered`], or with a failure of kind [`FailureKind::NotFound`].
    Administer(Administer),
    /// Has tandem-control take other files as the configuration; answered with
    /// [`Response::Applied`], or with a failure as for [`Request::Reload`].
    Apply(Apply),
    /// Has tandem-control take an older version; answered as [`Request::Apply`], or with a failure
    /// of kind [`FailureKind::NotFound`].
    RollBack(RollBack),
    /// Keeps what was applied to be confirmed; answered with [`Response::Applied`].
    Confirm,
    /// Asks tandem-control for the versions that it keeps; answered with [`Response::Versions`].
    Versions,
    /// Asks tandem-control for a version's files; answered with [`Response::VersionFiles`].
    VersionFiles(VersionNumber),
    /// Gives tandem-control an order about the pair's key; answered with [`Response::KeyState`].
    Key(KeyOrder),
    /// Asks tandem-control for what happened; answered with [`Response::EventsFound`].
    Events(EventsPage),
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a response is made, written and gone")]
pub enum Response {
    /// Answers [`Request::Status`].
    Status(Status),
    /// Answers [`Request::Counters`].
    Counters(Counters),
    /// Answers [`Request::Services`] and [`Request::SetServers`].
    Services(Services),
    /// Answers [`Request::Connections`].
    Connections(Connections),
    /// Answers [`Request::CountConnections`].
    ConnectionCounts(ConnectionCounts),
    /// Answers [`Request::Kill`].
    Killed(Killed),
    /// Answers [`Request::Neighbours`].
    Neighbours(Neighbours),
    /// Answers [`Request::Reload`].
    Reloaded(Reloaded),
    /// Answers [`Request::Sources`].
    SourcesInForce(SourcesInForce),
    /// Answers [`Request::Lease`].
    #[serde(rename = "holding")]
    LeaseStatus(LeaseStatus),
    /// Answers [`Request::Sync`].
    Syncing,
    /// Answers [`Request::Trace`] and [`Request::TraceNext`].
    Tracing(TracePage),
    /// Answers [`Request::Explain`].
    Explained(Explanation),
    /// Answers [`Request::Capture`].
    Capturing(Capturing),
    /// Answers [`Request::Observe`].
    Observations(Observations),
    /// Answers [`Request::Pair`] and [`Request::Failover`].
    Pair(Pair),
    /// Answers [`Request::Pools`].
    Pools(Pools),
    /// Answers [`Request::Administer`].
    Administered(Administered),
    /// What is in force now.
    Applied(Applied),
    /// The versions that are kept.
    Versions(Versions),
    /// A version's files.
    VersionFiles(VersionFiles),
    /// Answers [`Request::Key`]: the keys of this machine.
    KeyState(KeyState),
    /// Answers [`Request::Events`].
    EventsFound(EventsFound),
    /// Answers any request that was not carried out.
    Failure(Failure),
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        Response::Failure(failure)
    }
}

impl From<Result<Response, Failure>> for Response {
    fn from(result: Result<Response, Failure>) -> Self {
        result.unwrap_or_else(Response::Failure)
    }
}

#[derive(Serialize)]
struct Sealed<'a, T> {
    version: u32,
    message: &'a T,
}

#[derive(Deserialize)]
struct Opened {
    version: u32,
    message: serde_json::Value,
}

/// Writes a request or response as JSON, in its envelope with the version.
///
/// # Errors
/// Returns [`FailureKind::Internal`] when the message cannot be written as JSON.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(&Sealed { version: VERSION, message })
        .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
}

/// Reads a request or response from the JSON of its envelope.
///
/// # Errors
/// Returns [`FailureKind::Version`] when the message has another version, and
/// [`FailureKind::Malformed`] when it is not understood.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    let malformed = |error: serde_json::Error| {
        Failure::new(FailureKind::Malformed, format!("the message is not understood: {error}"))
    };
    let opened: Opened = serde_json::from_slice(json).map_err(malformed)?;
    if opened.version != VERSION {
        return Err(Failure::version(opened.version));
    }
    serde_json::from_value(opened.message).map_err(malformed)
}
