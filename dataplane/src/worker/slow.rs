//! The slow path: one packet, looked at in full.

use std::net::Ipv4Addr;

use capture::Ending;
use dpdk::mbuf::Mbuf;
use nat::policy::Request;
use nat::table::{Hit, Key};
use nat::{Direction, Side};
use wire::ethernet::EtherType;
use wire::parse::{self, Ipv4, Network, Packet, ParseError, Payload};
use wire::tcp::Flags;
use wire::{FiveTuple, MacAddress, ipv4};

use super::flows::Flows;
use super::io::Io;
use super::view::View;
use super::{answers, forward, fragments, handoff, icmp, leaving, link, open, private_hosts};
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;

/// A packet on the slow path: the frame, what was read from it, and where it came in.
pub(super) struct Arrival {
    pub(super) mbuf: Mbuf,
    pub(super) packet: Packet,
    pub(super) ip: Ipv4,
    pub(super) side: Side,
}

impl Arrival {
    /// TCP flags; empty for other protocols.
    pub(super) fn flags(&self) -> Flags {
        self.ip.payload.segment().flags
    }

    /// The options of the IP header.
    fn options(&self) -> &[u8] {
        let (start, end) = (usize::from(self.ip.l3_offset), usize::from(self.ip.l4_offset()));
        self.mbuf.data().get(start + ipv4::HEADER_LENGTH..end).unwrap_or_default()
    }

    /// What the decision about new connections looks at.
    fn request(&self, tuple: FiveTuple<Ipv4Addr>) -> Request<Ipv4Addr> {
        Request {
            key: Key::new(tuple, self.side),
            flags: self.flags(),
            is_icmp_reply: matches!(self.ip.payload, Payload::IcmpQuery { is_reply: true, .. }),
            ttl: self.ip.ttl,
        }
    }
}

/// Brings one packet to its end.
#[inline(never)]
pub(super) fn process(io: &mut Io, flows: &mut Flows, view: &View, side: Side, mut mbuf: Mbuf) {
    view.counters.slow.add(1);
    if !mbuf.is_contiguous() && mbuf.linearize().is_err() {
        return io.discard(DropReason::Segments);
    }
    let packet = match parse::frame(mbuf.data()) {
        Ok(packet) => packet,
        Err(error) => return io.discard(reason(error)),
    };
    let to = packet.destination_mac;
    if !view.snapshot.interface(side).is_own_mac(to) && !to.is_multicast() {
        return io.discard(DropReason::OtherStation);
    }
    if !packet.tags.is_empty() {
        return io.discard(DropReason::Vlan);
    }
    match packet.network {
        Network::Arp(arp) => {
            let class = io.class_of_arp(view, side, arp.sender_ip);
            io.punt(class, side, HandoffTag::Arp(side), mbuf, view.now);
        }
        Network::Ipv4(ip) => {
            link::trim(&mut mbuf, ip.end());
            any_ipv4(io, flows, view, Arrival { mbuf, packet, ip, side });
        }
        Network::Ipv6 => io.discard(DropReason::EtherType),
        Network::Other(ether_type) => other(io, view, side, to, ether_type, mbuf),
    }
}

/// Neither IPv4 nor ARP: the kernel gets what the configuration says, and nobody the rest.
fn other(io: &mut Io, view: &View, side: Side, to: MacAddress, ether_type: EtherType, mbuf: Mbuf) {
    if view.snapshot.punt.multicast.has_frame(side, to, ether_type) {
        return io.punt(PuntClass::Arp, side, HandoffTag::Kernel(side), mbuf, view.now);
    }
    io.discard(DropReason::EtherType);
}

/// A packet in a frame to many: the kernel gets what the configuration says, in both roles.
fn multicast(io: &mut Io, view: &View, arrival: Arrival) {
    let Arrival { mbuf, packet, ip, side } = arrival;
    if !view.snapshot.punt.multicast.has_packet(side, packet.destination_mac, &ip) {
        return io.discard(DropReason::NotForUs);
    }
    if view.policy().is_spoofed(side, ip.source) {
        return io.discard(DropReason::Spoofed);
    }
    // Stations of the link alone can send it, as with ARP: no flood from elsewhere is in its way.
    io.punt(PuntClass::Arp, side, HandoffTag::Kernel(side), mbuf, view.now);
}

/// What becomes of an IPv4 packet before any connection is looked for.
pub(super) enum Admission {
    Dropped(DropReason),
    /// It is for this machine itself.
    Kernel,
    /// It goes from one private host to another as it is.
    PrivateHost,
    /// It is to be translated, or refused.
    Ours,
}

/// Says what becomes of an IPv4 packet with these addresses and options.
pub(super) fn admission(
    view: &View,
    side: Side,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    options: &[u8],
) -> Admission {
    if view.policy().is_spoofed(side, source) {
        return Admission::Dropped(DropReason::Spoofed);
    }
    if view.is_for_kernel(side, destination) {
        return Admission::Kernel;
    }
    if !ipv4::is_forwardable(source) || !ipv4::is_forwardable(destination) {
        return Admission::Dropped(DropReason::Martian);
    }
    if !ipv4::options::may_be_forwarded(options) {
        return Admission::Dropped(DropReason::IpOption);
    }
    if !view.forwards {
        return Admission::Dropped(DropReason::Standby);
    }
    match view.policy().is_between_private_hosts(side, source, destination) {
        true => Admission::PrivateHost,
        false => Admission::Ours,
    }
}

fn any_ipv4(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival) {
    let Arrival { packet, ip, side, .. } = &arrival;
    let (ip, side) = (*ip, *side);
    if packet.destination_mac.is_multicast() {
        return multicast(io, view, arrival);
    }
    match admission(view, side, ip.source, ip.destination, arrival.options()) {
        Admission::Dropped(reason) => return io.discard(reason),
        Admission::Kernel => {
            let class = io.class_for_kernel(view, side, &ip);
            return io.punt(class, side, HandoffTag::Kernel(side), arrival.mbuf, view.now);
        }
        Admission::PrivateHost => return private_hosts::forward(io, flows, view, arrival),
        Admission::Ours => {}
    }
    if !io.handoff.is_alone() {
        let owner = owner_in_full(io, view, side, &ip);
        if owner != io.handoff.index {
            io.ending.set(Ending::OtherWorker);
            return io.hand_off(owner, HandoffTag::Process(side), arrival.mbuf);
        }
    }
    match ip.payload {
        Payload::Tcp { tuple, .. } | Payload::Udp { tuple } | Payload::IcmpQuery { tuple, .. } => {
            flow(io, flows, view, arrival, tuple);
        }
        Payload::IcmpError { kind, embedded } => {
            icmp::error(io, flows, view, arrival, kind, &embedded);
        }
        Payload::LaterFragment { .. } => fragments::later(io, flows, view, arrival),
        Payload::IcmpOther { .. } => io.discard(DropReason::IcmpType),
        Payload::Other(_) => answers::refuse_protocol(io, view, &arrival),
    }
}

/// As [`handoff::owner`], also for errors, which go with the packet that they quote.
fn owner_in_full(io: &Io, view: &View, side: Side, ip: &Ipv4) -> usize {
    match ip.payload {
        Payload::IcmpError { embedded, .. } => {
            let quoted = embedded.tuple.reversed();
            handoff::owner(io, view, side, quoted.source, quoted.destination)
        }
        _ => handoff::owner(io, view, side, ip.source, ip.destination),
    }
}

fn flow(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival, tuple: FiveTuple<Ipv4Addr>) {
    let request = arrival.request(tuple);
    match flows.translator.connections.table().look_up(&request.key) {
        Some(hit) => known(io, flows, view, arrival, &request, hit),
        None => open::open_parsed(io, flows, view, arrival, &request),
    }
}

/// Brings a packet of a known connection to its end.
pub(super) fn known(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    arrival: Arrival,
    request: &Request<Ipv4Addr>,
    hit: Hit,
) {
    if arrival.ip.ttl <= 1 {
        return answers::expire_ttl(io, view, &arrival);
    }
    let is_current = flows.translator.connections.is_current(hit, view.epoch);
    if !is_current && leaving::is_cut(flows, view, hit) {
        return leaving::cut(io, flows, view, arrival, request, hit);
    }
    if !is_current && !forward::refresh(flows, view, hit) {
        return open::open_parsed(io, flows, view, arrival, request);
    }
    if moves_on(flows, view, request, hit) {
        view.counters.moved.add(1);
        open::close(flows, view, hit.id);
        return open::open_parsed(io, flows, view, arrival, request);
    }
    let passed = flows.translator.connections.pass(hit, arrival.ip.payload.segment(), view.now);
    let Some(forwarding) = passed else { return io.discard(DropReason::NoConnection) };
    if forwarding.reopened && hit.direction == Direction::Original {
        // The same client port for a new connection: it deserves a fresh choice of
        // server, not the one that its predecessor had.
        open::close(flows, view, hit.id);
        return open::open_parsed(io, flows, view, arrival, request);
    }
    view.servers().count(forwarding.server, forwarding.direction, arrival.ip.total_length);
    forward::forward(io, flows, view, arrival, hit, forwarding);
}

/// True for a SYN that its server has not answered and that another server is to have, as this
/// one has become suspect or is down.
fn moves_on(flows: &Flows, view: &View, request: &Request<Ipv4Addr>, hit: Hit) -> bool {
    let record = flows.translator.connections.table().get(hit.id);
    request.flags.is_syn_only()
        && hit.direction == Direction::Original
        && record.is_some_and(|record| view.policy().is_asked_in_vain(record))
}

/// The reader's many reasons as the operator's few.
fn reason(error: ParseError) -> DropReason {
    match error {
        ParseError::BadIpVersion | ParseError::BadIpHeaderLength | ParseError::BadIpChecksum => {
            DropReason::IpHeader
        }
        ParseError::BadIcmpChecksum => DropReason::IcmpChecksum,
        ParseError::MartianSource | ParseError::MartianDestination => DropReason::Martian,
        ParseError::BadFragment | ParseError::TinyFragment => DropReason::FragmentInvalid,
        _ => DropReason::Truncated,
    }
}
