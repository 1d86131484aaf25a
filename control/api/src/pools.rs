//! The server pools: what tandem-control knows of each real server, and what an operator wants
//! of it.
//!
//! A server has a state on two axes. The operational one is found out by its checks; the
//! administrative one is given by an operator, a file in the maintenance folder, the server's
//! agent, or a weight of 0 in the configuration. Both, the weights and slow start come to the one
//! effective weight that the dataplane shares new connections out by.

use core::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::services::NOWHERE;

/// What an operator wants of servers: of one, or of all with an address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Administer {
    /// The name of the service; none: every service that has the server.
    #[serde(default)]
    pub service: Option<String>,
    /// The server's address.
    pub address: IpAddr,
    /// Its port; none: the only one with the address in the service, or all of them where no
    /// service is named.
    #[serde(default)]
    pub port: Option<u16>,
    /// What is wanted.
    pub order: AdminOrder,
}

/// What an operator can want of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdminOrder {
    /// It gets new connections again.
    Enable,
    /// It keeps the connections that it has and gets no new one.
    Drain,
    /// As drained, and what its checks say changes nothing.
    Disable,
    /// Its weight in place of the configured one; none: the configured one again.
    Weight(Option<u16>),
}

/// What became of an [`Administer`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Administered {
    /// The servers that were meant, as they are now.
    pub servers: Vec<PoolServer>,
    /// What was not done yet, or does not hold; each a sentence without its full stop.
    pub notes: Vec<String>,
}

/// Which pools are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolsPage {
    /// The service; none: all of them.
    pub service: Option<String>,
    /// How many services, in the order of the configuration, are left out as known already.
    pub skip: usize,
}

/// One page of the pools, in the order of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pools {
    /// The pools.
    pub pools: Vec<Pool>,
    /// What the next page leaves out; none: this was the last.
    pub next: Option<usize>,
    /// The generation of the configuration in force, as the dataplane has told it last; 0 until it
    /// has.
    pub generation: u64,
    /// What the operator has to mend, each a sentence without its full stop.
    pub warnings: Vec<String>,
    /// How the exchange of states with the peer is; none: there is no peer.
    pub peer: Option<PeerExchange>,
}

/// How the exchange of states with the peer is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeerExchange {
    /// The peer has all that this machine says.
    pub told: bool,
    /// This machine has all that the peer says.
    pub heard: bool,
    /// Why there is no exchange, where there is none.
    pub trouble: Option<String>,
}

/// The servers of one service.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Pool {
    /// The service's name.
    pub service: String,
    /// How its servers are used.
    pub mode: PoolMode,
    /// The weights of its available servers add up to its quorum.
    pub quorum: bool,
    /// New connections go to its sorry servers.
    pub sorry: bool,
    /// Its servers, in the order of the configuration.
    pub servers: Vec<PoolServer>,
}

/// How the servers of a service are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PoolMode {
    /// Those that are available are.
    #[default]
    Normal,
    /// So few are available that their checks are ignored.
    Panic,
    /// None is available: those are used that were the last.
    AllDownKeep,
    /// None is available, and clients are refused.
    AllDownRefuse,
    /// None is available, and the sorry servers are used.
    AllDownSorry,
}

/// One real server of a pool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PoolServer {
    /// The service's name.
    pub service: String,
    /// Its address and port.
    pub address: SocketAddr,
    /// It is a sorry server.
    pub sorry: bool,
    /// What its checks find.
    pub operational: Operational,
    /// Why, in a few words: `http: 500 after 12 ms, 3 of 3`.
    pub reason: String,
    /// The result of the last check by HAProxy's names: `L7STS`.
    pub code: String,
    /// Since it is so, in seconds.
    pub since_seconds: u64,
    /// How long it was in the state before, in seconds.
    pub before_seconds: Option<u64>,
    /// What was decided about it.
    pub administrative: Administrative,
    /// Who decided that; none where it is ready.
    pub origin: Option<Origin>,
    /// Since it was decided, in seconds since 1970; none: unknown.
    pub decided_at: Option<u64>,
    /// Its weight in the configuration.
    pub configured_weight: u16,
    /// The weight that an operator has set.
    pub set_weight: Option<u16>,
    /// Its share of new connections now, in thousandths of the configured weight's unit.
    pub effective_thousandths: u32,
    /// Its weight still rises after it came up.
    pub slow_start: bool,
    /// Its connections; none: the dataplane has not said.
    pub connections: Option<u64>,
    /// How the peer sees it.
    pub peer: Option<PeerView>,
    /// How often it went up or down since the start of tandem-control.
    pub transitions: u64,
    /// How long it was down since the start of tandem-control, in milliseconds.
    pub down_millis: u64,
    /// Since when it is up or down, in seconds since 1970.
    pub changed_at: u64,
}

/// How the other machine sees a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeerView {
    /// What its checks find.
    pub operational: Operational,
    /// Why, in a few words.
    pub reason: String,
    /// Its connections there.
    pub connections: Option<u64>,
    /// What was decided there, and counts there alone: a file in its maintenance folder, say.
    pub administrative: Administrative,
}

/// What checks find of a server.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operational {
    /// It has no check: it is taken to be up.
    #[default]
    Unchecked,
    /// It is up.
    Up,
    /// It is up, and its last checks failed.
    GoingDown,
    /// It is down.
    Down,
    /// It is down, and its last checks did not fail.
    GoingUp,
    /// Its first check has not ended, and it is not taken to be up before.
    Waiting,
    /// It is well again, and has changed too often to be believed at once.
    Flapping,
}

impl Operational {
    /// It gets no new connection for what its checks find.
    pub fn is_down(self) -> bool {
        matches!(
            self,
            Operational::Down | Operational::GoingUp | Operational::Waiting | Operational::Flapping
        )
    }
}

impl fmt::Display for Operational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operational::Unchecked => "no check",
            Operational::Up => "up",
            Operational::GoingDown => "going down",
            Operational::Down => "down",
            Operational::GoingUp => "going up",
            Operational::Waiting => "waiting",
            Operational::Flapping => "flapping",
        })
    }
}

/// What was decided about a server; the later the more it keeps from the server.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Administrative {
    /// It gets new connections while it is up.
    #[default]
    Ready,
    /// It keeps the connections that it has and gets no new one.
    Drain,
    /// As drained, and what its checks say changes nothing.
    Maintenance,
}

impl fmt::Display for Administrative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Administrative::Ready => "ready",
            Administrative::Drain => "drain",
            Administrative::Maintenance => "maintenance",
        })
    }
}

/// Who decided about a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// A weight of 0 in the configuration.
    Configuration,
    /// The server's own agent.
    Agent,
    /// A file in the maintenance folder.
    Folder,
    /// An operator, on the machine of this name.
    Operator(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Configuration => f.write_str("weight 0 in the configuration"),
            Origin::Agent => f.write_str("its agent"),
            Origin::Folder => f.write_str("a file in the maintenance folder"),
            Origin::Operator(node) => write!(f, "operator on {node}"),
        }
    }
}

impl Default for PoolServer {
    fn default() -> Self {
        PoolServer {
            service: String::new(),
            address: NOWHERE,
            sorry: false,
            operational: Operational::default(),
            reason: String::new(),
            code: String::new(),
            since_seconds: 0,
            before_seconds: None,
            administrative: Administrative::default(),
            origin: None,
            decided_at: None,
            configured_weight: 0,
            set_weight: None,
            effective_thousandths: 0,
            slow_start: false,
            connections: None,
            peer: None,
            transitions: 0,
            down_millis: 0,
            changed_at: 0,
        }
    }
}
