//! Asking servers from the virtual IPs, and what comes back.

use std::net::Ipv4Addr;
use std::sync::Arc;

use dpdk::mbuf::Mbuf;
use nat::service::Server;
use nat::{Instant, Side};
use wire::icmpv4::{self, Message};
use wire::parse::{self, Payload};
use wire::tcp::{Flags, Segment};
use wire::{FiveTuple, Protocol, build};

use super::Housekeeping;
use crate::clock::Tsc;
use crate::handoff_tag::HandoffTag;
use crate::return_path::{Answer, Change, Method, Question, ReturnPath, ReturnPaths, Target};
use crate::snapshot::Snapshot;

/// Milliseconds between two looks.
const LOOK: u64 = 100;

/// What the main core remembers of ways back.
#[derive(Default)]
pub struct ReturnPathProber {
    paths: ReturnPaths,
    /// The configuration whose servers are asked.
    generation: u64,
    looked: Instant,
}

impl Housekeeping {
    pub(super) fn look_at_return_paths(&mut self, now: Instant) {
        if now.since(self.return_paths.looked) < LOOK {
            return;
        }
        let snapshot = self.snapshot.read().clone();
        let prober = &mut self.return_paths;
        prober.looked = now;
        if prober.generation != snapshot.generation {
            prober.generation = snapshot.generation;
            prober.paths.keep(targets(&snapshot), now);
            self.observations.set_return_paths(prober.paths.states());
        }
        let is_active = self.role.deadlines().answers(Tsc::now());
        let weights = &snapshot.policy.weights;
        let mut questions = Vec::new();
        let changes = prober.paths.look(
            now,
            is_active,
            |target| mac(&self.neighbours, &snapshot, target.address).is_some(),
            |server| weights.state(server).is_down(),
            |question| questions.push(question),
        );
        for question in questions {
            self.ask(&snapshot, &question);
        }
        for change in changes {
            self.return_path_changed(&snapshot, change);
        }
    }

    fn ask(&mut self, snapshot: &Snapshot, question: &Question) {
        let Question { target, port, number } = *question;
        let Some(to) = mac(&self.neighbours, snapshot, target.address) else { return };
        let macs = [snapshot.interface(Side::Private).mac, to];
        let frame: Option<Vec<u8>> = match target.method {
            Method::Syn => {
                let tuple = FiveTuple {
                    source: target.from,
                    destination: target.address,
                    source_port: port,
                    destination_port: target.port,
                    protocol: Protocol::Tcp,
                };
                let syn = Segment { flags: Flags::SYN, sequence: number, acknowledgment: 0 };
                build::tcp_segment(macs, tuple, syn).map(Into::into)
            }
            Method::Echo => {
                let addresses = [target.from, target.address];
                build::echo_request(macs, addresses, port, number as u16).map(Into::into)
            }
        };
        let mbuf = frame.and_then(|frame| super::copy_in(&self.mempool, &frame));
        if let Some(mbuf) = mbuf {
            // Another's address: only as long as this machine is active.
            self.send(HandoffTag::TransmitFloating(Side::Private), mbuf);
        }
    }

    /// A packet for a virtual IP that looks like an answer. What a server would open is reset,
    /// whether it was asked for or not.
    pub(super) fn return_path_answer(&mut self, mbuf: &Mbuf) {
        let Ok(packet) = parse::frame(mbuf.data()) else { return };
        let Some(ip) = packet.ipv4() else { return };
        let answer = match ip.payload {
            Payload::Tcp { tuple, flags, acknowledgment, .. } => {
                if let Some(reset) = build::tcp_reset(mbuf.data(), &packet) {
                    if let Some(reset) = super::copy_in(&self.mempool, &reset) {
                        self.send(HandoffTag::TransmitFloating(Side::Private), reset);
                    }
                }
                if !flags.contains(Flags::ACK) {
                    return;
                }
                Answer {
                    method: Method::Syn,
                    server: tuple.source,
                    server_port: tuple.source_port,
                    to: tuple.destination,
                    port: tuple.destination_port,
                    number: acknowledgment.wrapping_sub(1),
                }
            }
            Payload::IcmpQuery { tuple, is_reply: true } => {
                let header = icmpv4::Header::at(mbuf.data(), usize::from(ip.l4_offset()));
                let Some(Message::EchoReply { identifier, sequence }) =
                    header.map(|header| header.message())
                else {
                    return;
                };
                Answer {
                    method: Method::Echo,
                    server: tuple.source,
                    server_port: identifier,
                    to: tuple.destination,
                    port: identifier,
                    number: u32::from(sequence),
                }
            }
            _ => return,
        };
        let change = self.return_paths.paths.answered(&answer);
        if let Some(change) = change {
            let snapshot: Arc<Snapshot> = self.snapshot.read().clone();
            self.return_path_changed(&snapshot, change);
        }
    }

    fn return_path_changed(&mut self, snapshot: &Snapshot, change: Change) {
        self.observations.set_return_paths(self.return_paths.paths.states());
        snapshot.policy.weights.tell_change();
        let Change { target: Target { id, address, port, from, .. }, before, now } = change;
        let is_down = snapshot.policy.weights.state(id).is_down();
        let gateway = snapshot.policy.hairpin;
        match now {
            ReturnPath::Missing if !is_down => tracing::warn!(
                "{address}:{port} answers nothing that comes from {from}: its answers to clients \
                 do not come back through {gateway}; is that its default route?"
            ),
            ReturnPath::Ok if before == ReturnPath::Missing => {
                tracing::info!("{address}:{port} answers through {gateway} again");
            }
            ReturnPath::Missing | ReturnPath::Ok | ReturnPath::Unknown => {}
        }
    }
}

fn mac(
    neighbours: &crate::neighbour::NeighbourTable,
    snapshot: &Snapshot,
    server: Ipv4Addr,
) -> Option<wire::MacAddress> {
    let hop = snapshot.network(Side::Private).next_hop(server)?;
    neighbours.mac(neighbours.find(Side::Private, hop)?)
}

/// The servers that a configuration has asked.
fn targets(snapshot: &Snapshot) -> impl Iterator<Item = Target> + '_ {
    let private = snapshot.network(Side::Private);
    let asked = |id| snapshot.return_paths.contains(&id);
    let services = snapshot.policy.services.iter();
    let services = services.filter(move |service| asked(service.id));
    services.flat_map(move |service| {
        let tcp = service.listen_of(Protocol::Tcp).map(|listen| (Method::Syn, listen));
        let listen = tcp.or(service.listens.first().map(|listen| (Method::Echo, listen)));
        // From an address on its own link a server's answer proves nothing.
        let listen = listen.filter(|(_, listen)| !private.is_inside(listen.address));
        let target = move |server: &Server<Ipv4Addr>| {
            let (method, listen) = listen?;
            let (id, address, port) = (server.id, server.address, server.port_for(listen.port));
            Some(Target { id, address, port, from: listen.address, method })
        };
        service.all_servers().filter_map(target)
    })
}
