//! Numbers that outlive a reload.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use wire::{Address, Port, Protocol};

use super::{
    MAXIMUM_SERVERS, MAXIMUM_SERVICES, Server, ServerId, Service, ServiceId, Services, Unserved,
};
use crate::scheduler::Kind;

/// A service as configured.
#[derive(Clone, Debug)]
pub struct ServiceSpecification<A> {
    /// Its name: two services with one name are the same service.
    pub name: String,
    /// The virtual IP.
    pub address: A,
    /// The port that clients use.
    pub port: Port,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// How servers are chosen.
    pub scheduler: Kind,
    /// Who serves.
    pub servers: Vec<ServerSpecification<A>>,
    /// What its clients are told when nobody can serve them, if not what the machine's are.
    pub unserved: Option<Unserved>,
}

/// A real server as configured.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpecification<A> {
    /// Its address.
    pub address: A,
    /// Its port.
    pub port: Port,
}

/// Too many things to number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryError {
    /// Of services.
    #[error("more than {MAXIMUM_SERVICES} services; split them over several routers")]
    Services,
    /// Of servers.
    #[error(
        "more than {MAXIMUM_SERVERS} real servers in all services, counting those removed since \
         the start; restart tandem-dataplane to forget the removed ones"
    )]
    Servers,
}

/// Numbers given to things; never taken back, so that no connection's number comes to
/// mean something else.
#[derive(Clone, Debug)]
struct Numbers<K> {
    given: HashMap<K, u16>,
    limit: usize,
}

impl<K: Hash + Eq> Numbers<K> {
    fn new(limit: usize) -> Self {
        Numbers { given: HashMap::new(), limit }
    }

    fn number(&mut self, key: K) -> Option<u16> {
        let next = self.given.len();
        if let Some(&number) = self.given.get(&key) {
            return Some(number);
        }
        let number = u16::try_from(next).ok().filter(|_| next < self.limit)?;
        self.given.insert(key, number);
        Some(number)
    }
}

/// Makes [`Services`], one configuration after the other.
#[derive(Clone, Debug)]
pub struct Registry<A> {
    services: Numbers<String>,
    servers: Numbers<(String, A, Port)>,
}

impl<A: Address> Default for Registry<A> {
    fn default() -> Self {
        Registry {
            services: Numbers::new(MAXIMUM_SERVICES),
            servers: Numbers::new(MAXIMUM_SERVERS),
        }
    }
}

impl<A: Address> Registry<A> {
    /// Numbers the services of a configuration.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; the numbering is then as before.
    pub fn build(
        &mut self,
        specifications: &[ServiceSpecification<A>],
    ) -> Result<Services<A>, RegistryError> {
        let mut next = self.clone();
        if next.is_crowded(specifications) {
            // Numbers of what is gone are only given anew when all of them are: a process
            // that has seen thousands of servers come and go starts over.
            return Err(RegistryError::Servers);
        }
        let services =
            specifications.iter().map(|one| next.service(one)).collect::<Result<Vec<_>, _>>()?;
        *self = next;
        Ok(Services::new(services))
    }

    fn is_crowded(&self, specifications: &[ServiceSpecification<A>]) -> bool {
        let fresh: HashSet<_> = specifications
            .iter()
            .flat_map(|service| service.servers.iter().map(|s| key(service, s)))
            .filter(|key| !self.servers.given.contains_key(key))
            .collect();
        self.servers.given.len() + fresh.len() > MAXIMUM_SERVERS
    }

    fn service(
        &mut self,
        specification: &ServiceSpecification<A>,
    ) -> Result<Service<A>, RegistryError> {
        let name = specification.name.clone();
        let id = self.services.number(name.clone()).ok_or(RegistryError::Services)?;
        let mut servers = Vec::with_capacity(specification.servers.len());
        for server in &specification.servers {
            let id =
                self.servers.number(key(specification, server)).ok_or(RegistryError::Servers)?;
            let ServerSpecification { address, port } = *server;
            servers.push(Server { id: ServerId(id), address, port });
        }
        let ServiceSpecification { address, port, protocol, scheduler, unserved, .. } =
            *specification;
        let id = ServiceId(id);
        Ok(Service { id, name, address, port, protocol, scheduler, servers, unserved })
    }
}

fn key<A: Address>(
    service: &ServiceSpecification<A>,
    server: &ServerSpecification<A>,
) -> (String, A, Port) {
    (service.name.clone(), server.address, server.port)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn specification(name: &str, servers: &[u8]) -> ServiceSpecification<Ipv4Addr> {
        ServiceSpecification {
            name: name.to_owned(),
            address: Ipv4Addr::new(198, 51, 100, 10),
            port: Port::new(name.len() as u16),
            protocol: Protocol::Tcp,
            scheduler: Kind::RoundRobin,
            servers: servers
                .iter()
                .map(|&last| ServerSpecification {
                    address: Ipv4Addr::new(10, 0, 0, last),
                    port: Port::new(80),
                })
                .collect(),
            unserved: None,
        }
    }

    fn ids(services: &Services<Ipv4Addr>, name: &str) -> Vec<usize> {
        let service = services.iter().find(|service| service.name == name).unwrap();
        service.servers.iter().map(|server| server.id.index()).collect()
    }

    #[test]
    fn numbers_stay_across_reloads() {
        let mut registry = Registry::default();
        let first = registry.build(&[specification("web", &[11, 12])]).unwrap();
        let second =
            registry.build(&[specification("dns1", &[11]), specification("web", &[12, 13])]);
        let second = second.unwrap();
        assert_eq!(ids(&first, "web"), [0, 1]);
        assert_eq!(ids(&second, "web")[0], 1, "the same server has the same number");
        let numbers = [ids(&second, "web"), ids(&second, "dns1")].concat();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 3);
        assert!(!numbers.contains(&0), "the number of a server that is gone means nobody else");
    }

    #[test]
    fn services_are_found_by_what_they_listen_on() {
        let services = Registry::default().build(&[specification("web", &[11])]).unwrap();
        let vip = Ipv4Addr::new(198, 51, 100, 10);
        let found = services.find(vip, Port::new(3), Protocol::Tcp).unwrap();
        assert_eq!(found.name, "web");
        assert_eq!(services.get(found.id), Some(found));
        assert_eq!(services.server(found.servers[0].id), Some(&found.servers[0]));
        assert!(services.find(vip, Port::new(3), Protocol::Udp).is_none());
        assert!(services.is_service_port(vip, Port::new(3), Protocol::Tcp));
        assert!(services.server(ServerId::NONE).is_none());
    }

    #[test]
    fn too_many_servers_change_nothing() {
        let mut registry = Registry::default();
        let mut many = specification("web", &[]);
        many.servers = (0..=MAXIMUM_SERVERS as u32)
            .map(|n| ServerSpecification { address: Ipv4Addr::from_bits(n), port: Port::new(80) })
            .collect();
        assert_eq!(registry.build(&[many.clone()]).err(), Some(RegistryError::Servers));
        many.servers.pop();
        assert!(registry.build(&[many]).is_ok());
    }
}
