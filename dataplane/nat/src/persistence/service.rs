//! Persistence of one service, as workers read it.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use wire::{Address, Port};

use super::fingerprint::{Group, seed};
use super::shared::Persistence;
use super::targets::{Held, Numbers, Target, TargetId};
use crate::time::Seconds;

/// Persistence of a service as configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersistenceSpecification {
    /// The services of one group send a client to the same server. None: the service is alone.
    pub group: Option<String>,
    /// How long a client is remembered after its last new connection.
    pub timeout: Seconds,
    /// How many bits of its address make a client.
    pub prefix: u8,
    /// A server that drains keeps its clients.
    pub keep_on_drain: bool,
    /// A server that is full takes its clients' connections all the same.
    pub over: bool,
}

/// A server of the group, seen from one service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Member {
    /// The service's own, at this place of its list.
    Here(usize),
    /// Another service of the group has it, and this one has no server at its address.
    Elsewhere,
}

/// A group that a service belongs to: the servers by number.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) group: Group,
    /// By place in the service's list.
    targets: Vec<TargetId>,
    members: HashMap<TargetId, Member, RandomState>,
}

impl Membership {
    /// The number of the server at this place; [`TargetId::NONE`] if there was none to have.
    #[inline]
    pub(crate) fn target(&self, at: usize) -> TargetId {
        self.targets.get(at).copied().unwrap_or(TargetId::NONE)
    }

    /// Who this is; none if no service of the group has it.
    #[inline]
    pub(crate) fn member(&self, target: TargetId) -> Option<Member> {
        self.members.get(&target).copied()
    }
}

/// Persistence of a service.
#[derive(Clone, Debug)]
pub struct ServicePersistence {
    pub(crate) timeout: Seconds,
    pub(crate) prefix: u8,
    pub(crate) keep_on_drain: bool,
    pub(crate) over: bool,
    /// The group; and, where other services are in it, the one that the service is alone in,
    /// for clients whose server in the group it has not.
    pub(crate) memberships: Vec<Membership>,
    /// What tells the servers' draws apart, by place.
    pub(crate) seeds: Vec<u64>,
    /// Keeps the numbers of the servers.
    #[expect(dead_code, reason = "it is held and not read")]
    held: Arc<Held>,
}

/// Nothing but the configuration counts: numbers follow from it.
impl PartialEq for ServicePersistence {
    fn eq(&self, other: &Self) -> bool {
        let groups = |one: &Self| one.memberships.iter().map(|one| one.group).collect::<Vec<_>>();
        (self.timeout, self.prefix, self.keep_on_drain, self.over)
            == (other.timeout, other.prefix, other.keep_on_drain, other.over)
            && groups(self) == groups(other)
    }
}

impl Eq for ServicePersistence {}

impl ServicePersistence {
    /// True if other services are in its group: what one of them decides then depends on the
    /// others.
    #[inline]
    pub fn is_shared(&self) -> bool {
        self.memberships.len() > 1
    }

    /// The groups whose entries are this service's clients.
    pub fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        self.memberships.iter().map(|one| one.group)
    }
}

/// A service and its servers, as persistence looks at them.
pub(crate) struct Numbered<A> {
    pub(crate) name: String,
    pub(crate) servers: Vec<(A, Port)>,
    pub(crate) specification: PersistenceSpecification,
}

impl<A: Address> Numbered<A> {
    fn group(&self) -> Group {
        match &self.specification.group {
            Some(name) => Group::named(name),
            None => Group::of_service(&self.name),
        }
    }

    /// Its servers in its group, and in the one that it is alone in.
    fn targets(&self) -> impl Iterator<Item = Target<A>> + '_ {
        let groups = [self.group(), Group::of_service(&self.name)];
        let of = move |group| {
            let servers = self.servers.iter();
            servers.map(move |&(address, port)| Target { group, address, port })
        };
        groups.into_iter().flat_map(of)
    }
}

/// Persistence of all services of a configuration that have it, in their order.
pub(crate) fn number<A: Address>(
    persistence: &Persistence<A>,
    services: &[Numbered<A>],
) -> Vec<ServicePersistence> {
    if services.is_empty() {
        return Vec::new();
    }
    let targets = services.iter().flat_map(Numbered::targets).collect();
    let numbers = persistence.number_all(targets);
    let mut groups: HashMap<Group, Vec<&Numbered<A>>> = HashMap::new();
    for service in services {
        groups.entry(service.group()).or_default().push(service);
    }
    let of_group = |service: &Numbered<A>| groups.get(&service.group()).map_or(&[][..], |all| all);
    services.iter().map(|service| of(service, of_group(service), &numbers)).collect()
}

fn of<A: Address>(
    service: &Numbered<A>,
    of_group: &[&Numbered<A>],
    numbers: &Numbers<A>,
) -> ServicePersistence {
    let group = service.group();
    let mut memberships = vec![membership(group, service, of_group, numbers)];
    if of_group.len() > 1 {
        let own = Group::of_service(&service.name);
        memberships.push(membership(own, service, &[service], numbers));
    }
    let PersistenceSpecification { timeout, prefix, keep_on_drain, over, .. } =
        service.specification;
    let (seeds, held) = (seeds(&service.servers), Arc::clone(&numbers.held));
    ServicePersistence { timeout, prefix, keep_on_drain, over, memberships, seeds, held }
}

fn membership<A: Address>(
    group: Group,
    service: &Numbered<A>,
    of_group: &[&Numbered<A>],
    numbers: &Numbers<A>,
) -> Membership {
    let number = |&(address, port): &(A, Port)| numbers.of(Target { group, address, port });
    let targets: Vec<_> = service.servers.iter().map(number).collect();
    let mut members: HashMap<_, _, _> = HashMap::default();
    for server in of_group.iter().flat_map(|other| &other.servers) {
        let mut servers = service.servers.iter();
        let alike = |other: &(A, Port)| other.0 == server.0;
        let at = servers.position(|other| other == server);
        let at = at.or_else(|| service.servers.iter().position(alike));
        members.insert(number(server), at.map_or(Member::Elsewhere, Member::Here));
    }
    members.remove(&TargetId::NONE);
    Membership { group, targets, members }
}

fn seeds<A: Address>(servers: &[(A, Port)]) -> Vec<u64> {
    let which = |at: usize, address: A| {
        servers.iter().take(at).filter(|(other, _)| *other == address).count()
    };
    let each = servers.iter().enumerate();
    each.map(|(at, &(address, _))| seed(address, which(at, address))).collect()
}
