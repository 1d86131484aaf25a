//! Persistent clients, as plainly as they can be written.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use crate::world::World;

type Server = (Ipv4Addr, u16);

/// The server of each client in each group.
#[derive(Default)]
pub(crate) struct Clients(HashMap<(String, Ipv4Addr), Server>);

/// What a client's server is to a service.
enum Found {
    Serves(Server),
    Weightless,
    Elsewhere,
}

fn groups(world: &World, number: usize) -> Vec<String> {
    let service = &world.services[number];
    let Some(persistence) = &service.persistence else { return Vec::new() };
    let own = format!("service {}", service.name);
    let Some(group) = &persistence.group else { return vec![own] };
    let persistent = world.services.iter().filter_map(|one| one.persistence.as_ref());
    match persistent.filter(|one| one.group.as_ref() == Some(group)).count() {
        1 => vec![group.clone()],
        _ => vec![group.clone(), own],
    }
}

fn found(world: &World, number: usize, (address, port): Server) -> Found {
    let servers = &world.services[number].servers;
    let mut places = servers.iter();
    let exact = places.position(|one| (one.address, one.port.number()) == (address, port));
    match exact.or_else(|| servers.iter().position(|one| one.address == address)) {
        None => Found::Elsewhere,
        Some(at) if world.weight(number, at) == 0 => Found::Weightless,
        Some(at) => Found::Serves((servers[at].address, servers[at].port.number())),
    }
}

impl Clients {
    fn prefix(world: &World, number: usize, client: Ipv4Addr) -> Ipv4Addr {
        let persistence = world.services[number].persistence.as_ref().unwrap();
        Ipv4Addr::from_bits(
            client.to_bits() >> (32 - persistence.prefix) << (32 - persistence.prefix),
        )
    }

    /// The server that a client has in this service.
    pub(crate) fn kept(&self, world: &World, number: usize, client: Ipv4Addr) -> Option<Server> {
        if world.sorry_only.contains(&number) {
            return None;
        }
        for group in groups(world, number) {
            let server = *self.0.get(&(group, Self::prefix(world, number, client)))?;
            match found(world, number, server) {
                Found::Serves(server) => return Some(server),
                Found::Weightless => return None,
                Found::Elsewhere => {}
            }
        }
        None
    }

    /// A client's connection was opened to this server.
    pub(crate) fn opened(
        &mut self,
        world: &World,
        number: usize,
        client: Ipv4Addr,
        server: Server,
    ) {
        let is_sorry = !matches!(found(world, number, server), Found::Serves(one) if one == server);
        if is_sorry || world.sorry_only.contains(&number) {
            return;
        }
        for group in groups(world, number) {
            let key = (group, Self::prefix(world, number, client));
            match self.0.get(&key).map(|&known| found(world, number, known)) {
                Some(Found::Elsewhere) => {}
                Some(Found::Serves(_)) => return,
                None | Some(Found::Weightless) => {
                    self.0.insert(key, server);
                    return;
                }
            }
        }
    }
}
