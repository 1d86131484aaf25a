//! Requests and responses, and the envelope that carries either.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::stream::Direction;
use crate::version::VERSION;
use crate::{
    Connections, Counters, LeaseOrder, LeaseStatus, Neighbours, Page, Pair, Reload, Reloaded,
    Services, SetServers, Status,
};

/// What can be asked of the dataplane, and of tandem-control.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// How the machine is; answered with [`Response::Status`].
    Status,
    /// Every counter; answered with [`Response::Counters`].
    Counters,
    /// Services and their servers; answered with [`Response::Services`].
    Services,
    /// Change states and weights of servers; answered with [`Response::Services`], or with a
    /// failure of kind [`FailureKind::NotFound`].
    SetServers(SetServers),
    /// One page of the connections; answered with [`Response::Connections`].
    Connections(Page),
    /// The neighbour tables; answered with [`Response::Neighbours`].
    Neighbours,
    /// Take a configuration; answered with [`Response::Reloaded`], or with a failure
    /// of kind [`FailureKind::Configuration`] or [`FailureKind::RestartNeeded`].
    Reload(Reload),
    /// Of tandem-control: an order about the lease of the role; answered with
    /// [`Response::LeaseStatus`].
    #[serde(rename = "hold")]
    Lease(LeaseOrder),
    /// Of tandem-control: make this connection one end of connection sync; answered with
    /// [`Response::Syncing`], and [`crate::stream`] frames from then on.
    Sync(Direction),
    /// To tandem-control: how the pair is; answered with [`Response::Pair`].
    Pair,
    /// To tandem-control: hand the active role to the other machine; answered with
    /// [`Response::Pair`] when that is done, or with a failure.
    Failover,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a response is made, written and gone")]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Counters`].
    Counters(Counters),
    /// To [`Request::Services`] and [`Request::SetServers`].
    Services(Services),
    /// To [`Request::Connections`].
    Connections(Connections),
    /// To [`Request::Neighbours`].
    Neighbours(Neighbours),
    /// To [`Request::Reload`].
    Reloaded(Reloaded),
    /// To [`Request::Lease`].
    #[serde(rename = "holding")]
    LeaseStatus(LeaseStatus),
    /// To [`Request::Sync`].
    Syncing,
    /// To [`Request::Pair`] and [`Request::Failover`].
    Pair(Pair),
    /// To a request that was not done.
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

/// The JSON of a request or response in its envelope.
///
/// # Errors
/// [`FailureKind::Internal`] when the message cannot be written as JSON.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(&Sealed { version: VERSION, message })
        .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
}

/// The request or response out of its envelope's JSON.
///
/// # Errors
/// [`FailureKind::Version`] when it speaks another version, else
/// [`FailureKind::Malformed`].
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
