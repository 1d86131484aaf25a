//! Services and real servers as workers read them.
//!
//! [`Services`] is the immutable part of a configuration in use. The [`Registry`] makes
//! one after the other, and gives a service or server that is in two of them the same
//! number in both, as connections and counters refer to numbers.

mod limits;
mod listen;
mod loads;
mod members;
mod ranges;
mod registry;
mod states;
mod view;
mod weights;

use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use wire::{Address, Port, Protocol};

use crate::persistence::ServicePersistence;
use crate::scheduler::{HashOptions, Kind, Maglev};

pub use limits::{Budgets, Limit, Limits, Slot};
pub use listen::{Endpoint, Listen};
pub use loads::{Loads, share};
use members::Members;
use ranges::Ranges;
pub use registry::{Registry, RegistryError, ServerSpecification, ServiceSpecification};
pub use states::ServiceStates;
pub use view::View;
pub use weights::{Cause, ServerState, Weights};

/// The most services at a time.
pub const MAXIMUM_SERVICES: usize = 16_384;
/// The most real servers of all services together.
pub const MAXIMUM_SERVERS: usize = 65_536;

/// The number of a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct ServiceId(u16);

/// The number of a real server of a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct ServerId(u32);

// Both numbers of a connection, and that it has none, are one word of 32 bits.
const _: () = assert!(MAXIMUM_SERVICES <= ServiceId::NONE.index());
const _: () = assert!(MAXIMUM_SERVERS <= ServerId::NONE.index());
const _: () = assert!(ServiceId::BITS + ServerId::BITS == u32::BITS);

impl ServiceId {
    /// Bits of a number.
    pub(crate) const BITS: u32 = 15;
    /// No service.
    pub const NONE: ServiceId = ServiceId((1 << Self::BITS) - 1);

    /// The number in the lowest bits.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        ServiceId(bits as u16 & Self::NONE.0)
    }

    /// The number, beyond every array for [`ServiceId::NONE`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ServerId {
    /// Bits of a number.
    pub(crate) const BITS: u32 = 17;
    /// No server.
    pub const NONE: ServerId = ServerId((1 << Self::BITS) - 1);

    /// The number in the lowest bits.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        ServerId(bits & Self::NONE.0)
    }

    #[cfg(test)]
    pub(crate) const fn numbered(number: u32) -> Self {
        ServerId(number)
    }

    /// The number, beyond every array for [`ServerId::NONE`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A real server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Server<A> {
    /// Its number.
    pub id: ServerId,
    /// Its address.
    pub address: A,
    /// The port on which it serves, or [`AS_ASKED`].
    pub port: Port,
    /// Its weight in the configuration. What counts now is in [`Weights`].
    pub weight: u32,
    /// What schedulers that hash weigh it with: a hash of address and port with a secret.
    pub seed: u64,
    /// How many connections it takes, if not as many as come.
    pub limit: Option<Limit>,
}

/// The port of a server that serves each client on the port that it asked for.
pub const AS_ASKED: Port = Port::new(0);

impl<A: Copy> Server<A> {
    /// The port on which it serves a client that asks for this one.
    #[inline(always)]
    pub fn port_for(&self, asked: Port) -> Port {
        if self.is_as_asked() { asked } else { self.port }
    }

    /// True if it serves each client on the port that it asked for.
    #[inline(always)]
    pub fn is_as_asked(&self) -> bool {
        self.port == AS_ASKED
    }
}

impl<A: fmt::Display + Copy> fmt::Display for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_as_asked() {
            true => self.address.fmt(f),
            false => write!(f, "{}:{}", self.address, self.port),
        }
    }
}

/// What becomes of a client whose server is full.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum WhenFull {
    /// Another server with room serves it, or a sorry server where none has.
    #[default]
    Next,
    /// A sorry server serves it, if there is one.
    Sorry,
    /// It is refused.
    Refuse,
}

/// What becomes of clients that nobody can serve.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Unserved {
    /// They are told at once: by a reset, or by an ICMP error.
    #[default]
    Reject,
    /// They are told nothing.
    Drop,
}

/// Virtual IPs' ports and who serves them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service<A> {
    /// Its number.
    pub id: ServiceId,
    /// Its name in the configuration.
    pub name: String,
    /// Where clients reach it: at least one, and no other service has it.
    pub listens: Vec<Listen<A>>,
    /// How servers are chosen.
    pub scheduler: Kind,
    /// How the scheduler hashes, if it does.
    pub hash: HashOptions,
    /// The table of clients and servers, if the scheduler has one.
    pub maglev: Option<Arc<Maglev>>,
    /// Who serves.
    pub servers: Vec<Server<A>>,
    /// Who serves when no server can: none of them is in the other list.
    pub sorry: Vec<Server<A>>,
    /// The same by number.
    members: Members,
    /// How many connections all servers together take, sorry servers not among them.
    pub limit: Option<Limit>,
    /// True if the service or one of its servers has a limit.
    pub is_limited: bool,
    /// What becomes of a client whose server is full, or the service.
    pub when_full: WhenFull,
    /// Each datagram of a client finds its server anew; UDP alone. The flow of the client and a
    /// server is entered under a key of the client that no packet has: what the server answers
    /// meets it and leaves from the virtual IP, and the client's next datagram does not. It lasts
    /// two seconds, and no other machine is told of it.
    pub one_packet: bool,
    /// What its clients are told when nobody can serve them, if not what the machine's are.
    pub unserved: Option<Unserved>,
    /// How its clients keep their servers, if they do.
    pub persistence: Option<ServicePersistence>,
    /// True if the TCP connections of a server that goes down are reset.
    pub cuts: bool,
}

impl<A: Address> Service<A> {
    /// Servers and sorry servers, in this order. Places of servers are places among these.
    pub fn all_servers(&self) -> impl Iterator<Item = &Server<A>> {
        self.servers.iter().chain(&self.sorry)
    }

    /// The server or sorry server that serves at this address and port whoever asks for the port
    /// `asked`: one that has the port goes before one that serves as asked.
    pub fn server_at(&self, address: A, port: Port, asked: Port) -> Option<&Server<A>> {
        let named =
            |port| self.all_servers().find(move |one| (one.address, one.port) == (address, port));
        named(port).or_else(|| named(AS_ASKED).filter(|_| port == asked))
    }

    /// Where a client has asked whom this server serves on this port: the first place, if there
    /// are several.
    pub fn asked_at(
        &self,
        server: &Server<A>,
        port: Port,
        protocol: Protocol,
    ) -> Option<Endpoint<A>> {
        if !server.is_as_asked() {
            return self.listen_of(protocol).map(Listen::first);
        }
        let mut listens = self.listens.iter().filter(|listen| listen.protocol == protocol);
        let listen = listens.find(|listen| listen.ports().contains(&port.number()))?;
        Some(Endpoint { port, ..listen.first() })
    }

    /// Where its clients ask over this protocol: the first, if there are several.
    pub fn listen_of(&self, protocol: Protocol) -> Option<&Listen<A>> {
        self.listens.iter().find(|listen| listen.protocol == protocol)
    }

    fn server(&self, place: usize) -> Option<&Server<A>> {
        self.all_servers().nth(place)
    }
}

impl<A> Service<A> {
    /// True if the connections that a server has already decide who gets the next one.
    pub const fn looks_at_loads(&self) -> bool {
        self.scheduler.looks_at_loads() || self.hash.bound > 0
    }
}

/// All services of a configuration.
#[derive(Clone, Debug)]
pub struct Services<A> {
    services: Vec<Service<A>>,
    /// Where services listen on one port; and on a range of them.
    by_listen: HashMap<Endpoint<A>, u32, RandomState>,
    by_range: Ranges<A, u32>,
    by_name: HashMap<String, usize, RandomState>,
    /// Place of the service by number, and of the server in it. They are as long as the
    /// configuration's numbers are high.
    by_id: Box<[Option<u32>]>,
    by_server: Box<[Option<(u32, u32)>]>,
    /// The same by the server's address and port, in the first service that has it.
    by_endpoint: HashMap<Endpoint<A>, (u32, u32), RandomState>,
    /// The same of servers that serve as asked, by the ports that their services listen on.
    as_asked: Ranges<A, (u32, u32)>,
}

impl<A: Address> Services<A> {
    fn new(services: Vec<Service<A>>) -> Self {
        let (mut by_listen, mut by_name) = (HashMap::default(), HashMap::default());
        let (mut by_id, mut by_server) = (Vec::new(), Vec::new());
        for (at, service) in services.iter().enumerate() {
            let single = service.listens.iter().filter_map(Listen::single);
            by_listen.extend(single.map(|endpoint| (endpoint, at as u32)));
            by_name.insert(service.name.clone(), at);
            put(&mut by_id, service.id.index(), at as u32);
            for (place, server) in service.all_servers().enumerate() {
                put(&mut by_server, server.id.index(), (at as u32, place as u32));
            }
        }
        let by_range = by_range(&services);
        let (by_endpoint, as_asked) = (by_endpoint(&services), as_asked(&services));
        let (by_id, by_server) = (by_id.into(), by_server.into());
        Services { services, by_listen, by_range, by_name, by_id, by_server, by_endpoint, as_asked }
    }

    /// The service that listens there.
    pub fn find(&self, address: A, port: Port, protocol: Protocol) -> Option<&Service<A>> {
        self.services.get(self.at(address, port, protocol)? as usize)
    }

    /// The place of the service that listens there.
    #[inline]
    fn at(&self, address: A, port: Port, protocol: Protocol) -> Option<u32> {
        let exact = self.by_listen.get(&Endpoint { address, port, protocol }).copied();
        exact.or_else(|| self.by_range.find(address, port, protocol))
    }

    /// The service that has this, all of its ports in one place.
    pub fn has(&self, listen: &Listen<A>) -> Option<&Service<A>> {
        let service = self.find(listen.address, listen.port, listen.protocol)?;
        service.listens.iter().any(|one| one.covers(listen)).then_some(service)
    }

    /// The service with this number.
    pub fn get(&self, id: ServiceId) -> Option<&Service<A>> {
        let at = self.by_id.get(id.index()).copied().flatten()?;
        self.services.get(at as usize)
    }

    /// The service with this name.
    pub fn named(&self, name: &str) -> Option<&Service<A>> {
        self.services.get(*self.by_name.get(name)?)
    }

    /// The real server with this number, if it is still in the configuration.
    pub fn server(&self, id: ServerId) -> Option<&Server<A>> {
        let (service, place) = self.by_server.get(id.index()).copied().flatten()?;
        self.services.get(service as usize)?.server(place as usize)
    }

    /// The place of a server in the list of its service; sorry servers come after the others.
    pub fn place(&self, id: ServerId) -> Option<usize> {
        let (_, place) = self.by_server.get(id.index()).copied().flatten()?;
        Some(place as usize)
    }

    /// The server that serves at this address, port and protocol, and its service: the
    /// first of the configuration, if there are several, and one that is no sorry server, if
    /// there is one.
    pub fn server_at(
        &self,
        address: A,
        port: Port,
        protocol: Protocol,
    ) -> Option<(&Service<A>, &Server<A>)> {
        let exact = self.by_endpoint.get(&Endpoint { address, port, protocol }).copied();
        let found = exact.or_else(|| self.as_asked.find(address, port, protocol));
        let (service, place) = found?;
        let service = self.services.get(service as usize)?;
        Some((service, service.server(place as usize)?))
    }

    /// True for a port that masquerading must not give out.
    pub fn is_service_port(&self, address: A, port: Port, protocol: Protocol) -> bool {
        self.at(address, port, protocol).is_some()
    }

    /// All, in the order of the configuration.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Service<A>> {
        self.services.iter()
    }
}

/// Puts a value at its place, and makes room for it.
fn put<T: Clone>(array: &mut Vec<Option<T>>, at: usize, value: T) {
    if at >= array.len() {
        array.resize(at + 1, None);
    }
    if let Some(place) = array.get_mut(at) {
        *place = Some(value);
    }
}

/// Where services listen on ranges of ports.
fn by_range<A: Address>(services: &[Service<A>]) -> Ranges<A, u32> {
    let ranges = services.iter().zip(0..).flat_map(|(service, at)| {
        let ranges = service.listens.iter().filter(|listen| listen.single().is_none());
        ranges.map(move |listen| (listen.address, listen.protocol, listen.ports(), at))
    });
    Ranges::new(ranges)
}

/// Servers with the places of their services and of themselves: first all that are no sorry
/// servers.
fn placed<A: Address>(
    services: &[Service<A>],
) -> impl Iterator<Item = (&Service<A>, &Server<A>, (u32, u32))> {
    let of = |is_sorry: bool| {
        services.iter().zip(0..).flat_map(move |(service, at)| {
            let places = service.all_servers().enumerate();
            let places = places.filter(move |&(at, _)| (at >= service.servers.len()) == is_sorry);
            places.map(move |(place, server)| (service, server, (at, place as u32)))
        })
    };
    of(false).chain(of(true))
}

/// Where servers serve, over each protocol of their services.
fn by_endpoint<A: Address>(
    services: &[Service<A>],
) -> HashMap<Endpoint<A>, (u32, u32), RandomState> {
    let mut all = HashMap::default();
    for (service, server, at) in placed(services).filter(|(_, one, _)| !one.is_as_asked()) {
        let &Server { address, port, .. } = server;
        let protocols = [Protocol::Tcp, Protocol::Udp];
        for protocol in protocols.into_iter().filter(|&one| service.listen_of(one).is_some()) {
            all.entry(Endpoint { address, port, protocol }).or_insert(at);
        }
    }
    all
}

/// Where servers serve that do as they are asked.
fn as_asked<A: Address>(services: &[Service<A>]) -> Ranges<A, (u32, u32)> {
    let servers = placed(services).filter(|(_, server, _)| server.is_as_asked());
    let ranges = servers.flat_map(|(service, server, at)| {
        let listens = service.listens.iter();
        listens.map(move |listen| (server.address, listen.protocol, listen.ports(), at))
    });
    Ranges::new(ranges)
}
