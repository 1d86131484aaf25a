//! What a packet of no known connection may open: the rules, in one place.
//!
//! A [`Policy`] is the part of a configuration that decides; it is immutable. [`Policy::route`]
//! says where a packet belongs, by the policy alone, or why nowhere ([`Refusal`]), and
//! [`Policy::answer`] what its sender is told then. [`crate::Translator`] finds the server or
//! port that is free, and opens the connection.

mod masquerade;
mod network;
mod refusal;

use std::sync::Arc;

use wire::tcp::Flags;
use wire::{Address, Protocol};

pub use masquerade::Masquerade;
pub use network::{Network, Route};
pub use refusal::{Answer, Refusal};

use crate::persistence::Persistence;
use crate::record::{Key, Kind, Record};
use crate::scheduler::ClientKey;
use crate::service::{
    Endpoint, Server, Service, ServiceId, ServiceStates, Services, Unserved, Weights,
};
use crate::tcp::State;
use crate::{Direction, Side, shares, sources};

/// The rules of a configuration about new connections.
#[derive(Clone, Debug)]
pub struct Policy<A> {
    /// The addresses of both sides.
    pub networks: [Network<A>; 2],
    /// Services and their real servers.
    pub services: Services<A>,
    /// Rules for connections of private hosts; the first that matches counts.
    pub masquerades: Vec<Masquerade<A>>,
    /// The address that private hosts get towards real servers when they ask a virtual IP:
    /// the gateway address, so that the reply comes back here.
    pub hairpin: A,
    /// The weights of servers, which change at any time.
    pub weights: Arc<Weights>,
    /// The clients that keep their servers, also over a change of this policy.
    pub persistence: Arc<Persistence<A>>,
    /// What changes of services at any time.
    pub states: Arc<ServiceStates>,
    /// The secret under which schedulers hash clients.
    pub client_key: ClientKey,
    /// What services and masquerade rules are sure of, and the most that rules take.
    pub shares: Arc<shares::Rules<A>>,
    /// What sources may take.
    pub sources: Arc<sources::Rules<A>>,
    /// What is told to those whom nobody serves, unless their service says otherwise.
    pub unserved: Unserved,
}

/// A packet of no known connection, as far as the decision looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Request<A> {
    /// Its addresses, ports and protocol, and the side on which it arrived.
    pub key: Key<A>,
    /// TCP flags; empty for other protocols.
    pub flags: Flags,
    /// True for an ICMP query's reply, which opens nothing.
    pub is_icmp_reply: bool,
    /// Time to live, in hops, as it arrived.
    pub ttl: u8,
}

impl<A: Address> Request<A> {
    /// True for a packet that may open a connection: a SYN, any UDP packet, an ICMP query.
    pub fn begins(&self) -> bool {
        match self.key.protocol() {
            Protocol::Tcp => self.flags.is_syn_only(),
            Protocol::Udp => true,
            Protocol::Icmp => !self.is_icmp_reply,
        }
    }
}

/// Where a packet of no known connection belongs.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a, A> {
    /// To a server of this service.
    Service {
        /// The service.
        service: &'a Service<A>,
        /// [`Kind::Service`] for a client's packet, [`Kind::Hairpin`] for a private host's.
        kind: Kind,
    },
    /// From a server of this service to a client that has not asked yet, or not lately.
    Client {
        /// The service that the server's port belongs to.
        service: &'a Service<A>,
        /// Where the client asks that service.
        asked: Endpoint<A>,
        /// The server.
        server: &'a Server<A>,
    },
    /// To the public side, under the address of this rule.
    Masquerade(&'a Masquerade<A>),
    /// To the router itself: an echo request to a floating address.
    Router,
    /// To another private host, as it is.
    PrivateHost,
}

/// What becomes of a connection of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Departure {
    /// It goes on with its server.
    Stays,
    /// Its client's next packet opens it anew, with another server.
    Moves,
    /// Both ends are reset.
    IsCut,
}

impl<A: Address> Policy<A> {
    /// One side.
    #[inline(always)]
    pub fn network(&self, side: Side) -> &Network<A> {
        &self.networks[side.index()]
    }

    /// True for a floating address of either side.
    pub fn is_floating(&self, address: A) -> bool {
        self.networks.iter().any(|network| network.is_floating(address))
    }

    /// True for a floating address that packets on this side may ask: from the public side, the
    /// gateway address is nobody's business.
    pub fn is_floating_from(&self, side: Side, address: A) -> bool {
        match side {
            Side::Public => self.network(Side::Public).is_floating(address),
            Side::Private => self.is_floating(address),
        }
    }

    /// True for any address of this machine on either side.
    pub fn is_local(&self, address: A) -> bool {
        self.networks.iter().any(|network| network.is_local(address))
    }

    /// True for a source address that no packet on this side may have: from the public
    /// side, nobody may speak with an address of the inside.
    pub fn is_spoofed(&self, side: Side, source: A) -> bool {
        self.is_local(source)
            || (side == Side::Public && self.network(Side::Private).is_inside(source))
    }

    /// True for a packet between two private hosts that came here by its sender's default
    /// route, and goes back out of the same side as it is, whatever its protocol.
    pub fn is_between_private_hosts(&self, side: Side, source: A, destination: A) -> bool {
        let private = self.network(Side::Private);
        side == Side::Private
            && private.is_inside(destination)
            && private.is_inside(source)
            && !self.is_local(source)
            && !self.is_local(destination)
            && !private.is_broadcast(destination)
            && !private.is_broadcast(source)
    }

    /// Where a packet of no known connection belongs.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it belongs nowhere.
    pub fn route(&self, request: &Request<A>) -> Result<Destination<'_, A>, Refusal> {
        let (tuple, side) = (request.key.tuple(), request.key.side());
        if !tuple.source.is_forwardable() || !tuple.destination.is_forwardable() {
            return Err(Refusal::Martian);
        }
        if self.is_spoofed(side, tuple.source) {
            return Err(Refusal::Spoofed);
        }
        let destination = match side {
            _ if self.is_floating_from(side, tuple.destination) => self.to_floating(request)?,
            Side::Public => return Err(Refusal::NotForUs),
            Side::Private => self.leaving(request)?,
        };
        if let Destination::Router = destination {
            return Ok(destination);
        }
        if !matches!(destination, Destination::PrivateHost) && !request.begins() {
            return Err(Refusal::NoConnection);
        }
        if request.ttl <= 1 {
            return Err(Refusal::TtlExpired);
        }
        Ok(destination)
    }

    fn to_floating(&self, request: &Request<A>) -> Result<Destination<'_, A>, Refusal> {
        let tuple = request.key.tuple();
        if tuple.protocol == Protocol::Icmp {
            let refused = Err(Refusal::NoConnection);
            return if request.begins() { Ok(Destination::Router) } else { refused };
        }
        let service = self.services.find(tuple.destination, tuple.destination_port, tuple.protocol);
        let service = service.ok_or(Refusal::NoService)?;
        let kind = match request.key.side() {
            Side::Public => Kind::Service,
            Side::Private => Kind::Hairpin,
        };
        Ok(Destination::Service { service, kind })
    }

    fn leaving(&self, request: &Request<A>) -> Result<Destination<'_, A>, Refusal> {
        let tuple = request.key.tuple();
        let (source, destination) = (tuple.source, tuple.destination);
        if self.is_between_private_hosts(Side::Private, source, destination) {
            return Ok(Destination::PrivateHost);
        }
        let is_public = !self.is_local(destination)
            && !self.network(Side::Private).is_inside(destination)
            && !self.network(Side::Public).is_broadcast(destination);
        if !is_public {
            return Err(Refusal::NotForUs);
        }
        let rule = self.masquerade(source);
        // A datagram may be the answer to one that was asked before a restart. A SYN is a
        // connection of the server's own, for which it takes a rule.
        if rule.is_some() || tuple.protocol == Protocol::Udp {
            let found = self.services.server_at(source, tuple.source_port, tuple.protocol);
            if let Some((service, server)) = found {
                let asked = service.asked_at(server, tuple.source_port, tuple.protocol);
                if let Some(asked) = asked {
                    return Ok(Destination::Client { service, asked, server });
                }
            }
        }
        rule.map(Destination::Masquerade).ok_or(Refusal::NotMasqueraded)
    }

    /// The rule for a private host's own connections.
    pub fn masquerade(&self, source: A) -> Option<&Masquerade<A>> {
        self.masquerades.iter().find(|rule| rule.covers(source))
    }

    /// The service of a connection: by its number, and without one by what was asked.
    pub fn service_of(&self, record: &Record<A>) -> Option<&Service<A>> {
        let asked = record.key(Direction::Original).tuple();
        match (record.kind(), record.service()) {
            (Kind::Masquerade, _) => None,
            (_, ServiceId::NONE) => {
                self.services.find(asked.destination, asked.destination_port, asked.protocol)
            }
            (_, id) => self.services.get(id),
        }
    }

    /// What becomes of a connection now that its server may be down.
    pub fn departure(&self, record: &Record<A>) -> Departure {
        if record.kind() == Kind::Masquerade || !self.weights.state(record.server()).is_down() {
            return Departure::Stays;
        }
        let cuts = || self.services.get(record.service()).is_some_and(|service| service.cuts);
        match (record.protocol(), record.state()) {
            (Protocol::Udp | Protocol::Icmp, _) => Departure::Moves,
            (Protocol::Tcp, State::SynReceived) => Departure::Moves,
            (Protocol::Tcp, _) if cuts() => Departure::IsCut,
            (Protocol::Tcp, _) => Departure::Stays,
        }
    }

    /// True for a connection that its server has not answered, and that a client who asks again
    /// is better served with at another one.
    pub fn is_asked_in_vain(&self, record: &Record<A>) -> bool {
        let server = self.weights.state(record.server());
        record.state() == State::SynReceived && (server.is_suspect() || server.is_down())
    }

    /// True for a connection whose server is down, or whose server, service or address was taken
    /// out of the configuration, and that would never end by itself: a flow without an end of its own,
    /// which would stay with what is gone for as long as it goes on, or a TCP connection
    /// that its server has not answered. `direction` is the one of the packet at hand: what
    /// answers a client is let through by the old translation as long as the client can have
    /// asked, or it would open a flow of its own, and the client would not know it.
    pub fn is_stale(&self, record: &Record<A>, direction: Direction) -> bool {
        let ends = record.protocol() == Protocol::Tcp && record.state() != State::SynReceived;
        if ends {
            return false;
        }
        match record.kind() {
            Kind::Masquerade => {
                let tuple = record.key(Direction::Original).tuple();
                let external = record.key(Direction::Reply).tuple();
                let (address, port) = (external.destination, external.destination_port);
                let is_gone = !self.network(Side::Public).is_floating(address);
                // What is a service's now, at either end, is no longer masquerading's.
                let is_a_services = self.services.is_service_port(address, port, tuple.protocol)
                    || self
                        .services
                        .server_at(tuple.source, tuple.source_port, tuple.protocol)
                        .is_some();
                direction == Direction::Original && (is_gone || is_a_services)
            }
            Kind::Service | Kind::Hairpin => {
                let asked = record.key(Direction::Original).tuple();
                let service =
                    self.services.find(asked.destination, asked.destination_port, asked.protocol);
                service.is_none_or(|service| service.id != record.service())
                    || (direction == Direction::Original
                        && (self.services.server(record.server()).is_none()
                            || self.departure(record) == Departure::Moves))
            }
        }
    }
}
