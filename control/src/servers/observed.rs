//! What health checks and agents find of servers.

use std::collections::HashMap;
use std::sync::Arc;

use api::{Administrative, Operational};
use tokio::sync::watch;

use super::ServerKey;
use super::weights::DynamicWeight;

/// What is found of one server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Observed {
    /// What its checks find.
    pub operational: Operational,
    /// Why, in a few words: `http: 500 after 12 ms, 3 of 3`.
    pub reason: String,
    /// The result of the last check by HAProxy's names: `L7STS`.
    pub code: String,
    /// What its agent, programs and files say of its weight; the least counts.
    pub dynamic: Vec<DynamicWeight>,
    /// The most connections that its agent or file wants; 0: it says nothing of them.
    pub max_connections: u32,
    /// What its agent says of its administrative state.
    pub agent: Administrative,
}

/// What is found of all servers that have a check.
pub type AllObserved = Arc<HashMap<ServerKey, Observed>>;

/// What is found, as it changes.
pub type ObservedReceiver = watch::Receiver<AllObserved>;
