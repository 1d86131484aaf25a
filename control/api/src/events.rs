//! Events: what changed on a machine, when, and why.
//!
//! The same JSON is what `tandem events --json` writes (in an envelope, as every answer), what a hook gets on its standard input and
//! what a webhook is sent:
//!
//! ```json
//! {"version": 1, "number": 4711, "at_millis": 1796040000123, "uptime_millis": 86400123,
//!  "node": "a", "kind": "server.down", "severity": "warning",
//!  "what": "server 10.0.0.11:80 of service web is down",
//!  "why": "http check: 503 Service Unavailable",
//!  "fields": {"service": "web", "server": "10.0.0.11:80", "lasted": "3600"}}
//! ```

use core::fmt;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of [`Event`]. Within a version fields and kinds are only added.
pub const EVENT_VERSION: u32 = 1;

/// The most events in one answer.
pub const MOST_EVENTS: u32 = 500;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Event {
    /// The version of this schema, [`EVENT_VERSION`].
    pub version: u32,
    /// Grows by one with each event of this machine, also over restarts; where one is missing, it
    /// could not be kept.
    pub number: u64,
    /// When it happened, in milliseconds since 1970.
    pub at_millis: u64,
    /// When it happened, in milliseconds since the machine was started: no clock that is set moves
    /// it.
    pub uptime_millis: u64,
    /// The name of the machine.
    pub node: String,
    /// What kind of event it is.
    #[schemars(with = "String")]
    pub kind: EventKind,
    /// How much it matters.
    pub severity: EventSeverity,
    /// What happened, as a sentence without its full stop.
    pub what: String,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who caused it, where a person or a command of theirs did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What it is about, by names such as `service`, `server`, `from`, `to`, `term` and `class`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// What the sentence sums up, one item a line: the changes of a reload, say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Event {
    /// One of the values that it is about.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// How much an event matters.
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
pub enum EventSeverity {
    /// Nothing has to be done.
    #[default]
    Info,
    /// Somebody should look into it.
    Warning,
    /// Clients suffer, or nothing is left that would help if something more failed.
    Alarm,
}

impl fmt::Display for EventSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EventSeverity::Info => "info",
            EventSeverity::Warning => "warning",
            EventSeverity::Alarm => "alarm",
        })
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal $severity:ident $meaning:literal,)*) => {
        /// The kinds of events. A name is a family and what happened to it, as in `server.down`.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $meaning] $kind,)*
            /// A kind of a later release, by its name.
            Other(String),
            /// None: the event says nothing of its kind.
            #[default]
            Unknown,
        }

        impl EventKind {
            /// Every kind that this release knows.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$kind),*];

            /// The name, as in `server.down`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(EventKind::$kind => $name,)*
                    EventKind::Other(name) => name,
                    EventKind::Unknown => "unknown",
                }
            }

            /// What it means, as a sentence without its full stop.
            #[must_use]
            pub fn meaning(&self) -> &'static str {
                match self {
                    $(EventKind::$kind => $meaning,)*
                    EventKind::Other(_) | EventKind::Unknown => "A kind of another release",
                }
            }

            /// How much an event of this kind matters unless it says otherwise.
            #[must_use]
            pub fn severity(&self) -> EventSeverity {
                match self {
                    $(EventKind::$kind => EventSeverity::$severity,)*
                    EventKind::Other(_) | EventKind::Unknown => EventSeverity::Info,
                }
            }
        }

        impl From<&str> for EventKind {
            fn from(name: &str) -> Self {
                match name {
                    $($name => EventKind::$kind,)*
                    "unknown" => EventKind::Unknown,
                    other => EventKind::Other(other.to_owned()),
                }
            }
        }
    };
}

kinds! {
    ControlStarted "control.started" Info "tandem-control was started",
    ControlStopped "control.stopped" Info "tandem-control was stopped in order",
    ControlStalled "control.stalled" Warning "tandem-control was kept from running for longer than the lease",
    DataplaneUp "dataplane.up" Info "The dataplane answers",
    DataplaneDown "dataplane.down" Alarm "The dataplane does not answer",
    RoleActive "role.active" Warning "This machine became the active one",
    RoleStandby "role.standby" Warning "This machine became the standby",
    RoleListening "role.listening" Info "This machine listens before it may take a role",
    RoleLeaving "role.leaving" Info "This machine gives its role up before it stops",
    RoleNotice "role.notice" Warning "Something that bears on the role, and changes none by itself",
    HandoverFailed "role.handover_failed" Warning "A handover failed or was refused",
    RoleDamped "role.damped" Warning "This machine has lost links or next hops so often that it takes the role only in need",
    ConflictRole "conflict.role" Alarm "Both machines were active",
    ConflictAddress "conflict.address" Alarm "Another station announces an address of this pair",
    MachineReady "machine.ready" Info "This machine is ready to be the active one",
    MachineNotReady "machine.not_ready" Warning "This machine is not ready to be the active one",
    PeerHeard "peer.heard" Info "The peer is heard",
    PeerSilent "peer.silent" Alarm "The peer is silent on every path",
    PeerWarning "peer.warning" Warning "Something is wrong with what the peer says",
    PeerWarningOver "peer.warning_over" Info "What was wrong with what the peer says is well again",
    LinkUp "link.up" Info "The link of a NIC is up",
    LinkDown "link.down" Alarm "The link of a NIC is down",
    PathUp "path.up" Info "A path to the peer can be used",
    PathDown "path.down" Warning "A path to the peer cannot be used",
    SyncUp "sync.up" Info "Connections are copied between the machines",
    SyncDown "sync.down" Warning "Connections are not copied between the machines",
    ServerUp "server.up" Info "The checks of a real server find it well",
    ServerDown "server.down" Warning "The checks of a real server find it down",
    ServerDrained "server.drained" Info "A real server gets no new connection, as somebody wanted",
    ServerDisabled "server.disabled" Info "A real server is in maintenance, as somebody wanted",
    ServerEnabled "server.enabled" Info "A real server gets new connections again, as somebody wanted",
    ServerWeight "server.weight" Info "A real server has another weight, as somebody wanted",
    ServiceUp "service.up" Info "The servers of a service are used as their checks say again",
    ServiceDown "service.down" Alarm "All servers of a service are down",
    ServicePanic "service.panic" Alarm "So few servers of a service are up that their checks are ignored",
    QuorumLost "service.quorum_lost" Alarm "A service has lost its quorum",
    QuorumRegained "service.quorum" Info "A service has its quorum again",
    ChecksVoid "checks.void" Alarm "The private network does not answer this machine: failed checks do not count",
    ChecksCount "checks.count" Info "Checks count again",
    ConfigurationLoaded "configuration.loaded" Info "Another configuration is in force",
    ConfigurationRefused "configuration.refused" Warning "A configuration was refused; the one before stays",
    ConfigurationConfirmed "configuration.confirmed" Info "A configuration that was applied on trial stays",
    ConfigurationReverted "configuration.reverted" Warning "An older configuration is in force again",
    FloodBegun "flood.begun" Warning "Packets of a class come faster than they are allowed to",
    FloodOver "flood.over" Info "A flood of packets is over",
    TablePressure "table.pressure" Warning "A table of the dataplane is nearly full",
    TableFull "table.full" Alarm "A table of the dataplane is full, and something was refused for it",
    TableRelieved "table.relieved" Info "A table of the dataplane has room again",
    UpgradeReceived "upgrade.received" Info "An upgrade has come from the peer",
    UpgradeRefused "upgrade.refused" Warning "An upgrade was refused",
    UpgradeFailed "upgrade.failed" Warning "An upgrade has failed",
    UpgradeDone "upgrade.done" Info "Another release runs than before",
    KeyMade "key.made" Info "A new key of the pair was made",
    KeyAccepted "key.accepted" Info "A second key of the pair is accepted",
    KeyUsed "key.used" Info "Another key of the pair is used",
    KeyForgotten "key.forgotten" Info "A key of the pair is not accepted any more",
    HookFailing "hook.failing" Warning "A hook or webhook fails",
    HookWorking "hook.working" Info "A hook or webhook works again",
    HistoryGap "history.gap" Warning "Events could not be written to disk",
}

impl EventKind {
    /// The family, as `server` of `server.down`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.name().split_once('.').map_or(self.name(), |(family, _)| family)
    }

    /// True if `selector` is its name, its family, or `all`.
    #[must_use]
    pub fn matches(&self, selector: &str) -> bool {
        selector == self.name() || selector == self.family() || selector == "all"
    }

    /// True if some kind of this release matches.
    #[must_use]
    pub fn is_selector(selector: &str) -> bool {
        EventKind::ALL.iter().any(|kind| kind.matches(selector))
    }

    /// Every name and family that selects something, sorted.
    #[must_use]
    pub fn selectors() -> Vec<&'static str> {
        let families = EventKind::ALL.iter().map(EventKind::family);
        let mut all: Vec<_> =
            EventKind::ALL.iter().map(EventKind::name).chain(families).chain(["all"]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(EventKind::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// Asks for events, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsPage {
    /// Only those with a larger number.
    pub after: u64,
    /// Only those that happened then or later, in milliseconds since 1970.
    pub since_millis: u64,
    /// Only those that one of these selects: a kind or a family; all of them if there is none.
    pub kinds: Vec<String>,
    /// Only those that matter at least so much.
    pub severity: EventSeverity,
    /// Only the newest so many of them, of those that are kept; all if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// Where there is none yet, the answer waits for one, for some seconds.
    pub wait: bool,
}

impl EventsPage {
    /// True if the event is asked for.
    #[must_use]
    pub fn selects(&self, event: &Event) -> bool {
        event.number > self.after
            && event.at_millis >= self.since_millis
            && event.severity >= self.severity
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| event.kind.matches(kind)))
    }
}

/// Some events, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsFound {
    /// The events, at most [`MOST_EVENTS`].
    pub events: Vec<Event>,
    /// What to ask next with [`EventsPage::after`]: every event up to this number was looked at.
    pub next: u64,
    /// There may be more by now.
    pub more: bool,
    /// Records on disk that could not be read.
    pub damaged: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from(kind.name()), *kind);
            let json = serde_json::to_string(kind).unwrap_or_default();
            assert_eq!(serde_json::from_str::<EventKind>(&json).ok().as_ref(), Some(kind));
            assert_ne!(kind.family(), kind.name(), "a kind has a family");
        }
        let other = EventKind::from("moon.full");
        assert_eq!((other.name(), other.family()), ("moon.full", "moon"));
    }

    #[test]
    fn a_selector_is_a_kind_a_family_or_all() {
        let down = EventKind::ServerDown;
        assert!(["server.down", "server", "all"].iter().all(|selector| down.matches(selector)));
        assert!(["server.up", "serve", "service", ""].iter().all(|other| !down.matches(other)));
        assert!(EventKind::is_selector("role") && !EventKind::is_selector("roles"));
        assert!(EventKind::selectors().contains(&"conflict.address"));
    }

    #[test]
    fn what_a_later_release_adds_is_no_obstacle() {
        let json = r#"{"version": 1, "number": 3, "kind": "moon.full", "severity": "alarm",
                       "what": "it shines", "tide": "high"}"#;
        let event: Event = serde_json::from_str(json).unwrap_or_default();
        assert_eq!(event.kind, EventKind::Other("moon.full".to_owned()));
        assert_eq!((event.number, event.severity), (3, EventSeverity::Alarm));
    }
}
