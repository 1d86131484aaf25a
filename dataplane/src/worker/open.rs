//! New connections.

use std::net::Ipv4Addr;
use std::rc::Rc;

use nat::connection::{Kind, NewConnection};
use nat::ports::{Candidates, PortRange};
use nat::scheduler::Client;
use nat::service::{Places, Server, ServerId, Service, ServiceId, View};
use nat::table::{ConnectionId, Hit, InsertError, Key};
use nat::{Direction, Side};
use wire::parse::Payload;
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol, icmpv4};

use super::Worker;
use super::slow::Arrival;
use crate::drop_reason::DropReason;
use crate::snapshot::Masquerade;

impl Worker {
    /// A packet to a floating address: for a service, or for nobody.
    pub(super) fn open_service(&mut self, arrival: Arrival, key: Key<Ipv4Addr>) {
        let tuple = key.tuple();
        let (address, port) = (tuple.destination, tuple.destination_port);
        let snapshot = Rc::clone(&self.snapshot);
        let Some(service) = snapshot.services.find(address, port, tuple.protocol) else {
            return self.discard(unserved(&tuple));
        };
        if !begins(&arrival, &tuple) {
            return self.refuse_segment(&arrival);
        }
        if arrival.ip.ttl <= 1 {
            return self.expire_ttl(&arrival);
        }
        match self.bind(service, &key, &arrival) {
            Ok(hit) => self.first_packet(arrival, hit),
            Err(reason) => self.discard(reason),
        }
    }

    /// Chooses a real server and opens the connection to it.
    fn bind(
        &mut self,
        service: &Service<Ipv4Addr>,
        key: &Key<Ipv4Addr>,
        arrival: &Arrival,
    ) -> Result<Hit, DropReason> {
        let mut taken = Places::NONE;
        for _ in 0..service.servers.len() {
            let picked = self.pick(service, key, taken);
            let Some((at, server)) = picked.and_then(|at| Some((at, service.servers.get(at)?)))
            else {
                let all_taken = taken != Places::NONE;
                return Err(if all_taken { DropReason::TupleTaken } else { DropReason::NoServer });
            };
            match self.bind_to(service, server, key, arrival.flags()) {
                // To this server the client's address and port are taken, by a connection
                // through another service; another server can tell them apart.
                Err(DropReason::TupleTaken) => taken.insert(at),
                bound => return bound,
            }
        }
        Err(DropReason::TupleTaken)
    }

    /// The place of the server that the service's scheduler chooses for the sender of packets
    /// with this key, other than those `taken`.
    pub(super) fn pick(
        &mut self,
        service: &Service<Ipv4Addr>,
        key: &Key<Ipv4Addr>,
        taken: Places,
    ) -> Option<usize> {
        let FiveTuple { source, source_port, .. } = key.tuple();
        let client = Client::new(source, source_port, self.snapshot.client_key);
        let servers = View::new(&service.servers, self.connections.loads()).without(taken);
        let scheduler = self.schedulers.get_mut(service.id.index())?.as_mut()?;
        scheduler.pick(&client, &servers)
    }

    fn bind_to(
        &mut self,
        service: &Service<Ipv4Addr>,
        server: &Server<Ipv4Addr>,
        key: &Key<Ipv4Addr>,
        flags: Flags,
    ) -> Result<Hit, DropReason> {
        let (kind, source, ports) = self.seen_by_servers(key);
        for source_port in ports {
            let opening = to_server(service, server, key, (kind, source, source_port), flags);
            match self.connections.open(&opening, self.now) {
                Ok(hit) => return Ok(hit),
                Err(InsertError::Full) => return Err(DropReason::TableFull),
                Err(InsertError::Taken(_)) => {}
            }
        }
        Err(DropReason::TupleTaken)
    }

    /// What real servers see as their client: the client itself, or for a private host
    /// the gateway address and a port of it, of which there are some to try.
    fn seen_by_servers(&mut self, key: &Key<Ipv4Addr>) -> (Kind, Ipv4Addr, Candidates) {
        let FiveTuple { source, source_port, .. } = key.tuple();
        let random = self.random.next_u64();
        match key.side() {
            Side::Public => (Kind::Service, source, Candidates::only(source_port)),
            Side::Private => {
                let ports = Candidates::new(source_port, PortRange::default(), random);
                (Kind::Hairpin, self.snapshot.hairpin, ports)
            }
        }
    }

    /// A private host's packet to the outside.
    pub(super) fn open_masquerade(&mut self, arrival: Arrival, key: Key<Ipv4Addr>) {
        let tuple = key.tuple();
        let snapshot = Rc::clone(&self.snapshot);
        let inside = snapshot.network(Side::Private);
        if inside.is_inside(tuple.destination) {
            return self.discard(DropReason::NotForUs);
        }
        let Some(rule) = snapshot.masquerade(tuple.source) else {
            return self.discard(DropReason::NotMasqueraded);
        };
        if !begins(&arrival, &tuple) {
            return self.refuse_segment(&arrival);
        }
        if arrival.ip.ttl <= 1 {
            return self.expire_ttl(&arrival);
        }
        match self.map_port(rule, &key, &arrival) {
            Ok(hit) => self.first_packet(arrival, hit),
            Err(reason) => {
                if matches!(reason, DropReason::PortsExhausted | DropReason::TableFull) {
                    // RFC 7857 section 5 and RFC 4787 leave the answer open; the inside
                    // host deserves to know.
                    let code = icmpv4::unreachable::PROHIBITED;
                    let error = icmpv4::Error::DestinationUnreachable { code, next_hop_mtu: 0 };
                    self.send_error(&arrival, error);
                }
                self.discard(reason);
            }
        }
    }

    /// Finds a port of the masquerade address that no other connection to this remote
    /// has: entering the reply's key is the test.
    fn map_port(
        &mut self,
        rule: &Masquerade,
        key: &Key<Ipv4Addr>,
        arrival: &Arrival,
    ) -> Result<Hit, DropReason> {
        let tuple = key.tuple();
        let snapshot = Rc::clone(&self.snapshot);
        let random = self.random.next_u64();
        for port in Candidates::new(tuple.source_port, rule.ports, random) {
            if snapshot.services.is_service_port(rule.address, port, tuple.protocol) {
                continue;
            }
            let opening = masqueraded(key, rule.address, port, arrival.flags());
            match self.connections.open(&opening, self.now) {
                Ok(hit) => return Ok(hit),
                Err(InsertError::Full) => return Err(DropReason::TableFull),
                Err(InsertError::Taken(Direction::Reply)) => {}
                Err(InsertError::Taken(Direction::Original)) => {
                    return Err(DropReason::TupleTaken);
                }
            }
        }
        Err(DropReason::PortsExhausted)
    }

    /// Counts a new connection.
    pub(super) fn count_opened(&self, hit: Hit) {
        self.counters.opened.add(1);
        self.counters.connections.set(self.connections.table().len() as u64);
        if let Some(record) = self.connections.table().get(hit.id) {
            if let Some(server) = self.counters.server(record.server()) {
                server.opened.add(1);
            }
        }
    }

    /// Counts a new connection and sends its first packet on.
    fn first_packet(&mut self, arrival: Arrival, hit: Hit) {
        self.count_opened(hit);
        self.learn_next_hops(hit);
        let Some(passage) = self.connections.peek(hit) else {
            return self.discard(DropReason::NoConnection);
        };
        self.count_server(&passage, arrival.ip.total_length);
        self.forward(arrival, hit, passage);
    }

    /// Closes a connection before its time.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if self.connections.close(id).is_none() {
            return;
        }
        self.counters.closed.add(1);
        self.counters.connections.set(self.connections.table().len() as u64);
    }
}

/// A client's connection to a real server, which sees it as this kind's source and port.
pub(super) fn to_server(
    service: &Service<Ipv4Addr>,
    server: &Server<Ipv4Addr>,
    key: &Key<Ipv4Addr>,
    (kind, source, source_port): (Kind, Ipv4Addr, Port),
    flags: Flags,
) -> NewConnection<Ipv4Addr> {
    let reply = FiveTuple {
        source: server.address,
        destination: source,
        source_port: server.port,
        destination_port: source_port,
        protocol: key.protocol(),
    };
    NewConnection {
        kind,
        original: *key,
        reply: Key::new(reply, Side::Private),
        service: service.id,
        server: server.id,
        flags,
    }
}

/// A private host's own connection, from this address and port of the router.
pub(super) fn masqueraded(
    key: &Key<Ipv4Addr>,
    address: Ipv4Addr,
    port: Port,
    flags: Flags,
) -> NewConnection<Ipv4Addr> {
    let tuple = key.tuple();
    let reply = FiveTuple {
        source: tuple.destination,
        destination: address,
        source_port: tuple.destination_port,
        destination_port: port,
        protocol: tuple.protocol,
    };
    NewConnection {
        kind: Kind::Masquerade,
        original: *key,
        reply: Key::new(reply, Side::Public),
        service: ServiceId::NONE,
        server: ServerId::NONE,
        flags,
    }
}

/// True for a packet that may open a connection: a SYN, any UDP packet, an echo request.
fn begins(arrival: &Arrival, tuple: &FiveTuple<Ipv4Addr>) -> bool {
    match tuple.protocol {
        Protocol::Tcp => arrival.flags().is_syn_only(),
        Protocol::Udp => true,
        Protocol::Icmp => {
            matches!(arrival.ip.payload, Payload::IcmpQuery { is_reply: false, .. })
        }
    }
}

/// Why nobody serves a packet to a floating address: replies without a connection are
/// told from requests without a service.
fn unserved(tuple: &FiveTuple<Ipv4Addr>) -> DropReason {
    match tuple.protocol {
        Protocol::Icmp => DropReason::NoConnection,
        Protocol::Tcp | Protocol::Udp => DropReason::NoService,
    }
}
