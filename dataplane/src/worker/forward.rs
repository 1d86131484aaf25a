//! A translated packet's way out: size, next hop, Ethernet addresses.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::connection::{Kind, NextHop, Passage};
use nat::table::{Hit, Record};
use nat::tcp::State;
use nat::{Direction, Side};
use wire::parse::{self, Packet, Payload};
use wire::{MacAddress, Protocol, build, icmpv4, tcp, translate};

use super::Worker;
use super::fragments::Verdict;
use super::slow::Arrival;
use crate::drop_reason::DropReason;
use crate::errand::Errand;

impl Worker {
    /// Brings what a connection remembers up to date: the next hops of both directions.
    /// False if the connection is no more: its way through the configuration is gone, and
    /// the packet is one that may open it anew.
    pub(super) fn refresh(&mut self, hit: Hit) -> bool {
        let Some(record) = self.connections.table().get(hit.id) else { return false };
        // What answers is let through by the old translation, or it would open one of
        // its own, and the asking side would not know it.
        if hit.direction == Direction::Original && self.is_bygone(record) {
            self.close(hit.id);
            return false;
        }
        self.learn_next_hops(hit);
        true
    }

    /// Finds the next hops of both directions of a connection.
    pub(super) fn learn_next_hops(&mut self, hit: Hit) {
        let Some(record) = self.connections.table().get(hit.id) else { return };
        let ways = [Direction::Original, Direction::Reply]
            .map(|direction| (record.exit(direction), record.translated(direction).destination));
        let hops = ways.map(|(exit, destination)| self.find_hop(exit, destination));
        // A neighbour that is not known yet gets no epoch of its own when it is: a record
        // that lacks one looks again with its next packet (no epoch is zero).
        let epoch = if hops.contains(&NextHop::NONE) { 0 } else { self.epoch };
        self.connections.set_next_hops(hit.id, hops, epoch);
    }

    /// True for a connection whose server, service or address was taken out of the
    /// configuration and that would never end by itself: a flow without an end of its
    /// own, which would stay with what is gone for as long as it goes on, or a TCP
    /// connection that its server has not answered.
    fn is_bygone(&self, record: &Record<Ipv4Addr>) -> bool {
        let ends = record.protocol() == Protocol::Tcp && record.state() != State::SynReceived;
        if ends {
            return false;
        }
        match record.kind() {
            Kind::Masquerade => {
                let external = record.key(Direction::Reply).tuple().destination;
                !self.snapshot.network(Side::Public).is_floating(external)
            }
            Kind::Service | Kind::Hairpin => {
                let asked = record.key(Direction::Original).tuple();
                let services = &self.snapshot.services;
                let service =
                    services.find(asked.destination, asked.destination_port, asked.protocol);
                service.is_none_or(|service| service.id != record.service())
                    || services.server(record.server()).is_none()
            }
        }
    }

    /// An identification for fragments that leave with an address that many share.
    /// Towards one remote they come from this worker alone, so counting makes them unique.
    pub(super) fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }

    fn find_hop(&mut self, exit: Side, destination: Ipv4Addr) -> NextHop {
        match self.snapshot.network(exit).next_hop(destination) {
            Some(hop) => self.hops.find(&self.neighbours, exit, hop),
            None => NextHop::NONE,
        }
    }

    /// Translates a packet and sends it on.
    pub(super) fn forward(&mut self, mut arrival: Arrival, hit: Hit, passage: Passage<Ipv4Addr>) {
        let mtu = self.mtus[passage.exit.index()];
        let too_big = arrival.ip.total_length > mtu;
        if too_big && arrival.ip.dont_fragment {
            let code = icmpv4::unreachable::FRAGMENTATION_NEEDED;
            self.send_error(
                &arrival,
                icmpv4::Error::DestinationUnreachable { code, next_hop_mtu: mtu },
            );
            return self.discard(DropReason::TooBig);
        }
        let Some(record) = self.connections.table().get(hit.id) else {
            return self.discard(DropReason::NoConnection);
        };
        let tuple = record.translated(hit.direction);
        let is_fragment = arrival.ip.fragment.is_some();
        // A sender's identifications are unique for its own address only.
        let renamed = tuple.source != arrival.ip.source && (is_fragment || too_big);
        let identification = renamed.then(|| self.identification(&arrival, tuple, passage.exit));
        let verdict = Verdict { tuple, exit: passage.exit, identification };
        if is_fragment {
            self.first_fragment(&arrival, verdict);
        }
        if !translate_by(&mut arrival, &verdict) {
            return self.discard(DropReason::Truncated);
        }
        self.clamp_mss(&mut arrival, passage.exit);
        let mac = self.neighbours.mac(passage.next_hop);
        self.send_translated(arrival, passage.exit, tuple.destination, mac);
    }

    /// Sends a packet whose addresses are final, in pieces if it must be.
    pub(super) fn send_translated(
        &mut self,
        mut arrival: Arrival,
        exit: Side,
        destination: Ipv4Addr,
        mac: Option<MacAddress>,
    ) {
        let own = self.macs[exit.index()];
        let to = mac.unwrap_or_default();
        if !translate::forward(arrival.mbuf.data_mut(), &arrival.packet, own, to) {
            return self.discard(DropReason::TtlExpired);
        }
        if arrival.ip.total_length <= self.mtus[exit.index()] {
            return self.send_or_resolve(exit, destination, mac, arrival.mbuf);
        }
        let Ok(packet) = parse::frame(arrival.mbuf.data()) else {
            return self.discard(DropReason::Truncated);
        };
        self.send_in_pieces(exit, destination, mac, arrival.mbuf.data(), &packet);
    }

    fn send_or_resolve(
        &mut self,
        exit: Side,
        destination: Ipv4Addr,
        mac: Option<MacAddress>,
        mbuf: Mbuf,
    ) {
        match mac {
            Some(_) => self.transmit(exit, mbuf),
            None => self.resolve(exit, destination, mbuf),
        }
    }

    /// Fragments a packet that may be fragmented (RFC 791 section 3.2).
    fn send_in_pieces(
        &mut self,
        exit: Side,
        destination: Ipv4Addr,
        mac: Option<MacAddress>,
        frame: &[u8],
        packet: &Packet,
    ) {
        let pieces = packet.ipv4().and_then(|ip| build::pieces(ip, self.mtus[exit.index()]));
        let Some(pieces) = pieces else { return self.discard(DropReason::TooBig) };
        for piece in pieces {
            let Some(mut mbuf) = self.mempool.alloc() else {
                return self.discard(DropReason::NoBuffer);
            };
            let written = mbuf
                .append(mbuf.tailroom())
                .and_then(|room| build::fragment(frame, packet, piece, room));
            let Some(length) = written else { return self.discard(DropReason::TooBig) };
            mbuf.truncate(length);
            self.send_or_resolve(exit, destination, mac, mbuf);
        }
    }

    /// Lowers the segment size that a SYN offers to what the links carry (RFC 4459
    /// section 3.2 tells of the trouble without).
    fn clamp_mss(&self, arrival: &mut Arrival, exit: Side) {
        let Payload::Tcp { flags, .. } = arrival.ip.payload else { return };
        if !flags.contains(tcp::Flags::SYN) {
            return;
        }
        let (start, end) = (usize::from(arrival.ip.l4_offset()), arrival.ip.end());
        if let Some(segment) = arrival.mbuf.data_mut().get_mut(start..end) {
            tcp::clamp_mss(segment, self.snapshot.network(exit).mss);
        }
    }

    /// A packet that has come to the end of its time: says so to its sender.
    pub(super) fn expire_ttl(&mut self, arrival: &Arrival) {
        let code = icmpv4::exceeded::TRANSIT;
        self.send_error(arrival, icmpv4::Error::TimeExceeded { code });
        self.discard(DropReason::TtlExpired);
    }

    /// Sends a packet of a known translation whose connection need not be known, such as
    /// a later fragment.
    pub(super) fn send_by_verdict(&mut self, mut arrival: Arrival, verdict: &Verdict) {
        let Verdict { tuple, exit, .. } = *verdict;
        if arrival.ip.ttl <= 1 {
            return self.discard(DropReason::TtlExpired);
        }
        if !translate_by(&mut arrival, verdict) {
            return self.discard(DropReason::FragmentInvalid);
        }
        let hop = self.find_hop(exit, tuple.destination);
        let mac = self.neighbours.mac(hop);
        self.send_translated(arrival, exit, tuple.destination, mac);
    }

    /// Gives a packet to the main core.
    pub(super) fn errand(&mut self, errand: Errand, mut mbuf: Mbuf) {
        errand.tag(&mut mbuf);
        self.hand_to_main(mbuf);
    }
}

/// Gives a packet the ends that were decided, and the identification.
fn translate_by(arrival: &mut Arrival, verdict: &Verdict) -> bool {
    let frame = arrival.mbuf.data_mut();
    let translated = translate::packet(frame, &arrival.packet, verdict.tuple).is_ok();
    translated
        && verdict.identification.is_none_or(|new| translate::identify(frame, &arrival.packet, new))
}
