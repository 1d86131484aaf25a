//! The rules once more, as plainly as they can be written: lists, and one question after the
//! other. It has no code in common with the policy.

use std::net::Ipv4Addr;

use nat::Side;
use nat::policy::{Refusal, Request};
use nat::service::{Limit, WhenFull};
use nat::table::{Key, Table};
use proptest::prelude::*;
use wire::{FiveTuple, Protocol};

use crate::clients::Clients;
use crate::world::{GATEWAY, OTHER_VIP, Rule, VIP, World};

type Tuple = FiveTuple<Ipv4Addr>;

/// What must become of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Expected {
    Known,
    Refused(Refusal),
    Router,
    PrivateHost,
    /// To one of these servers and ports, from this address; or it is refused, certainly if
    /// there is none of them.
    ToServer {
        servers: Vec<(Ipv4Addr, u16)>,
        source: Ipv4Addr,
        refusal: Option<Refusal>,
    },
    /// Out to the public side from this address and port.
    ToClient {
        listen: (Ipv4Addr, u16),
    },
    /// Out to the public side from this address, and one of the rule's ports.
    Masqueraded {
        address: Ipv4Addr,
        first: u16,
        last: u16,
    },
}

/// A connection: what arrives in each direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) original: (Tuple, Side),
    pub(crate) reply: (Tuple, Side),
}

pub(crate) struct Model<'a> {
    pub(crate) world: &'a World,
    pub(crate) flows: Vec<Flow>,
    pub(crate) clients: Clients,
}

fn in_net(address: Ipv4Addr, net: [u8; 4], bits: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    address.to_bits() & mask == u32::from_be_bytes(net) & mask
}

fn is_private(address: Ipv4Addr) -> bool {
    in_net(address, [10, 0, 0, 0], 24) || in_net(address, [10, 1, 0, 0], 16)
}

fn is_floating(address: Ipv4Addr) -> bool {
    [VIP, OTHER_VIP, GATEWAY].contains(&address)
}

fn is_own(address: Ipv4Addr) -> bool {
    let real = [[198, 51, 100, 2], [10, 0, 0, 2]];
    is_floating(address) || real.contains(&address.octets())
}

fn is_no_host(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first == 0 || first == 127 || first >= 224 || in_net(address, [169, 254, 0, 0], 16)
}

impl Model<'_> {
    pub(crate) fn is_taken(&self, tuple: Tuple, side: Side) -> bool {
        let at = (tuple, side);
        self.flows.iter().any(|flow| {
            // Where each datagram finds its server anew, none of the client's meets its flow.
            (flow.original == at && !self.is_one_packet(flow)) || flow.reply == at
        })
    }

    fn is_one_packet(&self, flow: &Flow) -> bool {
        self.finds_anew(flow.original.0)
    }

    /// True for what a client sends to a service of which each datagram finds its server anew.
    pub(crate) fn finds_anew(&self, tuple: Tuple) -> bool {
        let port = tuple.destination_port.number();
        let asked = self.asked(tuple.destination, port, tuple.protocol);
        asked.is_some_and(|number| self.world.services[number].one_packet)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.flows.len() >= self.world.capacity
    }

    /// A connection was opened: in a full table exactly one other has made room for it.
    pub(crate) fn forget_evicted(
        &mut self,
        table: &Table<Ipv4Addr>,
        was_full: bool,
    ) -> Result<(), TestCaseError> {
        let before = self.flows.len();
        self.flows.retain(|flow| {
            let (tuple, side) = flow.reply;
            table.look_up(&Key::new(tuple, side)).is_some()
        });
        prop_assert_eq!(before - self.flows.len(), usize::from(was_full));
        Ok(())
    }

    fn is_service_port(&self, address: Ipv4Addr, port: u16, protocol: Protocol) -> bool {
        self.asked(address, port, protocol).is_some()
    }

    /// The place of the service that listens there.
    pub(crate) fn asked(&self, address: Ipv4Addr, port: u16, protocol: Protocol) -> Option<usize> {
        self.world.services.iter().position(|service| {
            let mut listens = service.listens.iter();
            listens.any(|one| {
                (one.address, one.protocol) == (address, protocol) && one.ports().contains(&port)
            })
        })
    }

    /// Connections of a service's server; of all its servers, if none is named.
    fn count(&self, number: usize, server: Option<(Ipv4Addr, u16)>) -> u32 {
        let service = &self.world.services[number];
        let is_its = |flow: &&Flow| {
            let (original, reply) = (flow.original.0, flow.reply.0);
            let port = original.destination_port.number();
            let from = (reply.source, reply.source_port.number());
            let mut servers = service.servers.iter();
            self.asked(original.destination, port, original.protocol) == Some(number)
                && servers.any(|one| (one.address, one.port.number()) == from)
                && server.is_none_or(|server| server == from)
        };
        self.flows.iter().filter(is_its).count() as u32
    }

    /// Who may get a new client, and why it may be refused.
    fn serving(&self, number: usize) -> (Vec<(Ipv4Addr, u16)>, Option<Refusal>) {
        let service = &self.world.services[number];
        let is_full = |limit: Option<Limit>, count| limit.is_some_and(|one| count >= one.most());
        let (mut with_room, mut full) = (Vec::new(), 0);
        let service_full = is_full(service.limit, self.count(number, None));
        for (place, server) in service.servers.iter().enumerate() {
            let at = (server.address, server.port.number());
            if self.world.sorry_only.contains(&number) || self.world.weight(number, place) == 0 {
                continue;
            }
            if service_full || is_full(server.limit, self.count(number, Some(at))) {
                full += 1;
            } else {
                with_room.push(at);
            }
        }
        let mut sorry = Vec::new();
        for (place, server) in service.sorry.iter().enumerate() {
            if self.world.sorry_weight(number, place) > 0 {
                sorry.push((server.address, server.port.number()));
            }
        }
        match (service.when_full, with_room.is_empty(), full) {
            (_, true, 0) if sorry.is_empty() => (sorry, Some(Refusal::NoServer)),
            (_, true, 0) => (sorry, None),
            (WhenFull::Refuse, _, 1..) => (with_room, Some(Refusal::ServerFull)),
            (WhenFull::Next, false, _) | (_, false, 0) => (with_room, None),
            (WhenFull::Next, true, _) | (WhenFull::Sorry, _, _) if sorry.is_empty() => {
                (with_room, Some(Refusal::ServerFull))
            }
            _ => ([with_room, sorry].concat(), None),
        }
    }

    pub(crate) fn expects(&self, request: &Request<Ipv4Addr>) -> Expected {
        let (tuple, side) = (request.key.tuple(), request.key.side());
        if self.is_taken(tuple, side) {
            return Expected::Known;
        }
        let belongs = self.belongs(request);
        if matches!(belongs, Expected::Refused(_) | Expected::Router) {
            return belongs;
        }
        let begins = match tuple.protocol {
            Protocol::Tcp => request.flags.is_syn_only(),
            Protocol::Udp => true,
            Protocol::Icmp => !request.is_icmp_reply,
        };
        if belongs != Expected::PrivateHost && !begins {
            return Expected::Refused(Refusal::NoConnection);
        }
        if request.ttl < 2 {
            return Expected::Refused(Refusal::TtlExpired);
        }
        self.can_be_opened(tuple, belongs)
    }

    fn belongs(&self, request: &Request<Ipv4Addr>) -> Expected {
        let (tuple, side) = (request.key.tuple(), request.key.side());
        let (from, to) = (tuple.source, tuple.destination);
        if is_no_host(from) || is_no_host(to) {
            return Expected::Refused(Refusal::Martian);
        }
        if is_own(from) || (side == Side::Public && is_private(from)) {
            return Expected::Refused(Refusal::Spoofed);
        }
        if is_floating(to) && (side == Side::Private || to != GATEWAY) {
            return self.to_floating(request);
        }
        if side == Side::Public {
            return Expected::Refused(Refusal::NotForUs);
        }
        let broadcasts = [[10, 0, 0, 255], [198, 51, 100, 255]];
        if is_own(to) || broadcasts.contains(&to.octets()) {
            return Expected::Refused(Refusal::NotForUs);
        }
        match is_private(to) {
            true if is_private(from) && from.octets() != [10, 0, 0, 255] => Expected::PrivateHost,
            true => Expected::Refused(Refusal::NotForUs),
            false => self.leaves(tuple, true),
        }
    }

    fn to_floating(&self, request: &Request<Ipv4Addr>) -> Expected {
        let tuple = request.key.tuple();
        if tuple.protocol == Protocol::Icmp {
            return match request.is_icmp_reply {
                true => Expected::Refused(Refusal::NoConnection),
                false => Expected::Router,
            };
        }
        let port = tuple.destination_port.number();
        let Some(number) = self.asked(tuple.destination, port, tuple.protocol) else {
            return Expected::Refused(Refusal::NoService);
        };
        let (servers, refusal) = match self.clients.kept(self.world, number, tuple.source) {
            Some(server) => (vec![server], None),
            None => self.serving(number),
        };
        let source = match request.key.side() {
            Side::Public => tuple.source,
            Side::Private => GATEWAY,
        };
        Expected::ToServer { servers, source, refusal }
    }

    /// Under the address of its service, if it `serves`, or of a rule.
    fn leaves(&self, tuple: Tuple, serves: bool) -> Expected {
        let at = (tuple.source, tuple.source_port);
        let covers = |rule: &&Rule| {
            let Rule { source, .. } = rule;
            in_net(tuple.source, source.address.octets(), u32::from(source.prefix))
        };
        let rule = self.world.rules.iter().find(covers);
        let may_serve = serves && (rule.is_some() || tuple.protocol == Protocol::Udp);
        for is_sorry in [false, true].into_iter().filter(|_| may_serve) {
            for service in &self.world.services {
                let mut listens = service.listens.iter();
                let Some(listen) = listens.find(|one| one.protocol == tuple.protocol) else {
                    continue;
                };
                let list = if is_sorry { &service.sorry } else { &service.servers };
                if list.iter().any(|server| (server.address, server.port) == at) {
                    return Expected::ToClient { listen: (listen.address, listen.port.number()) };
                }
            }
        }
        match rule {
            Some(&Rule { address, first, last, .. }) => {
                Expected::Masqueraded { address, first, last }
            }
            None => Expected::Refused(Refusal::NotMasqueraded),
        }
    }

    /// Of what may be opened, what the table and the routes let through.
    fn can_be_opened(&self, tuple: Tuple, belongs: Expected) -> Expected {
        let on_link = in_net(tuple.destination, [198, 51, 100, 0], 24);
        let has_way = on_link || self.world.has_gateway;
        match &belongs {
            Expected::ToServer { servers, refusal: Some(refusal), .. } if servers.is_empty() => {
                Expected::Refused(*refusal)
            }
            Expected::Masqueraded { .. } if self.ports(tuple, &belongs).is_empty() => {
                Expected::Refused(Refusal::PortsExhausted)
            }
            Expected::ToClient { .. } | Expected::Masqueraded { .. } if !has_way => {
                Expected::Refused(Refusal::NoRoute)
            }
            Expected::ToClient { listen } if self.is_taken(asks(tuple, *listen), Side::Public) => {
                match self.leaves(tuple, false) {
                    Expected::Refused(_) => Expected::Refused(Refusal::TupleTaken),
                    masqueraded => self.can_be_opened(tuple, masqueraded),
                }
            }
            Expected::Masqueraded { .. } if self.free_ports(tuple, &belongs).is_empty() => {
                Expected::Refused(Refusal::PortsExhausted)
            }
            Expected::PrivateHost => belongs,
            // A full table has room: no packet of the model's is ever answered.
            _ => belongs,
        }
    }

    /// The ports of a rule that a source port may get.
    pub(crate) fn ports(&self, tuple: Tuple, expected: &Expected) -> Vec<u16> {
        let Expected::Masqueraded { address, first, last } = *expected else { return Vec::new() };
        let is_low = tuple.source_port.number() < 1024;
        let (low, high) = match (first, last) {
            (1024, last) => (Some((1, 1023)).filter(|_| is_low), Some((1024, last))),
            (first, last) => (None, Some((first, last))),
        };
        let ranges = [low, high].into_iter().flatten();
        ranges
            .flat_map(|(first, last)| first..=last)
            .filter(|&port| !self.is_service_port(address, port, tuple.protocol))
            .collect()
    }

    /// Those that no connection to this remote has.
    pub(crate) fn free_ports(&self, tuple: Tuple, expected: &Expected) -> Vec<u16> {
        let Expected::Masqueraded { address, .. } = *expected else { return Vec::new() };
        let is_free = |port: &u16| {
            let reply = FiveTuple {
                source: tuple.destination,
                destination: address,
                source_port: tuple.destination_port,
                destination_port: wire::Port::new(*port),
                protocol: tuple.protocol,
            };
            !self.is_taken(reply, Side::Public)
        };
        self.ports(tuple, expected).into_iter().filter(is_free).collect()
    }
}

/// What a client sends to a service, by what a server sends to the client.
pub(crate) fn asks(answer: Tuple, (address, port): (Ipv4Addr, u16)) -> Tuple {
    FiveTuple {
        source: answer.destination,
        destination: address,
        source_port: answer.destination_port,
        destination_port: wire::Port::new(port),
        protocol: answer.protocol,
    }
}
