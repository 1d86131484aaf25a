//! The pair as tandem-control sees it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Reach, Role, SyncStatus};

/// Both machines, as one of them sees them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pair {
    /// tandem-control's version.
    pub version: String,
    /// Since its start, in seconds.
    pub uptime_seconds: u64,
    /// This machine.
    pub own: Member,
    /// The other one, as its last heartbeat says; none: nothing was heard of it since the
    /// start.
    pub peer: Option<Member>,
    /// The peer proves that it lives, and what it says is not understood.
    pub not_understood: Option<NotUnderstood>,
    /// Since the last heartbeat from the peer that was understood, in milliseconds.
    pub silence_millis: Option<u64>,
    /// The paths of heartbeats, in the order of the configuration.
    pub paths: Vec<Path>,
    /// Connection sync between them.
    pub sync: Sync,
    /// The last change of this machine's role.
    pub last_change: Option<Change>,
    /// Changes to active since the start.
    pub takeovers: u64,
    /// What the operator has to mend though both machines run; each a sentence without its
    /// full stop.
    pub warnings: Vec<String>,
}

/// A peer that lives and is not understood.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NotUnderstood {
    /// It is the active machine; none: it has not said.
    pub active: Option<bool>,
    /// Why it is not understood, with the remedy.
    pub why: String,
}

/// A machine of the pair.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The term that it knows.
    pub term: u64,
    /// Its priority.
    pub priority: u8,
    /// It could be active.
    pub ready: bool,
    /// What keeps it from being ready, each in a few words.
    pub obstacles: Vec<String>,
    /// How many next hops answer it on the public and the private side. Which ones do not is
    /// told by the machine itself only.
    pub reach: [Reach; 2],
    /// Silence after which it gives the other one up, in milliseconds.
    pub dead_millis: u32,
    /// How long its dataplane keeps the role without its control, in milliseconds.
    pub lease_millis: u32,
}

/// A path of heartbeats.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Path {
    /// This machine's end.
    pub local: String,
    /// The peer's end.
    pub remote: String,
    /// Heartbeats arrive.
    pub up: bool,
    /// Why there are none, as far as this end can tell.
    pub trouble: Option<String>,
    /// Since the last one, in milliseconds.
    pub silence_millis: Option<u64>,
    /// Heartbeats sent.
    pub sent: u64,
    /// Heartbeats received and accepted.
    pub received: u64,
    /// Datagrams refused, by reason.
    pub refused: Vec<(String, u64)>,
}

/// Connection sync.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sync {
    /// In which direction, if a stream is up.
    pub link: SyncLink,
    /// Over which path.
    pub path: Option<String>,
    /// Why there is no stream, when there is none.
    pub trouble: Option<String>,
    /// What the dataplane says.
    pub dataplane: SyncStatus,
}

/// The stream between the machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncLink {
    /// There is none.
    #[default]
    Down,
    /// This machine sends its connections.
    Sending,
    /// This machine receives the other's.
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

/// A change of role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// To what.
    pub to: Role,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why, in a sentence without its full stop.
    pub why: String,
}
