//! The pair as tandem-control sees it.

use core::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Reach, Role, SyncStatus};

/// Both machines, as one of them sees them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Pair {
    /// The release of tandem-control.
    pub version: String,
    /// Seconds since the start of tandem-control.
    pub uptime_seconds: u64,
    /// The machine that answers.
    pub own: Member,
    /// The other machine, as its last heartbeat describes it; `None` when no heartbeat has come
    /// since the start.
    pub peer: Option<Member>,
    /// Set when the peer proves that it lives, and its heartbeats are not understood.
    pub not_understood: Option<NotUnderstood>,
    /// Milliseconds since the last heartbeat of the peer that was understood.
    pub silence_millis: Option<u64>,
    /// The paths of heartbeats, in the order of the configuration.
    pub paths: Vec<Path>,
    /// Connection sync between the two machines.
    pub sync: Sync,
    /// The last change of this machine's role.
    pub last_change: Option<Change>,
    /// How often this machine has become active, also before this start of tandem-control.
    pub takeovers: u64,
    /// What the operator has to change though both machines run. Each is a sentence without its
    /// full stop.
    pub warnings: Vec<String>,
    /// The sections of the configuration that have been others than the peer's for some time.
    pub differing: Vec<String>,
    /// The keys of this machine, and the peer's as far as it is known here.
    pub keys: Keys,
}

/// Which of the pair's keys are in use; each by its name, which tells nothing of the key.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Keys {
    /// The key that this machine uses.
    pub used: String,
    /// Another one that it accepts of the peer; `None` but while the pair's key is changed.
    pub accepted: Option<String>,
    /// The key with which the peer's heartbeats came; `None` before the first of them.
    pub peers: Option<String>,
}

/// A peer that lives and whose heartbeats are not understood.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NotUnderstood {
    /// Whether the peer is active; `None` when it has not said.
    pub active: Option<bool>,
    /// Why the heartbeats are not understood, and what to do about it.
    pub why: String,
}

/// A machine of the pair.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Member {
    /// The machine's `node.name`.
    pub name: String,
    /// The machine's role.
    pub role: Role,
    /// The number of the last takeover that the machine knows of.
    pub term: u64,
    /// The machine's `peer.priority`; the higher one is preferred.
    pub priority: u8,
    /// True when the machine is active or could become active.
    pub ready: bool,
    /// What keeps the machine from being ready, each in a few words.
    pub obstacles: Vec<String>,
    /// Why and for how long the machine takes the role only where the other one cannot have it;
    /// `None` when it is not damped. A damped machine may be ready.
    pub damped: Option<String>,
    /// How many next hops answer the machine on the public and on the private side. Only the
    /// machine's own status has the list of those that do not.
    pub reach: [Reach; 2],
    /// The machine's `peer.dead` in milliseconds.
    pub dead_millis: u32,
    /// The machine's `peer.lease` in milliseconds.
    pub lease_millis: u32,
}

/// A path over which the machines exchange heartbeats.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Path {
    /// The address of this machine.
    pub local: String,
    /// The address of the peer.
    pub remote: String,
    /// True while heartbeats of the peer arrive on the path.
    pub up: bool,
    /// Why none arrive, as far as this machine can tell.
    pub trouble: Option<String>,
    /// Milliseconds since the last heartbeat on the path.
    pub silence_millis: Option<u64>,
    /// Heartbeats sent on the path since the start.
    pub sent: u64,
    /// Heartbeats that arrived on the path and were accepted.
    pub received: u64,
    /// Datagrams that arrived on the path and were refused, by reason.
    pub refused: Vec<(String, u64)>,
}

/// Connection sync as tandem-control sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sync {
    /// The direction of the stream, or that there is none.
    pub link: SyncLink,
    /// The path that the stream takes, as "local to remote"; `None` without a stream.
    pub path: Option<String>,
    /// Why there is no stream; `None` while there is one.
    pub trouble: Option<String>,
    /// What the dataplane of this machine says about sync.
    pub dataplane: SyncStatus,
}

/// The direction of the stream of connections between the machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncLink {
    /// No stream is open.
    #[default]
    Down,
    /// This machine sends its connections.
    Sending,
    /// This machine receives the connections of the other.
    Receiving,
}

impl fmt::Display for SyncLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SyncLink::Down => "down",
            SyncLink::Sending => "sending",
            SyncLink::Receiving => "receiving",
        })
    }
}

/// A change of this machine's role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Change {
    /// The new role.
    pub to: Role,
    /// The time of the change, in seconds since 1970.
    pub at: u64,
    /// The reason, as a sentence without its full stop.
    pub why: String,
}
