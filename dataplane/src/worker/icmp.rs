//! ICMP errors: those that others send about translated packets, and the router's own.

use std::net::Ipv4Addr;

use nat::table::Key;
use nat::{Direction, Side};
use wire::parse::Embedded;
use wire::{build, icmpv4, translate};

use super::Worker;
use super::slow::Arrival;
use crate::drop_reason::DropReason;

/// Room for an error: Ethernet, and 576 bytes (RFC 1812 section 4.3.2.3).
const ERROR_FRAME: usize = 14 + 576;

impl Worker {
    /// An error about a packet that this router has translated and sent.
    ///
    /// The quoted packet is one that left on the side where the error comes in; turned
    /// round, it is a packet as the connection knows it from that side. The error goes
    /// the way such packets go (RFC 5508 section 4.2), and quotes the packet as its
    /// sender sent it.
    pub(super) fn icmp_error(
        &mut self,
        mut arrival: Arrival,
        kind: icmpv4::Error,
        embedded: &Embedded,
    ) {
        if let icmpv4::Error::Redirect { .. } | icmpv4::Error::SourceQuench = kind {
            // A redirect speaks to this router alone, and a quench to nobody (RFC 6633).
            return self.discard(DropReason::IcmpType);
        }
        if arrival.ip.ttl <= 1 {
            return self.discard(DropReason::TtlExpired);
        }
        let key = Key::new(embedded.tuple.reversed(), arrival.side);
        let hit = self.connections.table().look_up(&key);
        let record = hit.and_then(|hit| Some((hit, *self.connections.table().get(hit.id)?)));
        let Some((hit, record)) = record else { return self.discard(DropReason::IcmpUnrelated) };
        let direction = hit.direction;
        let to = record.translated(direction);
        let quoted = record.key(direction.flipped()).tuple();
        let source = match arrival.side {
            // Routers of the inside are hidden behind the address that the outside knows
            // (RFC 5508 section 4.2, requirement 5).
            Side::Private => to.source,
            Side::Public => arrival.ip.source,
        };
        let frame = arrival.mbuf.data_mut();
        let (packet, destination) = (&arrival.packet, to.destination);
        if translate::icmp_error(frame, packet, source, destination, quoted).is_err() {
            return self.discard(DropReason::Truncated);
        }
        if !self.connections.is_current(hit, self.epoch) && !self.refresh(hit) {
            return self.discard(DropReason::IcmpUnrelated);
        }
        self.send_error_on(arrival, hit.id, direction, destination);
    }

    fn send_error_on(
        &mut self,
        arrival: Arrival,
        id: nat::table::ConnectionId,
        direction: Direction,
        destination: Ipv4Addr,
    ) {
        let Some(record) = self.connections.table().get(id) else {
            return self.discard(DropReason::IcmpUnrelated);
        };
        let exit = record.exit(direction);
        let mac = self.neighbours.mac(record.next_hop(direction).0);
        self.send_translated(arrival, exit, destination, mac);
    }

    /// Sends an error of the router's own about a packet, to its sender, back over the
    /// link it came by; not for every packet, and not too often.
    pub(super) fn send_error(&mut self, arrival: &Arrival, error: icmpv4::Error) {
        if !self.icmp_bucket.take(self.now) {
            return self.counters.icmp_limited.add(1);
        }
        let Some(mut mbuf) = self.mempool.alloc() else { return };
        let from = self.snapshot.network(arrival.side).real.address;
        let room = mbuf.append(ERROR_FRAME);
        let written = room.and_then(|room| {
            build::icmp_error(arrival.mbuf.data(), &arrival.packet, error, from, room).ok()
        });
        if let Some(length) = written {
            mbuf.truncate(length);
            self.counters.icmp_errors.add(1);
            self.transmit(arrival.side, mbuf);
        }
    }
}
