//! Connections before they are opened.

use wire::tcp::Flags;
use wire::{Address, FiveTuple, Port, Protocol};

use crate::record::{Key, Kind};
use crate::service::{Endpoint, Server, ServerId, Service, ServiceId};
use crate::{Direction, Side};

/// A connection to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewConnection<A> {
    /// What kind of translation; the keys have its sides.
    pub kind: Kind,
    /// Packets of the original direction as they arrive.
    pub original: Key<A>,
    /// Packets of the reply direction as they arrive.
    pub reply: Key<A>,
    /// The service, or [`ServiceId::NONE`].
    pub service: ServiceId,
    /// The real server, or [`ServerId::NONE`].
    pub server: ServerId,
    /// The direction of the first packet.
    pub direction: Direction,
    /// Flags of the first packet; empty for other protocols than TCP.
    pub flags: Flags,
}

impl<A: Address> NewConnection<A> {
    /// A connection to a real server, opened by a packet with the key `original`. The
    /// server sees `source` and `source_port` as its client.
    pub fn to_server(
        kind: Kind,
        service: &Service<A>,
        server: &Server<A>,
        original: Key<A>,
        source: A,
        source_port: Port,
        flags: Flags,
    ) -> Self {
        let reply = FiveTuple {
            source: server.address,
            destination: source,
            source_port: server.port_for(original.tuple().destination_port),
            destination_port: source_port,
            protocol: original.protocol(),
        };
        NewConnection {
            kind,
            original: asked_by(original, service, server),
            reply: Key::new(reply, Side::Private),
            service: service.id,
            server: server.id,
            direction: Direction::Original,
            flags,
        }
    }

    /// A client's connection whose first packet comes from the real server, with the key
    /// `reply`. The client asks the service there.
    pub fn to_client(
        service: &Service<A>,
        asked: Endpoint<A>,
        server: &Server<A>,
        reply: Key<A>,
        flags: Flags,
    ) -> Self {
        let tuple = reply.tuple();
        let original = FiveTuple {
            source: tuple.destination,
            destination: asked.address,
            source_port: tuple.destination_port,
            destination_port: asked.port,
            protocol: tuple.protocol,
        };
        NewConnection {
            kind: Kind::Service,
            original: asked_by(Key::new(original, Side::Public), service, server),
            reply,
            service: service.id,
            server: server.id,
            direction: Direction::Reply,
            flags,
        }
    }

    /// A private host's connection to the public side, from this address and port of the
    /// router, opened by a packet with the key `original`.
    pub fn masqueraded(original: Key<A>, address: A, port: Port, flags: Flags) -> Self {
        let tuple = original.tuple();
        let reply = FiveTuple {
            source: tuple.destination,
            destination: address,
            source_port: tuple.destination_port,
            destination_port: port,
            protocol: tuple.protocol,
        };
        NewConnection {
            kind: Kind::Masquerade,
            original,
            reply: Key::new(reply, Side::Public),
            service: ServiceId::NONE,
            server: ServerId::NONE,
            direction: Direction::Original,
            flags,
        }
    }

    /// The same connection with another port of the end that replies go to: the port that
    /// is chosen for it, where its own is taken.
    #[must_use]
    pub fn with_port(self, port: Port) -> Self {
        let reply = FiveTuple { destination_port: port, ..self.reply.tuple() };
        NewConnection { reply: Key::new(reply, self.reply.side()), ..self }
    }

    /// The port of the end that replies go to.
    pub fn port(&self) -> Port {
        self.reply.tuple().destination_port
    }

    /// The side on which the first packet leaves.
    pub fn exit(&self) -> Side {
        match self.direction {
            Direction::Original => self.reply.side(),
            Direction::Reply => self.original.side(),
        }
    }

    /// Where the first packet goes.
    pub fn destination(&self) -> A {
        match self.direction {
            Direction::Original => self.reply.tuple().source,
            Direction::Reply => self.original.tuple().source,
        }
    }
}

/// The key of the client's end. Where each datagram finds its server anew, none has it.
fn asked_by<A: Address>(key: Key<A>, service: &Service<A>, server: &Server<A>) -> Key<A> {
    match service.one_packet && key.protocol() == Protocol::Udp {
        true => key.of_one_packet(server.id),
        false => key,
    }
}
