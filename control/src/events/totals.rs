//! How often what happened. It is kept with the history, so that counters go on after a restart.

use std::collections::BTreeMap;

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
    /// How often a server went up or down, by its service and address with a space between.
    pub servers: BTreeMap<String, u64>,
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
        if !matches!(event.kind, EventKind::ServerUp | EventKind::ServerDown) {
            return;
        }
        let (Some(service), Some(server)) = (event.field("service"), event.field("server")) else {
            return;
        };
        let name = name(service, server);
        if self.servers.len() < SERVERS || self.servers.contains_key(&name) {
            let server = self.servers.entry(name).or_default();
            *server = server.saturating_add(1);
        }
    }

    /// How often events of a kind happened.
    #[must_use]
    pub fn of(&self, kind: &EventKind) -> u64 {
        self.kinds.get(kind.name()).copied().unwrap_or(0)
    }

    /// How often a server went up or down.
    #[must_use]
    pub fn transitions(&self, service: &str, server: &str) -> u64 {
        self.servers.get(&name(service, server)).copied().unwrap_or(0)
    }
}

fn name(service: &str, server: &str) -> String {
    format!("{service} {server}")
}
