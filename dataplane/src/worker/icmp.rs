//! ICMP errors about packets that this router has translated.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::service::Unserved;
use nat::table::{ConnectionId, Key};
use nat::{Direction, Side};
use wire::icmpv4::{self, unreachable};
use wire::parse::{self, Embedded};
use wire::{Protocol, translate};

use super::answers::{build_error, unreachable};
use super::flows::Flows;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{forward, handoff};
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;

/// An error about a packet that this router has translated and sent.
///
/// The quoted packet is one that left on the side where the error comes in; turned
/// round, it is a packet as the connection knows it from that side. The error goes
/// the way such packets go (RFC 5508 section 4.2), and quotes the packet as its
/// sender sent it.
pub(super) fn error(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    mut arrival: Arrival,
    kind: icmpv4::Error,
    embedded: &Embedded,
) {
    if let icmpv4::Error::Redirect { .. } | icmpv4::Error::SourceQuench = kind {
        // A redirect speaks to this router alone, and a quench to nobody (RFC 6633).
        return io.discard(DropReason::IcmpType);
    }
    if arrival.ip.ttl <= 1 {
        return io.discard(DropReason::TtlExpired);
    }
    let key = Key::new(embedded.tuple.reversed(), arrival.side);
    let table = flows.translator.connections.table();
    let hit = table.look_up(&key);
    let record = hit.and_then(|hit| Some((hit, *table.get(hit.id)?)));
    let Some((hit, record)) = record else { return io.discard(DropReason::IcmpUnrelated) };
    if let icmpv4::Error::DestinationUnreachable { code, .. } = kind {
        let sequence = quoted_sequence(&arrival, embedded);
        flows.translator.connections.was_unreachable(hit, code, sequence, view.now);
    }
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
        return io.discard(DropReason::Truncated);
    }
    let is_current = flows.translator.connections.is_current(hit, view.epoch);
    if !is_current && !forward::refresh(flows, view, hit) {
        return io.discard(DropReason::IcmpUnrelated);
    }
    send_on(io, flows, view, arrival, hit.id, direction, destination);
}

/// The sequence number in what an error quotes of a TCP segment.
fn quoted_sequence(arrival: &Arrival, embedded: &Embedded) -> Option<u32> {
    if embedded.tuple.protocol != Protocol::Tcp {
        return None;
    }
    // Behind the two ports; eight bytes are quoted at least.
    let segment = arrival.mbuf.data().get(usize::from(embedded.l4_offset)..)?;
    segment.get(4..8)?.first_chunk().copied().map(u32::from_be_bytes)
}

fn send_on(
    io: &mut Io,
    flows: &Flows,
    view: &View,
    arrival: Arrival,
    id: ConnectionId,
    direction: Direction,
    destination: Ipv4Addr,
) {
    let Some(record) = flows.translator.connections.table().get(id) else {
        return io.discard(DropReason::IcmpUnrelated);
    };
    let exit = record.exit(direction);
    let mac = view.neighbours.receiver(record.next_hop(direction).0);
    forward::send(io, view, arrival, exit, destination, mac);
}

/// A packet that was to leave on `side`, and whose neighbour does not answer: its sender is
/// told that the host is unreachable (RFC 1812 section 4.3.3.1), about the packet as it sent
/// it.
pub(super) fn undeliverable(io: &mut Io, flows: &mut Flows, view: &View, side: Side, mbuf: Mbuf) {
    let Ok(packet) = parse::frame(mbuf.data()) else { return };
    let Some(&ip) = packet.ipv4() else { return };
    let owner = handoff::owner(io, view, side, ip.destination, ip.source);
    if owner != io.handoff.index {
        return io.hand_off(owner, HandoffTag::Undeliverable(side), mbuf);
    }
    let arrival = Arrival { mbuf, packet, ip, side };
    if let Some((arrival, sender)) = before_translation(flows, view, arrival) {
        send_back(io, flows, view, &arrival, sender);
    }
}

/// The packet as it came in, and its sender. `None` for one about which nobody is told.
fn before_translation(
    flows: &Flows,
    view: &View,
    mut arrival: Arrival,
) -> Option<(Arrival, Ipv4Addr)> {
    let ip = arrival.ip;
    let table = flows.translator.connections.table();
    let key = ip.tuple().map(|tuple| Key::new(tuple.reversed(), arrival.side));
    let found = key.and_then(|key| table.look_up(&key));
    let record = found.and_then(|hit| Some((hit, table.get(hit.id)?)));
    let Some((hit, record)) = record else {
        let is_private =
            view.policy().is_between_private_hosts(arrival.side, ip.source, ip.destination);
        let may_tell = is_private && view.policy().unserved == Unserved::Reject;
        return may_tell.then_some((arrival, ip.source));
    };
    flows.translator.connections.was_unreachable(hit, unreachable::HOST, None, view.now);
    let service = view.policy().services.get(record.service());
    if view.policy().unserved_by(service) == Unserved::Drop {
        return None;
    }
    let came: &Key<Ipv4Addr> = record.key(hit.direction.flipped());
    translate::packet(arrival.mbuf.data_mut(), &arrival.packet, came.tuple()).ok()?;
    arrival.packet = parse::frame(arrival.mbuf.data()).ok()?;
    arrival.ip = *arrival.packet.ipv4()?;
    arrival.side = came.side();
    Some((arrival, came.tuple().source))
}

fn send_back(io: &mut Io, flows: &mut Flows, view: &View, arrival: &Arrival, to: Ipv4Addr) {
    let side = arrival.side;
    let from = view.policy().network(side).real.address;
    let hop = forward::find_hop(flows, view, side, to);
    let Some(mac) = view.neighbours.receiver(hop) else { return };
    let error = unreachable(unreachable::HOST);
    let Some(mut mbuf) = build_error(io, view, arrival, error, from) else { return };
    translate::address(mbuf.data_mut(), view.macs[side.index()], mac);
    view.counters.icmp_errors.add(1);
    io.transmit(side, mbuf);
}
