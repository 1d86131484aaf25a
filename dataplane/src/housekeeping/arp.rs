//! ARP (RFC 826): answering for this machine's addresses, and learning neighbours.

use dpdk::mbuf::Mbuf;
use nat::{Instant, Side};
use wire::arp::{Operation, Packet};
use wire::parse::{self, Network};
use wire::{MacAddress, build};

use super::{Housekeeping, address};
use crate::drop_reason::DropReason;
use crate::neighbour::resolver::Request;

impl Housekeeping {
    pub(super) fn arp(&mut self, side: Side, mbuf: &Mbuf, now: Instant) {
        let Ok(frame) = parse::frame(mbuf.data()) else { return };
        let Network::Arp(packet) = frame.network else { return };
        let snapshot = self.snapshot.read().clone();
        let network = snapshot.network(side);
        // What our own kernel or NIC sent, or somebody who pretends to be us.
        if packet.sender_mac == network.mac || network.is_local(packet.sender_ip) {
            return;
        }
        let for_us = network.is_local(packet.target_ip);
        self.learn(side, &packet, for_us, now);
        match packet.operation {
            Operation::Request if for_us => self.answer(side, &packet, network.mac),
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
        let released = self.resolver.lock().learn(side, ip, mac, for_us, now);
        for mut mbuf in released {
            address(&mut mbuf, mac);
            self.send(side, mbuf);
        }
    }

    fn answer(&mut self, side: Side, request: &Packet, mac: MacAddress) {
        self.send_arp(side, request.sender_mac, &request.reply(mac));
    }

    /// Asks for a neighbour, in the name of this machine's real address.
    pub(super) fn send_request(&mut self, request: Request) {
        let snapshot = self.snapshot.read().clone();
        let network = snapshot.network(request.side);
        let packet = Packet::request(network.mac, network.real.address, request.target);
        self.send_arp(request.side, request.to.unwrap_or(MacAddress::BROADCAST), &packet);
    }

    fn send_arp(&mut self, side: Side, to: MacAddress, packet: &Packet) {
        let mut frame = [0; build::ARP_FRAME];
        let Some(length) = build::arp(&mut frame, to, packet) else { return };
        let frame = frame.get(..length).unwrap_or_default();
        match super::copy_in(&self.mempool, frame) {
            Some(mbuf) => self.send(side, mbuf),
            None => self.drops.add(DropReason::NoBuffer, 1),
        }
    }
}
