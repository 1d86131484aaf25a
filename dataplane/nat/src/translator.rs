//! What becomes of a packet of no known connection: the decision, and the connection that it
//! opens.
//!
//! ```text
//!   Policy::route ----> choose a server or a port ----> enter it in the table
//!        |                          |                          |  taken: another port
//!        '--------------------------+--------------------------+--> Refusal
//! ```
//!
//! A packet alone is decided by [`Translator::decide`] at once. For the packets of a burst,
//! [`Translator::plan`] makes the first two steps ahead, so that the line in the index where
//! a connection will be entered travels from memory meanwhile, and [`Translator::decide`] goes
//! on from the plan: what is decided is the same.

mod full;
mod preview;

use std::net::Ipv4Addr;

use ahash::RandomState;
use wire::{FiveTuple, Port};

use full::Unavailable;
pub use preview::Preview;

use crate::Direction;
use crate::connection::{Connections, Expired, NewConnection, Survivor};
use crate::persistence::{self, ServicePersistence};
use crate::policy::{Destination, Masquerade, Policy, Refusal, Request};
use crate::ports::{Candidates, PortRange};
use crate::random::Random;
use crate::record::{Key, Kind};
use crate::scheduler::{Client, Scheduler};
use crate::service::{Server, Service, Services, View};
use crate::table::{ConnectionId, Hit, InsertError};
use crate::time::Instant;

/// When a packet's plan is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Before other packets of its burst open their connections.
    Ahead,
    /// When all before it have.
    InTurn,
}

/// The connection that a packet is to open.
#[derive(Clone, Copy, Debug)]
pub struct Plan<A> {
    /// The connection.
    pub connection: NewConnection<A>,
}

/// What can be said of a packet before it is its turn.
#[derive(Clone, Copy, Debug)]
pub enum Planned<A> {
    /// It is to open this connection.
    Open(Plan<A>),
    /// It is to open one that depends on what those before it open.
    InTurn,
    /// It opens nothing, as far as the policy says.
    Nothing,
    /// It was its turn, and this has become of it: nothing may be chosen for it once more.
    Decided(Decision),
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It belongs to a connection that exists by now.
    Known(Hit),
    /// It has opened this connection.
    Opened {
        /// The connection, and the direction of the packet.
        hit: Hit,
        /// A closed connection has given its port to it.
        replaced: bool,
    },
    /// It is an echo request to the router.
    Router,
    /// It goes to another private host as it is.
    PrivateHost,
    /// It opens nothing.
    Refused(Refusal),
}

/// The connections of one worker, and what it takes to open more.
pub struct Translator<A> {
    /// The connections.
    pub connections: Connections<A>,
    /// One for each service, by its number.
    schedulers: Vec<Option<Scheduler>>,
    random: Random,
    /// The secret that chooses ports.
    ports: RandomState,
}

impl Translator<Ipv4Addr> {
    /// One that opens connections in this table.
    pub fn new(connections: Connections<Ipv4Addr>, mut random: Random) -> Self {
        let [a, b, c, d] = [(); 4].map(|()| random.next_u64());
        Translator {
            connections,
            schedulers: Vec::new(),
            random,
            ports: RandomState::with_seeds(a, b, c, d),
        }
    }

    /// Takes over from one configuration's services to another's. A service that stays keeps its
    /// scheduler as long as that is of the same kind; where its servers are others than before,
    /// those that stay keep what the scheduler remembers of them.
    pub fn set_services(&mut self, before: &Services<Ipv4Addr>, services: &Services<Ipv4Addr>) {
        let numbers = services.iter().map(|service| service.id.index() + 1).max().unwrap_or(0);
        if numbers > self.schedulers.len() {
            self.schedulers.resize_with(numbers, || None);
        }
        for service in services.iter() {
            let Some(slot) = self.schedulers.get_mut(service.id.index()) else { continue };
            match (before.get(service.id), &mut *slot) {
                (Some(old), Some(scheduler)) if scheduler.is(service.scheduler, service.hash) => {
                    if old.servers != service.servers {
                        let place = |at| {
                            let server: &Server<_> = service.servers.get(at)?;
                            before.place(server.id)
                        };
                        scheduler.rearrange(service.servers.len(), place);
                    }
                }
                _ => {
                    let random = self.random.next_u64();
                    *slot = Some(Scheduler::new(service.scheduler, service.hash, random));
                }
            }
        }
        self.connections.budgets().follow(before, services);
        self.connections.services_changed();
        let is_persistent = |service: &Service<_>| service.persistence.is_some();
        self.connections.keep_survivors(services.iter().any(is_persistent));
    }

    /// One step of expiry, as [`Connections::expire`]. The clients of persistent services whose
    /// connections it finds alive are remembered until it looks at these again.
    pub fn expire(&mut self, policy: &Policy<Ipv4Addr>, now: Instant) -> Expired {
        let expired = self.connections.expire(now);
        while let Some(survivor) = self.connections.take_survivor() {
            self.remember_client_of(policy, survivor, now);
        }
        expired
    }

    #[cold]
    fn remember_client_of(&self, policy: &Policy<Ipv4Addr>, survivor: Survivor, now: Instant) {
        let record = self.connections.table().get(survivor.id);
        let Some(record) = record.filter(|_| !self.connections.is_standby()) else { return };
        let service = policy.services.get(record.service());
        let persistence = service.and_then(|service| service.persistence.as_ref());
        let (Some(persistence), Some(table)) = (persistence, policy.persistence.table()) else {
            return;
        };
        if let Some(at) = policy.services.place(record.server()) {
            let client = record.key(Direction::Original).tuple().source;
            let until = survivor.deadline;
            persistence::keep(table, persistence, client, policy.client_key, at, until, now);
        }
    }

    /// What a packet of no known connection is to open, as far as can be said now.
    pub fn plan(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        when: When,
        now: Instant,
    ) -> Planned<Ipv4Addr> {
        let Ok(destination) = policy.route(request) else { return Planned::Nothing };
        // A quota would be passed by those that were planned within it.
        if when == When::Ahead && self.connections.limits_sources() {
            return Planned::InTurn;
        }
        let is_masqueraded = matches!(destination, Destination::Masquerade(_));
        if when == When::Ahead && is_masqueraded && self.connections.limits_masquerades() {
            return Planned::InTurn;
        }
        if let Destination::Service { service, .. } = destination {
            // A whole burst would go to the server that has least before it; and what a service of
            // a group decides depends on what those before it have.
            let in_turn = match &service.persistence {
                Some(persistence) => persistence.is_shared(),
                None => service.looks_at_loads(),
            };
            // A limit would be passed by those that were planned within it.
            let in_turn = in_turn || service.is_limited;
            if when == When::Ahead && in_turn {
                return Planned::InTurn;
            }
        }
        match self.choose::<false>(policy, request, destination, now) {
            Ok(plan) => Planned::Open(plan),
            Err(decision) if when == When::InTurn => Planned::Decided(decision),
            Err(_) => Planned::Nothing,
        }
    }

    /// Decides what becomes of a packet that no connection was known of when it came, and
    /// opens its connection: the planned one, if there is a plan.
    pub fn decide(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        planned: Option<&Plan<Ipv4Addr>>,
        now: Instant,
    ) -> Decision {
        let chosen = match planned {
            Some(plan) => Ok(*plan),
            None => policy
                .route(request)
                .map_err(Decision::Refused)
                .and_then(|destination| self.choose::<false>(policy, request, destination, now)),
        };
        let plan = match chosen {
            Ok(plan) => plan,
            Err(decision) => return decision,
        };
        match self.open(&plan.connection, now) {
            Ok(hit) => Decision::Opened { hit, replaced: false },
            Err(InsertError::Full) => Decision::Refused(Refusal::TableFull),
            Err(InsertError::Taken(_)) => self.open_elsewhere(policy, request, &plan, now),
        }
    }

    /// Opens a connection. In a full table one that was never answered makes room.
    #[inline]
    fn open(
        &mut self,
        connection: &NewConnection<Ipv4Addr>,
        now: Instant,
    ) -> Result<Hit, InsertError> {
        match self.connections.open(connection, now) {
            Err(InsertError::Full) if self.connections.make_room() => {
                self.connections.open(connection, now)
            }
            opened => opened,
        }
    }

    /// Chooses a server, or the port to begin with. Whoever only `LOOKS` takes nothing from others
    /// by it; what the scheduler remembers of it is his to put back.
    #[inline]
    fn choose<const LOOKS: bool>(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        destination: Destination<'_, Ipv4Addr>,
        now: Instant,
    ) -> Result<Plan<Ipv4Addr>, Decision> {
        let Request { key, flags, .. } = *request;
        let tuple = key.tuple();
        let connection = match destination {
            Destination::Router => return Err(Decision::Router),
            Destination::PrivateHost => return Err(Decision::PrivateHost),
            Destination::Client { service, asked, server } => {
                NewConnection::to_client(service, asked, server, key, flags)
            }
            Destination::Service { service, kind } => {
                self.admits(tuple.source, kind, now)?;
                let server = self
                    .server_for::<LOOKS>(policy, service, tuple, now)
                    .map_err(Decision::Refused)?;
                let (source, port) = match kind {
                    Kind::Hairpin => {
                        let random = self.port_number(key, now);
                        (policy.hairpin, hairpin_port(tuple.source_port, random))
                    }
                    Kind::Service | Kind::Masquerade => (tuple.source, tuple.source_port),
                };
                NewConnection::to_server(kind, service, server, key, source, port, flags)
            }
            Destination::Masquerade(rule) => {
                self.admits(tuple.source, Kind::Masquerade, now)?;
                self.connections.admits_host(tuple.source).map_err(Decision::Refused)?;
                let random = self.port_number(key, now);
                let mut ports = masquerade_ports(policy, rule, request, random);
                let port = ports.next().ok_or(Decision::Refused(Refusal::PortsExhausted))?;
                NewConnection::masqueraded(key, rule.address, port, flags)
            }
        };
        match policy.network(connection.exit()).next_hop(connection.destination()) {
            Some(_) => Ok(Plan { connection }),
            None => Err(Decision::Refused(Refusal::NoRoute)),
        }
    }

    fn admits(&self, source: Ipv4Addr, kind: Kind, now: Instant) -> Result<(), Decision> {
        self.connections.admits(source, kind, now).map_err(Decision::Refused)
    }

    /// The number that chooses the ports of a flow: a hash of the flow and the time with a
    /// secret (RFC 6056 section 3.3.3). It does not depend on what was decided before, and is
    /// another one when the packet is sent again.
    fn port_number(&self, key: Key<Ipv4Addr>, now: Instant) -> u64 {
        self.ports.hash_one((key, now.millis() >> 8))
    }

    /// The server for a new client of the service: the one that it has or its scheduler chooses,
    /// or a sorry server where there is none.
    fn server_for<'p, const LOOKS: bool>(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        service: &'p Service<Ipv4Addr>,
        tuple: FiveTuple<Ipv4Addr>,
        now: Instant,
    ) -> Result<&'p Server<Ipv4Addr>, Refusal> {
        let chosen = if policy.states.is_sorry_only(service.id) {
            Err(Unavailable::NOBODY)
        } else if service.is_limited {
            self.pick_with_room::<LOOKS>(policy, service, tuple, now)
        } else {
            self.pick::<LOOKS>(policy, service, tuple, now, false).ok_or(Unavailable::NOBODY)
        };
        match chosen {
            Ok(at) => service.servers.get(at).ok_or(Refusal::NoServer),
            Err(unavailable) => self.instead(policy, service, tuple, unavailable),
        }
    }

    /// The place of the server that a persistent client has, or that the service's scheduler
    /// chooses. One that is suspect is chosen when there is no other, or when its turn for a trial
    /// has come; one that is full is not, if it is to be skipped.
    fn pick<const LOOKS: bool>(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        service: &Service<Ipv4Addr>,
        tuple: FiveTuple<Ipv4Addr>,
        now: Instant,
        skips_full: bool,
    ) -> Option<usize> {
        let FiveTuple { source, source_port, destination, .. } = tuple;
        let scheduler = self.schedulers.get_mut(service.id.index())?.as_mut()?;
        let client = Client::new(source, source_port, destination, policy.client_key);
        let (servers, weights) = (&service.servers, &policy.weights);
        let view = || {
            let view = View::<_, LOOKS>::of(service, weights, self.connections.loads());
            if skips_full { view.with_room(self.connections.budgets()) } else { view }
        };
        let mut choose = |view: View<'_, Ipv4Addr, LOOKS>| match &service.persistence {
            None => scheduler.pick(&client, &view),
            Some(persistence) => pick_persistent(policy, persistence, source, &view, now),
        };
        let mut pick = || {
            let at = choose(view())?;
            let server = servers.get(at)?;
            let state = weights.state(server.id);
            let takes_trial = || match LOOKS {
                true => state.may_be_tried(),
                false => weights.take_trial(server.id),
            };
            (!state.is_suspect() || takes_trial()).then_some(at)
        };
        // Another worker may have taken the trial: the server is not seen any more.
        pick().or_else(&mut pick).or_else(|| choose(view().with_suspects()))
    }

    /// Goes on where the first choice is taken: the packet's own connection may be there by
    /// now, or another one looks the same from the end that replies, and another port tells
    /// the two apart.
    #[cold]
    fn open_elsewhere(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        plan: &Plan<Ipv4Addr>,
        now: Instant,
    ) -> Decision {
        let (plan, rule) = match self.elsewhere(policy, request, plan) {
            Elsewhere::Known(hit) => return Decision::Known(hit),
            Elsewhere::Refused(refusal) => return Decision::Refused(refusal),
            Elsewhere::At(plan, rule) => (plan, rule),
        };
        let random = self.port_number(request.key, now);
        let ports = || other_ports(policy, rule, request, random);
        match self.open_at(ports(), &plan, now) {
            Err(Refusal::PortsExhausted) if rule.is_some() => self.take_closed(ports(), &plan, now),
            opened => opened.unwrap_or_else(Decision::Refused),
        }
    }

    /// What there is to try where the first choice is taken.
    fn elsewhere<'p>(
        &self,
        policy: &'p Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        plan: &Plan<Ipv4Addr>,
    ) -> Elsewhere<'p> {
        if let Some(hit) = self.connections.table().look_up(&request.key) {
            return Elsewhere::Known(hit);
        }
        // The client was sent to this server before, within the last seconds.
        if plan.connection.original.is_of_one_packet() {
            if let Some(hit) = self.connections.table().look_up(&plan.connection.original) {
                return Elsewhere::Known(hit);
            }
        }
        match policy.route(request) {
            // To this server the client's address and port are another connection's,
            // through another service. RFC 7857 section 3 lets a NAT change the port.
            Ok(Destination::Service { .. }) => Elsewhere::At(*plan, None),
            Ok(Destination::Masquerade(rule)) => Elsewhere::At(*plan, Some(rule)),
            // The service's address and port are in a flow of the client with another server:
            // this one speaks for itself.
            Ok(Destination::Client { .. }) => match policy.masquerade(request.key.tuple().source) {
                Some(rule) => {
                    let Request { key, flags, .. } = *request;
                    let port = plan.connection.port();
                    let connection = NewConnection::masqueraded(key, rule.address, port, flags);
                    Elsewhere::At(Plan { connection }, Some(rule))
                }
                None => Elsewhere::Refused(Refusal::TupleTaken),
            },
            Ok(Destination::Router | Destination::PrivateHost) => {
                Elsewhere::Refused(Refusal::TupleTaken)
            }
            Err(refusal) => Elsewhere::Refused(refusal),
        }
    }

    /// Opens the connection at the first of these ports that is free: entering the reply's
    /// key is the test.
    fn open_at(
        &mut self,
        ports: impl Iterator<Item = Port>,
        plan: &Plan<Ipv4Addr>,
        now: Instant,
    ) -> Result<Decision, Refusal> {
        for port in ports {
            match self.open(&plan.connection.with_port(port), now) {
                Ok(hit) => return Ok(Decision::Opened { hit, replaced: false }),
                Err(InsertError::Full) => return Err(Refusal::TableFull),
                Err(InsertError::Taken(_)) => {}
            }
        }
        Err(Refusal::PortsExhausted)
    }

    /// Opens the connection at the port of the one that has been closed for longest, which
    /// ends. Both ends of it have closed it or been reset; what it is still kept for is a
    /// repeated last segment, and that matters less than a new connection
    /// (RFC 7857 section 2, RFC 6056 section 3.3).
    fn take_closed(
        &mut self,
        ports: impl Iterator<Item = Port>,
        plan: &Plan<Ipv4Addr>,
        now: Instant,
    ) -> Decision {
        let Some((id, connection)) = self.oldest_closed(ports, plan, now) else {
            return Decision::Refused(Refusal::PortsExhausted);
        };
        self.connections.close(id);
        match self.connections.open(&connection, now) {
            Ok(hit) => Decision::Opened { hit, replaced: true },
            Err(_) => Decision::Refused(Refusal::PortsExhausted),
        }
    }

    /// The masqueraded connection at one of these ports that has been closed for longest, and the
    /// one that would have its port.
    fn oldest_closed(
        &self,
        ports: impl Iterator<Item = Port>,
        plan: &Plan<Ipv4Addr>,
        now: Instant,
    ) -> Option<(ConnectionId, NewConnection<Ipv4Addr>)> {
        let closed = ports.filter_map(|port| {
            let connection = plan.connection.with_port(port);
            let hit = self.connections.table().look_up(&connection.reply)?;
            let record = self.connections.table().get(hit.id)?;
            (record.kind() == Kind::Masquerade && record.state().is_closed())
                .then(|| (now.age(record.last_seen()), hit.id, connection))
        });
        let (_, id, connection) = closed.max_by_key(|(age, ..)| *age)?;
        Some((id, connection))
    }
}

/// What there is to try where the first choice is taken.
enum Elsewhere<'p> {
    /// Nothing: this is the packet's connection.
    Known(Hit),
    /// The same with other ports: those of this rule, or any.
    At(Plan<Ipv4Addr>, Option<&'p Masquerade<Ipv4Addr>>),
    Refused(Refusal),
}

/// The ports to try for a connection whose first one is taken.
fn other_ports<'a>(
    policy: &'a Policy<Ipv4Addr>,
    rule: Option<&'a Masquerade<Ipv4Addr>>,
    request: &Request<Ipv4Addr>,
    random: u64,
) -> impl Iterator<Item = Port> + use<'a> {
    let any = || Candidates::new(request.key.tuple().source_port, PortRange::default(), random);
    let masqueraded = rule.map(|rule| masquerade_ports(policy, rule, request, random));
    let any = rule.is_none().then(any);
    masqueraded.into_iter().flatten().chain(any.into_iter().flatten())
}

/// The place of the server that a client has, or gets now.
#[cold]
#[inline(never)]
fn pick_persistent<const LOOKS: bool>(
    policy: &Policy<Ipv4Addr>,
    service: &ServicePersistence,
    client: Ipv4Addr,
    servers: &View<'_, Ipv4Addr, LOOKS>,
    now: Instant,
) -> Option<usize> {
    let table = policy.persistence.table()?;
    persistence::choose::<_, LOOKS>(table, service, client, policy.client_key, servers, now)
}

/// The port of the gateway address that a private host's connection to a virtual IP gets
/// first.
fn hairpin_port(port: Port, random: u64) -> Port {
    Candidates::new(port, PortRange::default(), random).next().unwrap_or(port)
}

/// The ports to try for a masqueraded connection: none of them a service's.
fn masquerade_ports<'a>(
    policy: &'a Policy<Ipv4Addr>,
    rule: &'a Masquerade<Ipv4Addr>,
    request: &Request<Ipv4Addr>,
    random: u64,
) -> impl Iterator<Item = Port> + use<'a> {
    let tuple = request.key.tuple();
    rule.candidates(tuple.source_port, random)
        .filter(move |&port| !policy.services.is_service_port(rule.address, port, tuple.protocol))
}
