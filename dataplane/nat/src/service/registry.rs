//! Numbers that outlive a reload.
//!
//! A service or server keeps its number for as long as a configuration in use has it, or a
//! connection: [`Registry::release`] takes the others back. A service has no connection but
//! through its servers.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use wire::{Address, Port};

use super::members::Members;
use super::{
    Limit, Listen, MAXIMUM_SERVERS, MAXIMUM_SERVICES, Server, ServerId, Service, ServiceId,
    Services, Unserved, WhenFull,
};
use crate::persistence::{self, Numbered, Persistence, PersistenceSpecification};
use crate::scheduler::{ClientKey, HashOptions, Kind, Maglev, Member};

/// A service as configured.
#[derive(Clone, Debug)]
pub struct ServiceSpecification<A> {
    /// Its name: two services with one name are the same service.
    pub name: String,
    /// Where clients reach it.
    pub listens: Vec<Listen<A>>,
    /// How servers are chosen.
    pub scheduler: Kind,
    /// How the scheduler hashes, if it does.
    pub hash: HashOptions,
    /// Who serves.
    pub servers: Vec<ServerSpecification<A>>,
    /// Who serves when no server can.
    pub sorry: Vec<ServerSpecification<A>>,
    /// How many connections all servers together take.
    pub limit: Option<Limit>,
    /// What becomes of a client whose server is full, or the service.
    pub when_full: WhenFull,
    /// Each datagram finds its server anew; UDP alone.
    pub one_packet: bool,
    /// What its clients are told when nobody can serve them, if not what the machine's are.
    pub unserved: Option<Unserved>,
    /// How its clients keep their servers, if they do.
    pub persistence: Option<PersistenceSpecification>,
    /// True if the TCP connections of a server that goes down are reset.
    pub cuts: bool,
}

/// A real server as configured.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpecification<A> {
    /// Its address.
    pub address: A,
    /// Its port, or [`super::AS_ASKED`].
    pub port: Port,
    /// Its weight.
    pub weight: u32,
    /// How many connections it takes, if not as many as come; sorry servers have no limit.
    pub limit: Option<Limit>,
}

/// Too many things to number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryError {
    /// Too many services.
    #[error(
        "{configured} services, and {leaving} that the configuration has not and that are in use: \
         {MAXIMUM_SERVICES} is the most; take services out in one reload and add others in a \
         later one: what was taken out counts until its last connection has ended"
    )]
    Services {
        /// Services of the configuration.
        configured: usize,
        /// Services that it has not, and that have their numbers still.
        leaving: usize,
    },
    /// Too many servers.
    #[error(
        "{configured} real servers in all services, and {leaving} that the configuration has not \
         and that are in use: {MAXIMUM_SERVERS} is the most; take servers out in one reload and \
         add others in a later one: what was taken out counts until its last connection has ended"
    )]
    Servers {
        /// Servers of the configuration.
        configured: usize,
        /// Servers that it has not, and that have their numbers still.
        leaving: usize,
    },
}

/// Numbers given to things, the lowest that is free to each.
#[derive(Clone, Debug)]
struct Numbers<K> {
    given: HashMap<K, u32>,
    /// Numbers below `fresh` that nothing has any more.
    free: BTreeSet<u32>,
    /// The lowest number that nothing has had.
    fresh: u32,
    limit: usize,
}

impl<K: Hash + Eq> Numbers<K> {
    fn new(limit: usize) -> Self {
        Numbers { given: HashMap::new(), free: BTreeSet::new(), fresh: 0, limit }
    }

    fn number(&mut self, key: K) -> Option<u32> {
        if let Some(&number) = self.given.get(&key) {
            return Some(number);
        }
        let number = match self.free.pop_first() {
            Some(number) => number,
            None if (self.fresh as usize) < self.limit => {
                self.fresh += 1;
                self.fresh - 1
            }
            None => return None,
        };
        self.given.insert(key, number);
        Some(number)
    }

    fn release(&mut self, is_used: impl Fn(&K, u32) -> bool) {
        let free = &mut self.free;
        self.given.retain(|key, number| {
            let keep = is_used(key, *number);
            if !keep {
                free.insert(*number);
            }
            keep
        });
    }

    /// How many of these things there are, and how many others have numbers, if they are more
    /// together than there are numbers.
    fn excess(&self, wanted: &HashSet<K>) -> Option<(usize, usize)> {
        let leaving = self.given.keys().filter(|key| !wanted.contains(key)).count();
        (wanted.len() + leaving > self.limit).then_some((wanted.len(), leaving))
    }
}

/// Makes [`Services`], one configuration after the other.
#[derive(Clone, Debug)]
pub struct Registry<A> {
    services: Numbers<String>,
    servers: Numbers<(String, A, Port)>,
    persistence: Arc<Persistence<A>>,
    tables: Tables<A>,
}

/// The Maglev tables of the last configuration, each by what it was made of: a reload makes only
/// those anew that are others.
type Tables<A> = HashMap<(ClientKey, u32, Vec<Member<A>>), Arc<Maglev>>;

impl<A: Address> Default for Registry<A> {
    fn default() -> Self {
        Registry::with_persistence(Arc::default())
    }
}

impl<A: Address> Registry<A> {
    /// One for services whose persistent clients are there.
    pub fn with_persistence(persistence: Arc<Persistence<A>>) -> Self {
        Registry {
            services: Numbers::new(MAXIMUM_SERVICES),
            servers: Numbers::new(MAXIMUM_SERVERS),
            persistence,
            tables: HashMap::new(),
        }
    }

    /// The persistent clients of the services.
    pub fn persistence(&self) -> &Arc<Persistence<A>> {
        &self.persistence
    }

    /// Takes back the numbers of what no configuration in use has, nor a connection. Say which
    /// configurations are in use before looking for connections: through one that is in use no
    /// longer none can open.
    pub fn release(&mut self, in_use: &[&Services<A>], has_connections: impl Fn(ServerId) -> bool) {
        self.servers.release(|_, number| {
            let id = ServerId::from_bits(number);
            in_use.iter().any(|services| services.server(id).is_some()) || has_connections(id)
        });
        let of_servers: HashSet<&String> =
            self.servers.given.keys().map(|(service, ..)| service).collect();
        self.services.release(|name, number| {
            of_servers.contains(name)
                || in_use
                    .iter()
                    .any(|services| services.get(ServiceId::from_bits(number)).is_some())
        });
    }

    /// Numbers the services of a configuration, and makes what their schedulers need under this
    /// key. Not for workers: a table takes some milliseconds.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; the numbering is then as before.
    pub fn build(
        &mut self,
        specifications: &[ServiceSpecification<A>],
        key: ClientKey,
    ) -> Result<Services<A>, RegistryError> {
        self.check_room(specifications)?;
        let before = core::mem::take(&mut self.tables);
        let service = |one| self.service(one, key, &before);
        let mut services: Vec<_> = specifications.iter().filter_map(service).collect();
        self.number_persistent(specifications, &mut services);
        Ok(Services::new(services))
    }

    /// Gives persistence to the services that have it in their specifications.
    fn number_persistent(
        &self,
        specifications: &[ServiceSpecification<A>],
        services: &mut [Service<A>],
    ) {
        let numbered = |one: &'_ ServiceSpecification<A>| {
            let servers = one.servers.iter().map(|server| (server.address, server.port));
            Some(Numbered {
                name: one.name.clone(),
                servers: servers.collect(),
                specification: one.persistence.clone()?,
            })
        };
        let persistent: Vec<_> = specifications.iter().filter_map(numbered).collect();
        let mut numbered = persistence::number(&self.persistence, &persistent).into_iter();
        for (service, one) in services.iter_mut().zip(specifications) {
            service.persistence = one.persistence.as_ref().and_then(|_| numbered.next());
        }
    }

    fn check_room(&self, specifications: &[ServiceSpecification<A>]) -> Result<(), RegistryError> {
        let names = specifications.iter().map(|service| service.name.clone()).collect();
        if let Some((configured, leaving)) = self.services.excess(&names) {
            return Err(RegistryError::Services { configured, leaving });
        }
        let servers = |service: &ServiceSpecification<A>| {
            let all = service.servers.iter().chain(&service.sorry);
            all.map(|server| name_of(service, server)).collect::<Vec<_>>()
        };
        let servers = specifications.iter().flat_map(servers).collect();
        match self.servers.excess(&servers) {
            Some((configured, leaving)) => Err(RegistryError::Servers { configured, leaving }),
            None => Ok(()),
        }
    }

    /// A service and its servers with their numbers. There is one for each.
    fn service(
        &mut self,
        specification: &ServiceSpecification<A>,
        key: ClientKey,
        before: &Tables<A>,
    ) -> Option<Service<A>> {
        let name = specification.name.clone();
        let id = ServiceId::from_bits(self.services.number(name.clone())?);
        let mut number = |server: &ServerSpecification<A>| {
            let id = ServerId::from_bits(self.servers.number(name_of(specification, server))?);
            let ServerSpecification { address, port, weight, limit } = *server;
            Some(Server { id, address, port, weight, seed: key.seed(address, port), limit })
        };
        let servers: Vec<_> = specification.servers.iter().filter_map(&mut number).collect();
        let without_limit = |server| Server { limit: None, ..server };
        let sorry = specification.sorry.iter().filter_map(&mut number);
        let sorry = sorry.map(without_limit).collect();
        let maglev = (specification.scheduler == Kind::Maglev)
            .then(|| self.table(&servers, specification.hash.table_size, key, before));
        let ServiceSpecification {
            scheduler,
            hash,
            limit,
            when_full,
            one_packet,
            unserved,
            cuts,
            ..
        } = *specification;
        let is_limited = limit.is_some() || servers.iter().any(|server| server.limit.is_some());
        let listens = specification.listens.clone();
        let members = Members::new(&servers);
        Some(Service {
            id,
            name,
            listens,
            scheduler,
            hash,
            maglev,
            servers,
            members,
            sorry,
            limit,
            is_limited,
            when_full,
            one_packet,
            unserved,
            persistence: None,
            cuts,
        })
    }

    /// The table of these servers, the one of before if it was of the same.
    fn table(
        &mut self,
        servers: &[Server<A>],
        size: u32,
        key: ClientKey,
        before: &Tables<A>,
    ) -> Arc<Maglev> {
        let member = |server: &Server<A>| Member {
            address: server.address,
            port: server.port,
            weight: server.weight,
        };
        let made_of = (key, size, servers.iter().map(member).collect::<Vec<_>>());
        let known = self.tables.get(&made_of).or_else(|| before.get(&made_of)).cloned();
        let table = known.unwrap_or_else(|| Arc::new(Maglev::new(&made_of.2, size, key)));
        self.tables.insert(made_of, Arc::clone(&table));
        table
    }
}

fn name_of<A: Address>(
    service: &ServiceSpecification<A>,
    server: &ServerSpecification<A>,
) -> (String, A, Port) {
    (service.name.clone(), server.address, server.port)
}

#[cfg(test)]
mod tests;
