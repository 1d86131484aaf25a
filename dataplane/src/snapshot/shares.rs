//! Shares of the room, and their numbers from one snapshot to the next.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Config;
use nat::service::Services;
use nat::shares::{Counts, Rules, Share, ShareId};
use wire::Cidr;

/// What has a share.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Owner {
    Service(String),
    /// A rule, by whose connections it takes and under which address.
    Masquerade(Vec<Cidr<Ipv4Addr>>, Ipv4Addr),
}

/// Gives numbers to shares, which keep them while they are in the configuration or have a connection.
#[derive(Default)]
pub(super) struct ShareNumbers {
    counts: Arc<Counts>,
    numbers: HashMap<Owner, ShareId>,
}

impl ShareNumbers {
    /// The shares of the next snapshot, whose services have their numbers.
    pub(super) fn rules(
        &mut self,
        config: &Config,
        services: &Services<Ipv4Addr>,
    ) -> Rules<Ipv4Addr> {
        let of_service = |service: &config::Service| {
            // Its most is a limit of its own.
            let share = Share { most: None, reserved: service.reserved };
            (service.reserved > 0).then(|| (Owner::Service(service.name.clone()), share))
        };
        let of_rule = |rule: &config::Masquerade| {
            let share = Share { most: rule.most, reserved: rule.reserved };
            let owner = || Owner::Masquerade(rule.source.clone(), rule.address);
            (share != Share::default()).then(|| (owner(), share))
        };
        let by_service: Vec<_> = config.services.iter().map(of_service).collect();
        let by_rule: Vec<_> = config.masquerade.iter().map(of_rule).collect();
        let owners = by_service.iter().chain(&by_rule).flatten().map(|(owner, _)| owner);
        self.release(&owners.collect());

        let mut rules = Rules::new(Arc::clone(&self.counts));
        for (service, share) in services.iter().zip(by_service) {
            let id = self.enter(&mut rules, share);
            if id != ShareId::NONE {
                rules.of_service(service.id, id);
            }
        }
        for (rule, share) in config.masquerade.iter().zip(by_rule) {
            let id = self.enter(&mut rules, share);
            rules.of_masquerade(rule.source.clone(), id);
        }
        rules
    }

    /// Takes back the numbers of what is gone, with its last connection.
    fn release(&mut self, owners: &HashSet<&Owner>) {
        let counts = &self.counts;
        self.numbers.retain(|owner, id| owners.contains(owner) || counts.held(*id) > 0);
    }

    fn enter(&mut self, rules: &mut Rules<Ipv4Addr>, share: Option<(Owner, Share)>) -> ShareId {
        let Some((owner, share)) = share else { return ShareId::NONE };
        let id = match self.numbers.get(&owner) {
            Some(id) => *id,
            None => {
                let id = self.free();
                self.numbers.insert(owner, id);
                id
            }
        };
        rules.set(id, share);
        id
    }

    /// The lowest number that is free. There are more of them than services and rules.
    fn free(&self) -> ShareId {
        let taken: HashSet<_> = self.numbers.values().map(|id| id.0).collect();
        (1..=u16::MAX).find(|number| !taken.contains(number)).map_or(ShareId::NONE, ShareId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner::Service(name.to_owned())
    }

    #[test]
    fn a_share_keeps_its_number_and_another_gets_one_that_is_free() {
        let mut numbers = ShareNumbers::default();
        let mut rules = Rules::new(Arc::clone(&numbers.counts));
        let share = Share { most: None, reserved: 7 };
        let mut enter = |numbers: &mut ShareNumbers, name| {
            numbers.enter(&mut rules, Some((owner(name), share)))
        };
        let web = enter(&mut numbers, "web");
        let dns = enter(&mut numbers, "dns");
        assert_ne!(web, dns);
        assert_eq!(enter(&mut numbers, "web"), web);
        let kept = owner("dns");
        numbers.release(&HashSet::from([&kept]));
        assert_eq!(enter(&mut numbers, "mail"), web, "the number of what is gone");
        assert_eq!(enter(&mut numbers, "dns"), dns);
    }
}
