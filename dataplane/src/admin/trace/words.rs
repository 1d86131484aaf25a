//! A journey in words: what a worker took note of, as steps that an operator reads.

use std::cell::OnceCell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use api::{Step, TraceStage};
use nat::Side;
use nat::tcp::State;
use wire::parse::{Ipv4, Network, Payload};
use wire::{FiveTuple, MacAddress, Protocol};

use super::decision::Opening;
use super::summary;
use crate::admin::{Admin, side as told};
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::neighbour::resolver::{Listed, ReachabilityState};
use crate::punt::PuntClass;
use crate::snapshot::Snapshot;
use crate::trace::{Found, Frame, Journey, Sent, Source};

/// What is looked up to put journeys into words.
pub(super) struct Words<'a> {
    pub(super) snapshot: Arc<Snapshot>,
    admin: &'a Admin,
    /// Listed when a next hop is not resolved.
    neighbours: OnceCell<Vec<Listed>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(admin: &'a Admin) -> Self {
        let snapshot = admin.snapshot.read().clone();
        Words { snapshot, admin, neighbours: OnceCell::new() }
    }

    /// The core of a worker.
    pub(super) fn core(&self, worker: usize) -> u32 {
        self.admin.workers.get(worker).map_or(0, |worker| worker.core.into())
    }

    pub(super) fn journey(
        &self,
        worker: usize,
        journey: &Journey,
        time_micros: u64,
    ) -> api::Journey {
        let mut steps = vec![self.arrived(worker, journey)];
        if journey.tag.is_none() {
            steps.extend(self.looked_at(journey));
        }
        steps.extend(self.left(journey));
        api::Journey {
            time_micros,
            core: self.core(worker),
            packet: journey.arrived.ipv4().map(summary::of),
            steps,
        }
    }

    fn arrived(&self, worker: usize, journey: &Journey) -> Step {
        let core = self.core(worker);
        let side = journey.side;
        let (outcome, text) = match (journey.source, journey.tag) {
            (Source::Queue, _) => {
                ("queue", format!("from the {side} NIC, queue of the worker on core {core}"))
            }
            (Source::Worker(other), None) => {
                let other = self.core(other.into());
                ("ring", format!("from the {side} NIC over the worker on core {other}"))
            }
            (Source::Worker(other), Some(_)) => {
                let other = self.core(other.into());
                ("ring", format!("from the worker on core {other}, to be sent on the {side} side"))
            }
            (Source::MainCore, Some(HandoffTag::Undeliverable(_))) => (
                "main_core",
                format!(
                    "back from the main core: its next hop on the {side} side does not answer ARP"
                ),
            ),
            (Source::MainCore, _) => {
                ("main_core", format!("from the main core, to be sent on the {side} side"))
            }
        };
        Step { side: Some(told(side)), ..Step::new(TraceStage::Arrived, outcome, text) }
    }

    /// What was read, found and decided.
    fn looked_at(&self, journey: &Journey) -> Vec<Step> {
        let mut steps = vec![read(journey)];
        let Some(ip) = journey.arrived.ipv4() else { return steps };
        let key = key(ip);
        let has_key = key.is_some();
        steps.extend(key.map(|(key, text)| {
            let text = format!("{text}, from the {} side", journey.side);
            Step::new(TraceStage::Key, key.protocol.to_string(), text)
        }));
        if let Some(found) = &journey.found {
            steps.push(self.found(found));
        } else if has_key && journey.forwards && is_looked_up(journey) {
            steps.push(Step::new(TraceStage::Found, "none", "no connection has this key"));
        }
        steps.extend(self.decided(journey));
        steps
    }

    pub(super) fn found(&self, found: &Found) -> Step {
        let record = &found.record;
        let service = self.snapshot.policy.service_of(record);
        let state = match (record.protocol(), record.state()) {
            (Protocol::Tcp, state) | (_, state @ (State::Unreplied | State::Replied)) => {
                state.name()
            }
            _ => "ASSURED",
        };
        let whose = match service {
            Some(service) => {
                let server = self.server_name(record.server(), service);
                format!("service {}, server {server}", service.name)
            }
            None => record.kind().to_string(),
        };
        let direction = match found.direction {
            nat::Direction::Original => "as its opener sends",
            nat::Direction::Reply => "as replies come",
        };
        let text = format!("connection {state}, {whose}, {direction}");
        Step {
            service: service.map(|service| service.name.clone()),
            server: self.server(record.server()),
            ..Step::new(TraceStage::Found, "known", text)
        }
    }

    fn decided(&self, journey: &Journey) -> Vec<Step> {
        let effects = journey.effects;
        let mut steps = Vec::new();
        let mut note = |outcome: &str, text: &str| {
            steps.push(Step::new(TraceStage::Decided, outcome, text));
        };
        if effects.evicted {
            note("evicts", "the table is full: a connection that was never answered makes room");
        }
        if effects.moved {
            note(
                "moves",
                "its server does not serve any more: the connection ends, and the packet may open another one",
            );
        } else if effects.cut {
            note("cut", "its server is down: both ends of the connection are reset");
        } else if effects.closed && journey.found.is_some() && effects.opened {
            note("reopens", "the client opens the connection anew: the old one ends");
        }
        if effects.opened {
            steps.extend(self.opened(journey));
        } else if journey.frames_sent > 0
            && journey.found.is_some()
            && journey.drops == [None; 2]
            && !effects.cut
        {
            let text = match journey.arrived.is_icmp_error() {
                true => "it goes the way of the connection that it is about",
                false => "it goes on as its connection says",
            };
            steps.push(Step::new(TraceStage::Decided, "known", text));
        } else if journey.arrived.ipv4().is_some_and(is_later_fragment) && journey.frames_sent > 0 {
            let text = "a fragment without ports: it goes the way of the first of its datagram";
            steps.push(Step::new(TraceStage::Decided, "fragment", text));
        }
        steps
    }

    fn opened(&self, journey: &Journey) -> Option<Step> {
        let ip = journey.arrived.ipv4()?;
        let (asked, _) = key(ip)?;
        let Some(Found { record, direction }) = &journey.after else {
            // Its flow has a key that no packet of the client has.
            let service = journey.considered.map(|one| one.service);
            let service = service.and_then(|id| self.snapshot.policy.services.get(id))?;
            let text = format!("service {}: each datagram finds its server anew", service.name);
            let step = Step::new(TraceStage::Decided, service.scheduler.name(), text);
            return Some(Step { service: Some(service.name.clone()), ..step });
        };
        Some(self.opening(&Opening {
            kind: record.kind(),
            service: self.snapshot.policy.service_of(record),
            server: record.server(),
            asked,
            translated: record.translated(*direction),
            direction: *direction,
            considered: journey.considered.as_ref(),
        }))
    }

    /// How it left, if it did.
    fn left(&self, journey: &Journey) -> Vec<Step> {
        let mut steps = Vec::new();
        for reason in journey.drops.iter().flatten() {
            steps.push(self.dropped(*reason, journey));
        }
        for sent in journey.sent.iter().flatten() {
            steps.extend(self.sent(sent, journey));
        }
        let shown = journey.sent.iter().flatten().count();
        let more = usize::from(journey.frames_sent).saturating_sub(shown);
        if more > 0 {
            let text = format!("{more} more frames that came of it");
            steps.push(Step::new(TraceStage::Sent, "more", text));
        }
        if journey.effects.icmp_limited || journey.effects.reset_limited {
            let text = "its sender is told nothing, as it was told often enough lately";
            steps.push(Step::new(TraceStage::Answered, "limited", text));
        }
        if let Some(other) = journey.to_worker {
            let owner = self.core(other.into());
            let text = format!("to the worker on core {owner}, which owns the connection");
            steps.push(Step::new(TraceStage::HandedOff, "owner", text));
        }
        if let Some((class, tag)) = journey.to_main_core {
            steps.push(self.to_main_core(class, tag));
        }
        if journey.is_held() {
            steps.push(held(journey));
        }
        steps
    }

    pub(super) fn dropped(&self, reason: DropReason, journey: &Journey) -> Step {
        let nobody = match reason {
            DropReason::NoServer | DropReason::ServerFull => {
                journey.considered.as_ref().and_then(|considered| self.nobody(considered))
            }
            _ => None,
        };
        drop_step(reason, nobody)
    }

    /// A frame that left: the new addresses, the station, the NIC. An answer of the router has its
    /// own words.
    fn sent(&self, sent: &Sent, journey: &Journey) -> Vec<Step> {
        let Sent { side, frame } = sent;
        let packet = frame.ipv4().map(summary::of);
        let effects = journey.effects;
        let answer = match frame.ipv4().map(|ip| ip.payload) {
            Some(Payload::IcmpError { kind, .. }) if effects.icmp_error => {
                Some(format!("its sender is told: {}", summary::error(kind)))
            }
            Some(Payload::Tcp { flags, .. })
                if (effects.reset || effects.cut) && flags.contains(wire::tcp::Flags::RST) =>
            {
                Some("with a TCP reset".to_owned())
            }
            Some(Payload::IcmpQuery { is_reply: true, .. }) if effects.echo_reply => {
                Some("with an echo reply of the router itself".to_owned())
            }
            _ => None,
        };
        if let Some(text) = answer {
            let step = Step::new(TraceStage::Answered, "router", text);
            return vec![Step { packet, side: Some(told(*side)), ..step }];
        }
        let mut steps = Vec::new();
        let before = journey.arrived.ipv4().map(summary::of);
        if let (Some(packet), true) = (&packet, packet != before) {
            let text = format!("{packet}, ttl {}", packet.ttl);
            let step = Step::new(TraceStage::Rewritten, "translated", text);
            steps.push(Step { packet: Some(packet.clone()), ..step });
        }
        steps.extend(self.next_hop(*side, frame));
        let text = format!("on the {side} side, {} bytes", frame.length);
        let step = Step::new(TraceStage::Sent, side.to_string(), text);
        steps.push(Step { side: Some(told(*side)), ..step });
        steps
    }

    fn next_hop(&self, side: Side, frame: &Frame) -> Option<Step> {
        let mac = frame.packet.as_ref().ok()?.destination_mac;
        let destination = frame.ipv4()?.destination;
        let hop = self.snapshot.network(side).next_hop(destination);
        Some(next_hop(side, hop, destination, mac))
    }

    fn to_main_core(&self, class: PuntClass, tag: HandoffTag) -> Step {
        let class_name =
            class.counters()[0].trim_start_matches("punt_").trim_end_matches("_packets");
        match tag {
            HandoffTag::Resolve(side, hop) => self.unresolved(side, hop),
            HandoffTag::Kernel(_) => {
                let text = format!("for this machine's own kernel, in the class {class_name}");
                Step::new(TraceStage::MainCore, "kernel", text)
            }
            HandoffTag::Arp(_) => {
                let text = format!("ARP, in the class {class_name}");
                Step::new(TraceStage::MainCore, "arp", text)
            }
            HandoffTag::ReturnPath(_) => {
                let text = "a server's answer to the question whether its replies come back here";
                Step::new(TraceStage::MainCore, "return_path", text)
            }
            _ => Step::new(TraceStage::MainCore, class_name, format!("in the class {class_name}")),
        }
    }

    fn neighbour(&self, side: Side, hop: Ipv4Addr) -> Option<&Listed> {
        let list = || self.admin.resolver.lock().list(self.admin.clock.now());
        let neighbours = self.neighbours.get_or_init(list);
        neighbours.iter().find(|one| (one.side, one.address) == (side, hop))
    }

    /// The Ethernet address of a neighbour that packets are sent to now.
    pub(super) fn mac_of(&self, side: Side, hop: Ipv4Addr) -> Option<MacAddress> {
        let known = self.neighbour(side, hop)?;
        let is_usable =
            !matches!(known.state, ReachabilityState::Incomplete | ReachabilityState::Failed);
        known.mac.filter(|_| is_usable)
    }

    /// A packet that waits for its next hop's Ethernet address, and what is known of that one.
    pub(super) fn unresolved(&self, side: Side, hop: Ipv4Addr) -> Step {
        let known = self.neighbour(side, hop);
        let (outcome, state) = match known.map(|one| (one.state, one.age / 1000)) {
            Some((ReachabilityState::Failed, seconds)) => (
                "neighbour_failed",
                format!(
                    "it has not answered ARP for {seconds} s: the packet is dropped or waits in vain"
                ),
            ),
            Some((ReachabilityState::Incomplete, _)) | None => {
                ("resolving", "it is asked by ARP, and the packet waits".to_owned())
            }
            Some(_) => ("resolved", "it has answered since, and the packet goes on".to_owned()),
        };
        let text =
            format!("the Ethernet address of {hop} on the {side} side is not known: {state}");
        let remedy = (outcome == "neighbour_failed")
            .then(|| DropReason::NeighbourFailed.remedy().to_owned());
        Step { remedy, ..Step::new(TraceStage::NextHop, outcome, text) }
    }
}

/// A step that says why nothing more follows.
pub(super) fn drop_step(reason: DropReason, detail: Option<String>) -> Step {
    let text = match detail {
        Some(detail) => format!("{}: {} ({detail})", reason.name(), reason.description()),
        None => format!("{}: {}", reason.name(), reason.description()),
    };
    Step {
        remedy: Some(reason.remedy().to_owned()),
        ..Step::new(TraceStage::Dropped, reason.name(), text)
    }
}

pub(super) fn next_hop(
    side: Side,
    hop: Option<Ipv4Addr>,
    destination: Ipv4Addr,
    mac: MacAddress,
) -> Step {
    let text = match hop {
        Some(hop) if hop != destination => format!("router {hop} on the {side} side, at {mac}"),
        _ => format!("{destination} on the {side} side, at {mac}"),
    };
    Step::new(TraceStage::NextHop, "resolved", text)
}

fn read(journey: &Journey) -> Step {
    let packet = match &journey.arrived.packet {
        Ok(packet) => packet,
        Err(error) => return Step::new(TraceStage::Read, "unreadable", error.to_string()),
    };
    let how = if journey.was_fast { "fast" } else { "slow" };
    let text = match &packet.network {
        Network::Ipv4(ip) => {
            let road = if journey.was_fast { "the fast path" } else { "the slow path, in full" };
            format!("{}, {} bytes, ttl {}, by {road}", summary::of(ip), ip.total_length, ip.ttl)
        }
        Network::Arp(arp) => format!("ARP of {} about {}", arp.sender_ip, arp.target_ip),
        Network::Ipv6 => "IPv6".to_owned(),
        Network::Other(ether_type) => format!("Ethernet type {ether_type}"),
    };
    Step::new(TraceStage::Read, how, text)
}

/// What a packet is looked up by.
fn key(ip: &Ipv4) -> Option<(FiveTuple<Ipv4Addr>, String)> {
    match ip.payload {
        Payload::IcmpError { embedded, .. } => {
            let quoted = embedded.tuple;
            Some((quoted.reversed(), format!("that of the packet it quotes, {quoted}")))
        }
        _ => ip.tuple().map(|tuple| (tuple, tuple.to_string())),
    }
}

fn is_later_fragment(ip: &Ipv4) -> bool {
    matches!(ip.payload, Payload::LaterFragment { .. })
}

/// True unless the packet ended before connections are looked up.
fn is_looked_up(journey: &Journey) -> bool {
    let ends_before = [
        DropReason::Spoofed,
        DropReason::Martian,
        DropReason::IpOption,
        DropReason::Standby,
        DropReason::OtherStation,
        DropReason::Vlan,
        DropReason::NotForUs,
    ];
    let dropped = journey.drops.iter().flatten().any(|reason| ends_before.contains(reason));
    let to_kernel =
        matches!(journey.to_main_core, Some((_, HandoffTag::Kernel(_) | HandoffTag::Arp(_))));
    !dropped && !to_kernel && journey.to_worker.is_none()
}

fn held(journey: &Journey) -> Step {
    let is_fragment = journey.arrived.ipv4().is_some_and(|ip| ip.fragment.is_some());
    let (outcome, text) = match (is_fragment, journey.effects.cut) {
        (true, _) => ("fragment", "it waits for other fragments of its datagram"),
        (_, true) => ("cut", "both ends are reset when there is room"),
        _ => ("none", "nothing came of it on this worker, and nothing was counted"),
    };
    Step::new(TraceStage::Held, outcome, text)
}
