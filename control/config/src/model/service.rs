//! Services and their real servers.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddrV4;

use super::check::{Agent, Check, CheckKind};
use super::listen::Listen;
use super::node::Unserved;
use super::persist::Persist;
use super::pool::PoolRules;

pub use schedulers::{HashOptions, Kind as Scheduler};

/// A service: where clients reach it, and the real servers behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Its name, unique.
    pub name: String,
    /// VIPs, each one of the public floating addresses, with their ports; one or more, of which
    /// no two have a port in common. No two services listen on the same address, port and
    /// protocol.
    pub listens: Vec<Listen>,
    /// The transports that each of them is reached by; one or both.
    pub protocols: Vec<Protocol>,
    /// How a new connection finds its server.
    pub scheduler: Scheduler,
    /// How it hashes, if it does.
    pub hash: HashOptions,
    /// The real servers, distinct, in the order of the file; may be empty.
    pub servers: Vec<Server>,
    /// Who serves when none of the servers can: distinct, and none of the servers; may be empty.
    pub sorry: Vec<Server>,
    /// How many connections all servers together take, sorry servers not among them; none: as many
    /// as come.
    pub limit: Option<Limit>,
    /// As many connections as it has room for whatever others take.
    pub reserved: u32,
    /// What becomes of a client whose server is full, or the service.
    pub when_full: WhenFull,
    /// Each datagram of a client finds its server anew; UDP alone.
    pub one_packet: bool,
    /// What its clients are told when nobody can serve them; none: what `node.unserved` says.
    pub unserved: Option<Unserved>,
    /// How its clients keep their servers; none: each connection finds its own.
    pub persist: Option<Persist>,
    /// How it is found out whether a server is well, where the server says nothing else; a server
    /// is up when all of them are. None: it is taken to be.
    pub checks: Vec<Check>,
    /// The agent on each server, where the server says nothing else.
    pub agent: Option<Agent>,
    /// What becomes of the TCP connections of a server that goes down.
    pub on_down: OnDown,
    /// Whether servers are asked for their way back.
    pub return_path: ReturnPathCheck,
    /// How its servers are used while some of them are not available.
    pub pool: PoolRules,
}

/// What becomes of the TCP connections of a server that goes down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnDown {
    /// They go on as long as their ends do.
    #[default]
    Keep,
    /// Both ends are reset.
    Cut,
}

/// Whether servers are asked if their answers come back through the gateway address, and what
/// follows if they do not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ReturnPathCheck {
    /// They are not asked.
    Off,
    /// It is said.
    #[default]
    Warn,
    /// It counts as a check that has failed.
    Require,
}

impl Service {
    /// The most real servers of one service: a worker looks at each of them when a
    /// connection opens.
    pub const MOST_SERVERS: usize = 1024;

    /// The most services of a machine.
    pub const MOST: usize = 16_384;

    /// The most real servers of all services together, sorry servers among them.
    pub const MOST_SERVERS_OF_ALL: usize = 65_536;

    /// The most addresses that servers have on the link itself, not behind a router: half of the
    /// neighbours that the dataplane has room for.
    pub const MOST_ON_LINK: usize = 16_384;

    /// The most servers of all services with persistence. A server counts once more in a service
    /// of a group.
    pub const MOST_PERSISTENT: usize = 8191;

    /// The most sorry servers of one service.
    pub const MOST_SORRY: usize = 16;
    /// The most addresses and ports of one service.
    pub const MOST_LISTENS: usize = 64;

    /// Every address and port, or range of them, with every transport, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = (Listen, Protocol)> {
        let each = |&listen: &Listen| self.protocols.iter().map(move |&one| (listen, one));
        self.listens.iter().flat_map(each)
    }

    /// The checks of one of its servers.
    pub fn checks_of<'s>(&'s self, server: &'s Server) -> &'s [Check] {
        server.checks.as_ref().unwrap_or(&self.checks)
    }

    /// True for a server that may ask for a limit of its connections while it serves, by its agent
    /// or by a file.
    pub fn may_limit_itself(&self, server: &Server) -> bool {
        let is_file = |check: &Check| matches!(check.kind, CheckKind::File { .. });
        self.agent_of(server).is_some() || self.checks_of(server).iter().any(is_file)
    }

    /// The agent on one of its servers.
    pub fn agent_of<'s>(&'s self, server: &'s Server) -> Option<&'s Agent> {
        server.agent.as_ref().or(self.agent.as_ref())
    }

    /// The longest time from a fault of a server to its being taken out, whichever of its checks
    /// sees the fault; none without checks.
    pub fn detection_time(&self) -> Option<Duration> {
        let checks = self.servers.iter().flat_map(|server| self.checks_of(server));
        checks.map(Check::detection_time).max()
    }
}

/// A real server of a service.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Server {
    /// Where it listens, on the private side. With port 0 it serves each client on the port that
    /// the client asks for.
    pub address: SocketAddrV4,
    /// Its share of new connections among the servers; 0 drains it: connections that
    /// exist stay, no new one comes.
    pub weight: u16,
    /// Its checks, where they are not the service's; may be empty.
    pub checks: Option<Vec<Check>>,
    /// Its agent, where it is not the service's.
    pub agent: Option<Agent>,
    /// How many connections it takes; none: as many as come. Sorry servers have none.
    pub limit: Option<Limit>,
}

/// The most connections of a server or a service. Those count that open or are open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limit {
    /// The most, at least 1.
    pub most: u32,
    /// Once there are that many, none is added before there are fewer than this: 1 to `most`.
    pub resume_below: u32,
}

impl Limit {
    /// The highest limit.
    pub const HIGHEST: u32 = 1_000_000_000;

    /// So many connections, and again below three quarters of them, as IPVS has it.
    pub const fn new(most: u32) -> Self {
        Limit { most, resume_below: most - most / 4 }
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

/// The transport of a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wire::Protocol::from(*self).fmt(f)
    }
}

impl From<Protocol> for wire::Protocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => wire::Protocol::Tcp,
            Protocol::Udp => wire::Protocol::Udp,
        }
    }
}
