//! ARP (RFC 826): answering for this machine's addresses, and learning neighbours.

use dpdk::mbuf::Mbuf;
use nat::{Instant, Side};
use wire::arp::{Operation, Packet};
use wire::parse::{self, Network};
use wire::{MacAddress, build};

use super::{Housekeeping, address};
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::neighbour::resolver::Request;
use crate::role::conflict::{is_conflict, is_conflict_of_real};
use crate::snapshot::Snapshot;

impl Housekeeping {
    pub(super) fn arp(&mut self, side: Side, mbuf: &Mbuf, now: Instant) {
        let Ok(frame) = parse::frame(mbuf.data()) else { return };
        let Network::Arp(packet) = frame.network else { return };
        let snapshot = self.snapshot.read().clone();
        let network = snapshot.network(side);
        // To a standby this is the active machine speaking: nothing to learn from.
        let interface = snapshot.interface(side);
        if is_conflict(interface, network, &packet) {
            return self.conflict(side, &packet, now);
        }
        if is_conflict_of_real(interface, network, &packet) {
            return self.conflict_of_real(side, &packet, now);
        }
        // What our own kernel or NIC sent, or somebody who pretends to be us.
        if interface.is_own_mac(packet.sender_mac) || network.is_local(packet.sender_ip) {
            return;
        }
        let for_us = network.is_local(packet.target_ip);
        self.learn(side, &packet, for_us, now);
        match packet.operation {
            Operation::Request if for_us => self.answer(side, &snapshot, &packet),
            // The kernel asks for its neighbours itself, with the real address.
            Operation::Reply if packet.target_ip == network.real.address => {
                if let Some(tap) = &self.kernel[side.index()] {
                    tap.send(mbuf.data());
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, side: Side, packet: &Packet, for_us: bool, now: Instant) {
        let network = self.snapshot.read().network(side).real;
        let credible = packet.sender_mac.is_unicast() && network.contains(packet.sender_ip);
        if !credible {
            return;
        }
        let (ip, mac) = (packet.sender_ip, packet.sender_mac);
        let is_answer = packet.operation == Operation::Reply && packet.target_ip == network.address;
        let mut resolver = self.resolver.lock();
        match is_answer {
            true => resolver.prober.answered(side, ip),
            false => resolver.prober.seen(side, ip),
        }
        let released = resolver.learn(side, ip, mac, for_us, now);
        drop(resolver);
        for mut mbuf in released {
            address(&mut mbuf, mac);
            self.send(HandoffTag::Transmit(side), mbuf);
        }
    }

    /// The real address is always here, a floating one while this machine is active.
    fn answer(&mut self, side: Side, snapshot: &Snapshot, request: &Packet) {
        let interface = snapshot.interface(side);
        let (tag, mac) = if request.target_ip == snapshot.network(side).real.address {
            (HandoffTag::TransmitOwn(side), interface.mac)
        } else if self.role.deadlines().answers(Tsc::now()) {
            (HandoffTag::TransmitFloating(side), interface.floating_mac)
        } else {
            return;
        };
        self.send_arp(tag, request.sender_mac, &request.reply(mac));
    }

    /// Asks for a neighbour, in the name of this machine's real address.
    pub(super) fn send_request(&mut self, request: Request) {
        let snapshot = self.snapshot.read().clone();
        let own = snapshot.network(request.side).real.address;
        let packet = Packet::request(snapshot.interface(request.side).mac, own, request.target);
        let to = request.to.unwrap_or(MacAddress::BROADCAST);
        self.send_arp(HandoffTag::TransmitOwn(request.side), to, &packet);
    }

    /// Sends ARP; false if there is no room for it.
    pub(super) fn send_arp(&mut self, tag: HandoffTag, to: MacAddress, packet: &Packet) -> bool {
        let mut frame = [0; build::ARP_FRAME];
        let Some(length) = build::arp(&mut frame, to, packet) else { return false };
        let frame = frame.get(..length).unwrap_or_default();
        let Some(mbuf) = super::copy_in(&self.mempool, frame) else {
            self.drops.add(DropReason::NoBuffer, 1);
            return false;
        };
        self.send(tag, mbuf)
    }
}
