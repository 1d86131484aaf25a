//! A translated packet's way out: size, next hop, Ethernet addresses.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::connection::{Forwarding, NextHop};
use nat::policy::Departure;
use nat::table::Hit;
use nat::{Direction, Side};
use wire::icmpv4::{Error, unreachable};
use wire::parse::{self, Packet, Payload};
use wire::{MacAddress, build, tcp, translate};

use super::flows::Flows;
use super::fragments::{self, Translated, Verdict};
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{answers, open};
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;

/// Brings what a connection remembers up to date: the next hops of both directions.
/// False if the connection is no more: its way through the configuration is gone, and
/// the packet is one that may open it anew.
pub(super) fn refresh(flows: &mut Flows, view: &View, hit: Hit) -> bool {
    let Some(record) = flows.translator.connections.table().get(hit.id) else { return false };
    if record.is_killed() {
        // What it remembers says so.
        return true;
    }
    if view.policy().is_stale(record, hit.direction) {
        if view.policy().departure(record) == Departure::Moves {
            view.counters.moved.add(1);
        }
        open::close(flows, view, hit.id);
        return false;
    }
    // What is to leave with a packet of the other direction looks again with each.
    let stays = !view.policy().is_stale(record, Direction::Original)
        && view.policy().departure(record) == Departure::Stays;
    let epoch = if stays { view.epoch } else { 0 };
    learn_next_hops_for(flows, view, hit, epoch);
    true
}

/// Finds the next hops of both directions of a connection.
pub(super) fn learn_next_hops(flows: &mut Flows, view: &View, hit: Hit) {
    learn_next_hops_for(flows, view, hit, view.epoch);
}

fn learn_next_hops_for(flows: &mut Flows, view: &View, hit: Hit, epoch: u16) {
    let Some(record) = flows.translator.connections.table().get(hit.id) else { return };
    let ways = [Direction::Original, Direction::Reply]
        .map(|direction| (record.exit(direction), record.translated(direction).destination));
    let hops = ways.map(|(exit, destination)| find_hop(flows, view, exit, destination));
    // A neighbour that is not known yet gets no epoch of its own when it is: a record
    // that lacks one looks again with its next packet (no epoch is zero).
    let epoch = if hops.contains(&NextHop::NONE) { 0 } else { epoch };
    flows.translator.connections.set_next_hops(hit.id, hops, epoch);
}

/// The slot of the neighbour that packets to `destination` are given to.
pub(super) fn find_hop(
    flows: &mut Flows,
    view: &View,
    exit: Side,
    destination: Ipv4Addr,
) -> NextHop {
    match view.policy().network(exit).next_hop(destination) {
        Some(hop) => flows.next_hops.find(&view.neighbours, exit, hop),
        None => NextHop::NONE,
    }
}

/// Translates a packet and sends it on.
pub(super) fn forward(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    mut arrival: Arrival,
    hit: Hit,
    forwarding: Forwarding<Ipv4Addr>,
) {
    if !fits(io, view, &arrival, forwarding.exit) {
        return io.discard(DropReason::TooBig);
    }
    let Some(record) = flows.translator.connections.table().get(hit.id) else {
        return io.discard(DropReason::NoConnection);
    };
    let tuple = record.translated(hit.direction);
    let is_fragment = arrival.ip.fragment.is_some();
    let is_cut = arrival.ip.total_length > view.mtus[forwarding.exit.index()];
    // A sender's identifications are unique for its own address only.
    let renamed = tuple.source != arrival.ip.source && (is_fragment || is_cut);
    let exit = forwarding.exit;
    let identification =
        renamed.then(|| fragments::identification(flows, view, &arrival, tuple, exit));
    let translated = Translated { tuple, exit, identification };
    if is_fragment {
        fragments::first(io, flows, view, &arrival, Verdict::Translated(translated));
    }
    if !translate_by(&mut arrival, &translated) {
        return io.discard(DropReason::Truncated);
    }
    clamp_mss(view, &mut arrival, forwarding.exit);
    let mac = view.neighbours.receiver(forwarding.next_hop);
    send(io, view, arrival, forwarding.exit, tuple.destination, mac);
}

/// False for a packet that is too big to leave on this side and must not be cut: its sender
/// is told (RFC 1191).
pub(super) fn fits(io: &mut Io, view: &View, arrival: &Arrival, exit: Side) -> bool {
    let mtu = view.mtus[exit.index()];
    let fits = arrival.ip.total_length <= mtu || !arrival.ip.dont_fragment;
    if !fits {
        let code = unreachable::FRAGMENTATION_NEEDED;
        let error = Error::DestinationUnreachable { code, next_hop_mtu: mtu };
        answers::send_error(io, view, arrival, error);
    }
    fits
}

/// Sends a packet whose addresses are final, in pieces if it must be.
pub(super) fn send(
    io: &mut Io,
    view: &View,
    mut arrival: Arrival,
    exit: Side,
    destination: Ipv4Addr,
    mac: Option<MacAddress>,
) {
    let own = view.macs[exit.index()];
    let to = mac.unwrap_or_default();
    if !translate::forward(arrival.mbuf.data_mut(), &arrival.packet, own, to) {
        return io.discard(DropReason::TtlExpired);
    }
    if arrival.ip.total_length <= view.mtus[exit.index()] {
        return send_or_resolve(io, view, exit, destination, mac, arrival.mbuf);
    }
    let Ok(packet) = parse::frame(arrival.mbuf.data()) else {
        return io.discard(DropReason::Truncated);
    };
    send_in_pieces(io, view, exit, destination, mac, arrival.mbuf.data(), &packet);
}

fn send_or_resolve(
    io: &mut Io,
    view: &View,
    exit: Side,
    destination: Ipv4Addr,
    mac: Option<MacAddress>,
    mbuf: Mbuf,
) {
    match mac {
        Some(_) => io.transmit(exit, mbuf),
        None => resolve(io, view, exit, destination, mbuf),
    }
}

/// Gives a translated packet to the main core, which will find its neighbour.
pub(super) fn resolve(io: &mut Io, view: &View, exit: Side, destination: Ipv4Addr, mbuf: Mbuf) {
    match view.policy().network(exit).next_hop(destination) {
        Some(hop) => {
            let tag = HandoffTag::Resolve(exit, hop);
            io.punt(PuntClass::Unresolved, exit, tag, mbuf, view.now);
        }
        None => io.discard(DropReason::NoRoute),
    }
}

/// Fragments a packet that may be fragmented (RFC 791 section 3.2).
pub(super) fn send_in_pieces(
    io: &mut Io,
    view: &View,
    exit: Side,
    destination: Ipv4Addr,
    mac: Option<MacAddress>,
    frame: &[u8],
    packet: &Packet,
) {
    let pieces = packet.ipv4().and_then(|ip| build::pieces(ip, view.mtus[exit.index()]));
    let Some(pieces) = pieces else { return io.discard(DropReason::TooBig) };
    for piece in pieces {
        let Some(mut mbuf) = io.mempool.alloc() else {
            return io.discard(DropReason::NoBuffer);
        };
        let written = mbuf
            .append(mbuf.tailroom())
            .and_then(|room| build::fragment(frame, packet, piece, room));
        let Some(length) = written else { return io.discard(DropReason::TooBig) };
        mbuf.truncate(length);
        send_or_resolve(io, view, exit, destination, mac, mbuf);
    }
}

/// Lowers the segment size that a SYN offers to what the links carry (RFC 4459
/// section 3.2 tells of the trouble without).
fn clamp_mss(view: &View, arrival: &mut Arrival, exit: Side) {
    let Payload::Tcp { flags, .. } = arrival.ip.payload else { return };
    if !flags.contains(tcp::Flags::SYN) {
        return;
    }
    let (start, end) = (usize::from(arrival.ip.l4_offset()), arrival.ip.end());
    if let Some(segment) = arrival.mbuf.data_mut().get_mut(start..end) {
        tcp::clamp_mss(segment, view.snapshot.interface(exit).mss);
    }
}

/// Sends a packet of a known translation whose connection need not be known, such as
/// a later fragment.
pub(super) fn send_translated(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    mut arrival: Arrival,
    translated: &Translated,
) {
    let Translated { tuple, exit, .. } = *translated;
    if arrival.ip.ttl <= 1 {
        return io.discard(DropReason::TtlExpired);
    }
    if !translate_by(&mut arrival, translated) {
        return io.discard(DropReason::FragmentInvalid);
    }
    let hop = find_hop(flows, view, exit, tuple.destination);
    let mac = view.neighbours.receiver(hop);
    send(io, view, arrival, exit, tuple.destination, mac);
}

/// Gives a packet the ends that were decided, and the identification.
fn translate_by(arrival: &mut Arrival, translated: &Translated) -> bool {
    let frame = arrival.mbuf.data_mut();
    translate::packet(frame, &arrival.packet, translated.tuple).is_ok()
        && translated
            .identification
            .is_none_or(|new| translate::identify(frame, &arrival.packet, new))
}
