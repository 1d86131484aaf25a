//! How often what happened. It is kept with the history, so that counters go on after a restart.

use std::collections::{BTreeMap, BTreeSet};

use api::{Event, EventKind};
use serde::{Deserialize, Serialize};

/// The most servers that are counted by themselves.
const SERVERS: usize = 20_000;

/// How often each event happened, since the history began.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// The number of the last event that is counted here.
    pub last: u64,
    /// By kind.
    pub kinds: BTreeMap<String, u64>,
    /// Real servers, by service and address with a space between.
    pub servers: BTreeMap<String, KnownServer>,
    /// Services of which not all is well, and the kind of event that said so.
    pub services: BTreeMap<String, String>,
    /// Services that have lost their quorum.
    pub quorums_lost: BTreeSet<String>,
    /// The release of tandem-control that was started last.
    pub release: String,
    /// tandem-control runs, or has ended otherwise than in order.
    pub is_running: bool,
    /// Why the last upgrade failed, as far as it was told.
    pub upgrade_failed: String,
}

/// What the history says of a service.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownService {
    /// All of its servers are down, or it is in panic.
    pub kind: Option<EventKind>,
    /// It has lost its quorum.
    pub has_lost_quorum: bool,
}

/// What the history says of a real server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownServer {
    /// How often it went up or down.
    pub transitions: u64,
    /// It was down at last.
    pub is_down: bool,
}

impl Totals {
    /// Counts an event; one that is counted already changes nothing.
    pub fn count(&mut self, event: &Event) {
        if event.number <= self.last {
            return;
        }
        self.last = event.number;
        let kind = self.kinds.entry(event.kind.name().to_owned()).or_default();
        *kind = kind.saturating_add(1);
        self.remember(event);
    }

    fn remember(&mut self, event: &Event) {
        let service = event.field("service").unwrap_or_default();
        match event.kind {
            EventKind::ServerUp | EventKind::ServerDown => {
                let name = name(service, event.field("server").unwrap_or_default());
                if self.servers.len() < SERVERS || self.servers.contains_key(&name) {
                    let server = self.servers.entry(name).or_default();
                    server.transitions = server.transitions.saturating_add(1);
                    server.is_down = event.kind == EventKind::ServerDown;
                }
            }
            EventKind::ServiceUp => drop(self.services.remove(service)),
            EventKind::ServiceDown | EventKind::ServicePanic if self.services.len() < SERVERS => {
                self.services.insert(service.to_owned(), event.kind.name().to_owned());
            }
            EventKind::QuorumLost if self.quorums_lost.len() < SERVERS => {
                self.quorums_lost.insert(service.to_owned());
            }
            EventKind::QuorumRegained => drop(self.quorums_lost.remove(service)),
            EventKind::ControlStarted => {
                self.is_running = true;
                event.field("release").unwrap_or_default().clone_into(&mut self.release);
            }
            EventKind::ControlStopped => self.is_running = false,
            EventKind::UpgradeFailed => {
                self.upgrade_failed = event.why.clone().unwrap_or_default();
            }
            _ => {}
        }
    }

    /// How often events of a kind happened.
    #[must_use]
    pub fn of(&self, kind: &EventKind) -> u64 {
        self.kinds.get(kind.name()).copied().unwrap_or(0)
    }

    /// What is known of a service.
    #[must_use]
    pub fn service(&self, service: &str) -> KnownService {
        KnownService {
            kind: self.services.get(service).map(|kind| EventKind::from(kind.as_str())),
            has_lost_quorum: self.quorums_lost.contains(service),
        }
    }

    /// What is known of a real server.
    #[must_use]
    pub fn server(&self, service: &str, server: &str) -> KnownServer {
        self.servers.get(&name(service, server)).copied().unwrap_or_default()
    }
}

fn name(service: &str, server: &str) -> String {
    format!("{service} {server}")
}
