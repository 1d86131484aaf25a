//! Following the role: announcing the floating addresses while this machine answers for
//! them, and dropping what waits when it forwards no longer.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use nat::{Instant, Side};
use wire::MacAddress;
use wire::arp::{Operation, Packet};

use super::Housekeeping;
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::role::additions::Additions;
use crate::role::announce::{Audience, Schedule};
use crate::role::conflict::{Defence, may_be_peer};
use crate::snapshot::Interface;

/// Frames sent in one round: the ring to the worker takes them with room for others.
const BUDGET: usize = 64;
/// Unicast frames of one announcement, over all floating addresses and neighbours. Those
/// left out have the broadcasts.
const UNICASTS: usize = 4096;

/// An ARP packet on its way to a station or to all.
struct Frame {
    side: Side,
    to: MacAddress,
    packet: Packet,
}

/// What the main core remembers of the role.
#[derive(Default)]
pub struct Announcer {
    forwards: bool,
    answers: bool,
    rounds: u64,
    schedule: Schedule,
    additions: Additions,
    pub(super) defence: Defence,
    /// Of the real addresses.
    real: [Defence; 2],
    outbox: VecDeque<Frame>,
}

impl Housekeeping {
    pub(super) fn follow_role(&mut self, now: Instant) {
        let reading = Tsc::now();
        let steady = self.role.stalls.observe(reading);
        let forwards = self.role.deadlines().forwards(reading);
        if !steady || (self.announcer.forwards && !forwards) {
            self.drop_waiting();
        }
        self.announcer.forwards = forwards;
        let answers = self.role.deadlines().answers(reading);
        if answers != self.announcer.answers {
            self.announcer.answers = answers;
            let role = if answers { "active" } else { "standby" };
            tracing::info!(term = self.role.term(), "this machine is {role}");
        }
        self.look_at_addresses(answers, now);
        for side in Side::ALL {
            if self.announcer.real[side.index()].due(now) {
                self.announce_real(side);
            }
        }
        if answers { self.announce(now) } else { self.announcer.fall_silent() }
    }

    /// Packets that wait for their neighbour are not to leave when this machine has
    /// become active again.
    fn drop_waiting(&mut self) {
        let dropped = self.resolver.lock().drop_waiting();
        self.drops.add(DropReason::Standby, dropped as u64);
    }

    fn announce(&mut self, now: Instant) {
        let rounds = self.role.rounds();
        let asked = rounds != self.announcer.rounds;
        if self.announcer.defence.due(now) || asked {
            self.announcer.rounds = rounds;
            self.announcer.schedule.start(now);
        }
        if let Some(audience) = self.announcer.schedule.due(now) {
            let snapshot = self.snapshot.read().clone();
            let all = Side::ALL.map(|side| snapshot.network(side).floating.clone());
            self.write_announcements(audience, &all);
        }
        if let Some((audience, added)) = self.announcer.additions.due(now) {
            self.write_announcements(audience, &added);
        }
        for _ in 0..BUDGET {
            let Some(frame) = self.announcer.outbox.pop_front() else { break };
            if self.send_arp(HandoffTag::TransmitFloating(frame.side), frame.to, &frame.packet) {
                self.role.announcements.add(1);
            }
        }
    }

    /// Takes note of the floating addresses that a reload has brought or taken away.
    fn look_at_addresses(&mut self, answers: bool, now: Instant) {
        let snapshot = self.snapshot.read().clone();
        let floating = Side::ALL.map(|side| snapshot.network(side).floating.as_slice());
        let announcer = &mut self.announcer;
        if announcer.additions.look(snapshot.generation, floating, answers, now) {
            // What still waits must not announce an address that is gone.
            let stays =
                |frame: &Frame| snapshot.network(frame.side).is_floating(frame.packet.sender_ip);
            announcer.outbox.retain(stays);
        }
    }

    fn write_announcements(&mut self, audience: Audience, addresses: &[Vec<Ipv4Addr>; 2]) {
        let snapshot = self.snapshot.read().clone();
        let mut unicasts = VecDeque::new();
        for side in Side::ALL {
            let interface = snapshot.interface(side);
            let Some(addresses) = addresses.get(side.index()) else { continue };
            if addresses.is_empty() {
                continue;
            }
            // What is left of an announcement before may wait; the link may not.
            for packet in broadcasts(interface, addresses) {
                let frame = Frame { side, to: MacAddress::BROADCAST, packet };
                self.announcer.outbox.push_front(frame);
            }
            if audience == Audience::LinkAndNeighbours {
                let neighbours = self.resolver.lock().usable(side);
                let packets =
                    neighbours.iter().flat_map(|&neighbour| tell(interface, addresses, neighbour));
                unicasts.extend(packets.map(|packet| Frame {
                    side,
                    to: packet.target_mac,
                    packet,
                }));
            }
        }
        unicasts.truncate(UNICASTS);
        self.announcer.outbox.append(&mut unicasts);
        self.announcer.outbox.truncate(2 * UNICASTS);
    }

    /// Another station claims a floating address: as long as it is ours, we say so.
    pub(super) fn conflict(&mut self, side: Side, packet: &Packet, now: Instant) {
        if !self.role.deadlines().answers(Tsc::now()) {
            return;
        }
        self.role.conflicts.add(1);
        let snapshot = self.snapshot.read().clone();
        let resolver = self.resolver.lock();
        let peers = snapshot.punt.peers().map(|peer| resolver.last_mac(side, peer));
        let is_peer = may_be_peer(packet.sender_mac, peers);
        drop(resolver);
        if is_peer {
            self.role.disputes.add(1);
            self.role.dispute(Tsc::now());
        }
        if self.announcer.defence.conflict(now) {
            let (address, mac) = (packet.sender_ip, packet.sender_mac);
            tracing::warn!(%side, %address, %mac, "another station claims a floating address");
            self.announcer.schedule.start(now);
        }
    }

    /// Another station claims this machine's real address on a side.
    pub(super) fn conflict_of_real(&mut self, side: Side, packet: &Packet, now: Instant) {
        self.role.conflicts.add(1);
        if self.announcer.real[side.index()].conflict(now) {
            let (address, mac) = (packet.sender_ip, packet.sender_mac);
            tracing::warn!(%side, %address, %mac, "another station claims this machine's real address");
            self.announce_real(side);
        }
    }

    fn announce_real(&mut self, side: Side) {
        let snapshot = self.snapshot.read().clone();
        let (mac, real) = (snapshot.interface(side).mac, snapshot.network(side).real.address);
        for packet in [Packet::gratuitous_reply(mac, real), Packet::gratuitous_request(mac, real)] {
            self.send_arp(HandoffTag::TransmitOwn(side), MacAddress::BROADCAST, &packet);
        }
    }
}

impl Announcer {
    fn fall_silent(&mut self) {
        self.schedule.stop();
        self.additions.stop();
        self.defence.stop();
        self.outbox.clear();
    }
}

/// Gratuitous ARP for each of these floating addresses, in both forms: some devices heed only
/// requests, some only replies.
fn broadcasts(interface: &Interface, addresses: &[Ipv4Addr]) -> impl Iterator<Item = Packet> {
    let mac = interface.floating_mac;
    addresses.iter().flat_map(move |&address| {
        [Packet::gratuitous_reply(mac, address), Packet::gratuitous_request(mac, address)]
    })
}

/// Replies to what a neighbour did not ask, for each of these floating addresses. A reply to itself
/// alone lets Linux take the entry for confirmed; a broadcast leaves it stale.
fn tell(
    interface: &Interface,
    addresses: &[Ipv4Addr],
    (ip, mac): (Ipv4Addr, MacAddress),
) -> impl Iterator<Item = Packet> {
    let sender_mac = interface.floating_mac;
    addresses.iter().map(move |&address| Packet {
        operation: Operation::Reply,
        sender_mac,
        sender_ip: address,
        target_mac: mac,
        target_ip: ip,
    })
}
