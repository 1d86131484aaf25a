//! How many persistent clients there are.

use std::collections::HashMap;

use ahash::RandomState;
use wire::Address;

use super::entry::Second;
use super::fingerprint::Group;
use super::service::ServicePersistence;
use super::shared::Persistence;
use super::targets::TargetId;
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
        let Some(table) = self.table() else { return Clients::default() };
        let mut by_target = vec![0u64; usize::from(TargetId::LAST) + 1];
        for at in 0..table.places() {
            let word = table.word(at);
            if let (Some(_), Some(count)) =
                (word.left(now), by_target.get_mut(word.target().index()))
            {
                *count += 1;
            }
        }
        let targets = self.targets();
        let mut clients = Clients::default();
        for (number, count) in (0..).zip(by_target).filter(|(_, count)| *count > 0) {
            clients.entries += count;
            if let Some(target) = targets.get(TargetId::from_number(number)) {
                *clients.groups.entry(target.group).or_default() += count;
            }
        }
        clients
    }
}
