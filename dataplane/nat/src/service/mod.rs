//! Services and real servers as workers read them.
//!
//! [`Services`] is the immutable part of a configuration in use. The [`Registry`] makes
//! one after the other, and gives a service or server that is in two of them the same
//! number in both, as connections and counters refer to numbers.

mod limits;
mod listen;
mod loads;
mod members;
mod registry;
mod states;
mod view;
mod weights;

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use wire::{Address, Port, Protocol};

use crate::persistence::ServicePersistence;
use crate::scheduler::{HashOptions, Kind, Maglev};

pub use limits::{Budgets, Limit, Limits, Slot};
pub use listen::Listen;
pub use loads::{Loads, share};
use members::Members;
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
    /// The port on which it serves.
    pub port: Port,
    /// Its weight in the configuration. What counts now is in [`Weights`].
    pub weight: u32,
    /// What schedulers that hash weigh it with: a hash of address and port with a secret.
    pub seed: u64,
    /// How many connections it takes, if not as many as come.
    pub limit: Option<Limit>,
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

    /// The server or sorry server that has this address and port.
    pub fn server_at(&self, address: A, port: Port) -> Option<&Server<A>> {
        self.all_servers().find(|server| (server.address, server.port) == (address, port))
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
    by_listen: HashMap<Listen<A>, usize, RandomState>,
    by_name: HashMap<String, usize, RandomState>,
    /// Place of the service by number, and of the server in it. They are as long as the
    /// configuration's numbers are high.
    by_id: Box<[Option<u32>]>,
    by_server: Box<[Option<(u32, u32)>]>,
    /// The same by the server's address and port, in the first service that has it.
    by_endpoint: HashMap<Listen<A>, (usize, usize), RandomState>,
}

impl<A: Address> Services<A> {
    fn new(services: Vec<Service<A>>) -> Self {
        let (mut by_listen, mut by_name) = (HashMap::default(), HashMap::default());
        let (mut by_id, mut by_server) = (Vec::new(), Vec::new());
        for (at, service) in services.iter().enumerate() {
            by_listen.extend(service.listens.iter().map(|&listen| (listen, at)));
            by_name.insert(service.name.clone(), at);
            put(&mut by_id, service.id.index(), at as u32);
            for (place, server) in service.all_servers().enumerate() {
                put(&mut by_server, server.id.index(), (at as u32, place as u32));
            }
        }
        let by_endpoint = by_endpoint(&services);
        let (by_id, by_server) = (by_id.into(), by_server.into());
        Services { services, by_listen, by_name, by_id, by_server, by_endpoint }
    }

    /// The service that listens there.
    pub fn find(&self, address: A, port: Port, protocol: Protocol) -> Option<&Service<A>> {
        self.services.get(*self.by_listen.get(&Listen { address, port, protocol })?)
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
        let &(service, place) = self.by_endpoint.get(&Listen { address, port, protocol })?;
        let service = self.services.get(service)?;
        Some((service, service.server(place)?))
    }

    /// True for a port that masquerading must not give out.
    pub fn is_service_port(&self, address: A, port: Port, protocol: Protocol) -> bool {
        self.by_listen.contains_key(&Listen { address, port, protocol })
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

/// Where servers serve, over each protocol of their services: first those that are no sorry
/// servers.
fn by_endpoint<A: Address>(
    services: &[Service<A>],
) -> HashMap<Listen<A>, (usize, usize), RandomState> {
    let mut all = HashMap::default();
    for is_sorry in [false, true] {
        for (at, service) in services.iter().enumerate() {
            let places = service.all_servers().enumerate();
            let places = places.filter(|&(place, _)| (place >= service.servers.len()) == is_sorry);
            let protocols = [Protocol::Tcp, Protocol::Udp];
            let protocols = protocols.into_iter().filter(|&one| service.listen_of(one).is_some());
            for (place, &Server { address, port, .. }) in places {
                for protocol in protocols.clone() {
                    let endpoint = Listen { address, port, protocol };
                    all.entry(endpoint).or_insert((at, place));
                }
            }
        }
    }
    all
}
