//! How many persistent clients there are.

use std::collections::HashMap;

use ahash::RandomState;
use wire::Address;

use super::entry::Second;
use super::fingerprint::Group;
use super::service::ServicePersistence;
use super::shared::Persistence;
use crate::time::Instant;

/// The persistent clients by their group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clients {
    groups: HashMap<Group, u64, RandomState>,
    /// All of them, also those of groups that the configuration no longer has.
    pub entries: u64,
}

impl Clients {
    /// The clients of a service, which are those of its group if others share it.
    pub fn of(&self, service: &ServicePersistence) -> u64 {
        service.groups().map(|group| self.groups.get(&group).copied().unwrap_or(0)).sum()
    }
}

impl<A: Address> Persistence<A> {
    /// Counts the clients: looks at every place of the table, which takes a few milliseconds
    /// for a million. Workers are not held up.
    pub fn clients(&self, now: Instant) -> Clients {
        let now = Second::of(now);
        let mut by_target: HashMap<_, u64, RandomState> = HashMap::default();
        let Some(table) = self.table() else { return Clients::default() };
        for at in 0..table.places() {
            let word = table.word(at);
            if word.left(now).is_some() {
                *by_target.entry(word.target()).or_default() += 1;
            }
        }
        let targets = self.targets();
        let mut clients = Clients::default();
        for (target, count) in by_target {
            clients.entries += count;
            if let Some(target) = targets.get(target) {
                *clients.groups.entry(target.group).or_default() += count;
            }
        }
        clients
    }
}
