//! The slow path: one packet, looked at in full.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::Side;
use nat::table::{Hit, Key};
use wire::parse::{self, Ipv4, Network, Packet, ParseError, Payload};
use wire::tcp::Flags;
use wire::{FiveTuple, Protocol, build, icmpv4, ipv4};

use super::{Worker, link};
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::errand::Errand;

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
}

impl Worker {
    /// Brings one packet to its end.
    #[inline(never)]
    pub(super) fn slow(&mut self, side: Side, mut mbuf: Mbuf) {
        self.counters.slow.add(1);
        if !mbuf.is_contiguous() && mbuf.linearize().is_err() {
            return self.discard(DropReason::Segments);
        }
        let packet = match parse::frame(mbuf.data()) {
            Ok(packet) => packet,
            Err(error) => return self.discard(reason(error)),
        };
        let to = packet.destination_mac;
        if !self.snapshot.network(side).is_own_mac(to) && !to.is_multicast() {
            return self.discard(DropReason::OtherStation);
        }
        if !packet.tags.is_empty() {
            return self.discard(DropReason::Vlan);
        }
        match packet.network {
            Network::Arp(_) => self.errand(Errand::Arp(side), mbuf),
            Network::Ipv4(ip) => {
                link::trim(&mut mbuf, ip.end());
                self.slow_ipv4(Arrival { mbuf, packet, ip, side });
            }
            Network::Ipv6 | Network::Other(_) => self.discard(DropReason::EtherType),
        }
    }

    fn slow_ipv4(&mut self, arrival: Arrival) {
        let Arrival { packet, ip, side, .. } = &arrival;
        let (ip, side) = (*ip, *side);
        if packet.destination_mac.is_multicast() {
            return self.discard(DropReason::NotForUs);
        }
        if self.is_spoofed(side, ip.source) {
            return self.discard(DropReason::Spoofed);
        }
        if self.is_for_kernel(side, ip.destination) {
            return self.errand(Errand::Kernel(side), arrival.mbuf);
        }
        if !ipv4::is_forwardable(ip.source) || !ipv4::is_forwardable(ip.destination) {
            return self.discard(DropReason::Martian);
        }
        if !ipv4::options::may_be_forwarded(arrival.options()) {
            return self.discard(DropReason::IpOption);
        }
        if !self.forwards {
            return self.discard(DropReason::Standby);
        }
        if !self.handoff.is_alone() {
            let owner = self.owner_in_full(side, &ip);
            if owner != self.handoff.index {
                return self.hand_off(owner, Errand::Process(side), arrival.mbuf);
            }
        }
        match ip.payload {
            Payload::Tcp { tuple, .. }
            | Payload::Udp { tuple }
            | Payload::IcmpQuery { tuple, .. } => self.slow_flow(arrival, tuple),
            Payload::IcmpError { kind, embedded } => self.icmp_error(arrival, kind, &embedded),
            Payload::LaterFragment { .. } => self.later_fragment(arrival),
            Payload::IcmpOther { .. } => self.discard(DropReason::IcmpType),
            Payload::Other(_) => self.refuse_protocol(&arrival),
        }
    }

    /// From the public side, nobody may speak with an address of the inside.
    pub(super) fn is_spoofed(&self, side: Side, source: Ipv4Addr) -> bool {
        self.snapshot.is_local(source)
            || (side == Side::Public && self.snapshot.network(Side::Private).is_inside(source))
    }

    /// This machine's real addresses are the kernel's, each from its own side, and both
    /// from the private side.
    pub(super) fn is_for_kernel(&self, side: Side, destination: Ipv4Addr) -> bool {
        let real = |side| self.snapshot.network(side).real.address;
        real(side) == destination || (side == Side::Private && real(Side::Public) == destination)
    }

    /// As [`Worker::owner`], also for errors, which go with the packet that they quote.
    fn owner_in_full(&self, side: Side, ip: &Ipv4) -> usize {
        match ip.payload {
            Payload::IcmpError { embedded, .. } => {
                let quoted = embedded.tuple.reversed();
                self.owner(side, quoted.source, quoted.destination)
            }
            _ => self.owner(side, ip.source, ip.destination),
        }
    }

    fn slow_flow(&mut self, arrival: Arrival, tuple: FiveTuple<Ipv4Addr>) {
        let key = Key::new(tuple, arrival.side);
        match self.connections.table().look_up(&key) {
            Some(hit) => self.slow_known(arrival, key, hit),
            None => self.slow_unknown(arrival, key),
        }
    }

    fn slow_known(&mut self, arrival: Arrival, key: Key<Ipv4Addr>, hit: Hit) {
        if arrival.ip.ttl <= 1 {
            return self.expire_ttl(&arrival);
        }
        if !self.connections.is_current(hit, self.epoch) && !self.refresh(hit) {
            return self.slow_unknown(arrival, key);
        }
        let Some(passage) = self.connections.pass(hit, arrival.ip.payload.segment(), self.now)
        else {
            return self.discard(DropReason::NoConnection);
        };
        if passage.reopened && hit.direction == nat::Direction::Original {
            // The same client port for a new connection: it deserves a fresh choice of
            // server, not the one that its predecessor had.
            self.close(hit.id);
            return self.slow_unknown(arrival, key);
        }
        self.count_server(&passage, arrival.ip.total_length);
        self.forward(arrival, hit, passage);
    }

    /// A packet of no known connection.
    fn slow_unknown(&mut self, arrival: Arrival, key: Key<Ipv4Addr>) {
        let tuple = key.tuple();
        let local = self.snapshot.is_floating(tuple.destination);
        if local && is_echo_request(&arrival.ip) {
            return self.answer_echo(arrival);
        }
        match (arrival.side, local) {
            (_, true) => self.open_service(arrival, key),
            (Side::Private, false) => self.open_masquerade(arrival, key),
            (Side::Public, false) => self.discard(DropReason::NotForUs),
        }
    }

    fn answer_echo(&mut self, mut arrival: Arrival) {
        if arrival.ip.fragment.is_some() {
            return self.discard(DropReason::FragmentToRouter);
        }
        if build::echo_reply(arrival.mbuf.data_mut(), &arrival.packet) {
            self.counters.echoes.add(1);
            self.transmit(arrival.side, arrival.mbuf);
        }
    }

    /// A segment in the middle of a TCP connection that is not known is answered with a
    /// reset, as a host would (RFC 9293 section 3.10.7.1): or its sender, whose connection
    /// has outlived its state here, would wait for minutes. Not so soon after a takeover:
    /// the connection may be the peer's, which might be there again in a moment.
    pub(super) fn refuse_segment(&mut self, arrival: &Arrival) {
        self.discard(DropReason::NoConnection);
        // In this order: whose role has just begun is not taken for one of long ago.
        if !self.role.answers(Tsc::now()) {
            return;
        }
        let quiet_until = self.clock.rate().after(self.role.claimed(), self.snapshot.quiet);
        if Tsc::now() < quiet_until {
            return;
        }
        let Some(reset) = build::tcp_reset(arrival.mbuf.data(), &arrival.packet) else { return };
        // What is never answered uses up nothing.
        if !self.reset_bucket.take(self.now) {
            return self.counters.resets_limited.add(1);
        }
        let Some(mut mbuf) = self.mempool.alloc() else { return };
        if let Some(room) = mbuf.append(reset.len()) {
            room.copy_from_slice(&reset);
            self.counters.resets.add(1);
            self.transmit(arrival.side, mbuf);
        }
    }

    /// A protocol that is not translated: a private host is told (RFC 1812 section
    /// 5.2.7.1), the public side is not.
    pub(super) fn refuse_protocol(&mut self, arrival: &Arrival) {
        if arrival.side == Side::Private {
            let code = icmpv4::unreachable::PROHIBITED;
            self.send_error(
                arrival,
                icmpv4::Error::DestinationUnreachable { code, next_hop_mtu: 0 },
            );
        }
        self.discard(DropReason::Protocol);
    }
}

fn is_echo_request(ip: &Ipv4) -> bool {
    ip.protocol == Protocol::Icmp.number()
        && matches!(ip.payload, Payload::IcmpQuery { is_reply: false, .. })
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
