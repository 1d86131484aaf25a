//! What would become of a packet, in the words of a trace.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use api::{Explain, Explanation, Failure, FailureKind, PacketSummary, Step, TraceStage};
use nat::connection::NewConnection;
use nat::policy::{Answer as Told, Refusal, Request};
use nat::table::Key;
use nat::translator::Preview;
use nat::{Direction, Side};
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

use super::decision::Opening;
use super::summary;
use super::words::{Words, drop_step, next_hop};
use crate::admin::{Admin, side as told};
use crate::drop_reason::DropReason;
use crate::trace::{Answered, Considered, Question};

/// Bytes of the packet that is asked about, and its hops.
const LENGTH: u16 = 60;
const TTL: u8 = 64;

impl Admin {
    /// Asks the worker that would have the packet.
    pub(in crate::admin) fn explain(&self, explain: &Explain) -> Result<Explanation, Failure> {
        let tuple = tuple(explain)?;
        let words = Words::new(self);
        let side = match explain.side {
            Some(api::Side::Public) => Side::Public,
            Some(api::Side::Private) => Side::Private,
            None if words.snapshot.network(Side::Private).is_inside(tuple.source) => Side::Private,
            None => Side::Public,
        };
        let worker = self.worker_of(&words, side, &tuple);
        let flags = if tuple.protocol == Protocol::Tcp { Flags::SYN } else { Flags::EMPTY };
        let request = Request { key: Key::new(tuple, side), flags, is_icmp_reply: false, ttl: TTL };
        let question = Box::new(Question { request, answered: None });
        let handle = self.workers.get(worker).ok_or_else(nobody)?;
        let question = self.orders.lock().explain(handle, question)?;
        let answered = question.answered.ok_or_else(nobody)?;
        let mut steps = vec![arrives(side, words.core(worker))];
        steps.extend(words.answered(&tuple, &answered));
        Ok(Explanation {
            generation: words.snapshot.generation,
            core: words.core(worker),
            packet: packet(&tuple, flags),
            steps,
        })
    }

    /// The number of the worker that owns the connections of a packet.
    fn worker_of(&self, words: &Words<'_>, side: Side, tuple: &FiveTuple<Ipv4Addr>) -> usize {
        if self.workers.len() == 1 {
            return 0;
        }
        match side {
            Side::Public => self.sharing.owner(tuple.source),
            Side::Private if words.snapshot.policy.is_floating(tuple.destination) => 0,
            Side::Private => self.sharing.owner(tuple.destination),
        }
    }
}

fn nobody() -> Failure {
    Failure::new(FailureKind::Internal, "no worker has answered the question")
}

fn tuple(explain: &Explain) -> Result<FiveTuple<Ipv4Addr>, Failure> {
    let malformed = |message: String| Failure::new(FailureKind::Malformed, message);
    let protocol = match explain.protocol.as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        other => {
            return Err(malformed(format!(
                "\"{other}\" is no protocol that is translated; there are tcp, udp and icmp"
            )));
        }
    };
    let v4 = |end: &SocketAddr| match end.ip() {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(address) => {
            Err(malformed(format!("{address} is an IPv6 address, and IPv4 alone is forwarded")))
        }
    };
    Ok(FiveTuple {
        source: v4(&explain.source)?,
        destination: v4(&explain.destination)?,
        source_port: Port::new(explain.source.port()),
        destination_port: Port::new(explain.destination.port()),
        protocol,
    })
}

fn packet(tuple: &FiveTuple<Ipv4Addr>, flags: Flags) -> PacketSummary {
    let (source_port, destination_port) = summary::ports(*tuple);
    PacketSummary {
        source: tuple.source.into(),
        destination: tuple.destination.into(),
        source_port,
        destination_port,
        protocol: tuple.protocol.to_string(),
        detail: match tuple.protocol {
            Protocol::Tcp => Some(flags.to_string()),
            Protocol::Udp => None,
            Protocol::Icmp => Some("echo request".to_owned()),
        },
        length: LENGTH,
        ttl: TTL,
    }
}

fn arrives(side: Side, core: u32) -> Step {
    let text = format!("on the {side} side; the worker on core {core} has its connections");
    let step = Step::new(TraceStage::Arrived, "queue", text);
    Step { side: Some(told(side)), ..step }
}

impl Words<'_> {
    fn answered(&self, tuple: &FiveTuple<Ipv4Addr>, answered: &Answered) -> Vec<Step> {
        let decided = |outcome: &str, text: &str| Step::new(TraceStage::Decided, outcome, text);
        match answered {
            Answered::Dropped(reason) => vec![drop_step(*reason, None)],
            Answered::Kernel => vec![Step::new(
                TraceStage::MainCore,
                "kernel",
                "it is for this machine's own address: the kernel gets it",
            )],
            Answered::PrivateHost => {
                let text = "from one private host to another: it is forwarded as it is, and its \
                            sender told of the better way";
                let mut steps = vec![decided("private_host", text)];
                steps.extend(self.way(Side::Private, tuple.destination));
                steps
            }
            Answered::Known { found, is_stale, is_cut } => {
                let mut steps = vec![self.found(found)];
                if *is_cut {
                    let text = "its server is down: both ends of the connection would be reset";
                    steps.push(decided("cut", text));
                } else if *is_stale {
                    let text = "its server, service or address is gone, down or suspect: the \
                                connection would end, and be opened anew with another choice";
                    steps.push(decided("moves", text));
                } else {
                    let translated = found.record.translated(found.direction);
                    steps.push(decided("known", "it would go on as its connection says"));
                    steps.push(rewritten(&translated));
                    steps.extend(
                        self.way(found.record.exit(found.direction), translated.destination),
                    );
                }
                steps
            }
            Answered::New { preview, considered, answer } => {
                let none = Step::new(TraceStage::Found, "none", "no connection has this key");
                let mut steps = vec![none];
                steps.extend(self.previewed(tuple, preview, considered.as_ref(), *answer));
                steps
            }
        }
    }

    fn previewed(
        &self,
        tuple: &FiveTuple<Ipv4Addr>,
        preview: &Preview,
        considered: Option<&Considered>,
        answer: Option<Told>,
    ) -> Vec<Step> {
        let decided = |outcome: &str, text: &str| Step::new(TraceStage::Decided, outcome, text);
        match preview {
            Preview::Known(_) => {
                vec![decided(
                    "known",
                    "it belongs to a connection that is remembered by another key",
                )]
            }
            Preview::Router => {
                vec![Step::new(
                    TraceStage::Answered,
                    "router",
                    "with an echo reply of the router itself",
                )]
            }
            Preview::PrivateHost => {
                vec![decided("private_host", "it goes to another private host as it is")]
            }
            Preview::Refused(refusal) => self.refused(*refusal, considered, answer),
            Preview::Opens { connection, replaces, evicts } => {
                let mut steps = Vec::new();
                if *evicts {
                    let text =
                        "the table is full: a connection that was never answered would make room";
                    steps.push(decided("evicts", text));
                }
                if replaces.is_some() {
                    let text =
                        "all ports are taken: a connection that has been closed would end for it";
                    steps.push(decided("replaces", text));
                }
                steps.extend(self.would_open(tuple, connection, considered));
                steps
            }
        }
    }

    fn would_open(
        &self,
        asked: &FiveTuple<Ipv4Addr>,
        connection: &NewConnection<Ipv4Addr>,
        considered: Option<&Considered>,
    ) -> Vec<Step> {
        // A packet leaves as the replies to it arrive, turned round.
        let (translated, exit) = match connection.direction {
            Direction::Original => (connection.reply.tuple().reversed(), connection.reply.side()),
            Direction::Reply => {
                (connection.original.tuple().reversed(), connection.original.side())
            }
        };
        let services = &self.snapshot.policy.services;
        let mut steps = vec![self.opening(&Opening {
            kind: connection.kind,
            service: services.get(connection.service),
            server: connection.server,
            asked: *asked,
            translated,
            direction: connection.direction,
            considered,
        })];
        steps.push(rewritten(&translated));
        steps.extend(self.way(exit, translated.destination));
        steps
    }

    fn refused(
        &self,
        refusal: Refusal,
        considered: Option<&Considered>,
        answer: Option<Told>,
    ) -> Vec<Step> {
        let nobody = match refusal {
            Refusal::NoServer | Refusal::ServerFull => considered.and_then(|one| self.nobody(one)),
            _ => None,
        };
        let mut steps = vec![drop_step(DropReason::from(refusal), nobody)];
        let text = match answer {
            None | Some(Told::Silence) => "its sender would be told nothing",
            Some(Told::Reset) => "with a TCP reset",
            Some(Told::NetworkUnreachable) => "its sender would be told: network unreachable",
            Some(Told::HostUnreachable) => "its sender would be told: host unreachable",
            Some(Told::PortUnreachable) => "its sender would be told: port unreachable",
            Some(Told::Prohibited) => "its sender would be told: administratively prohibited",
            Some(Told::TimeExceeded) => "its sender would be told: time exceeded",
        };
        let outcome =
            if answer.is_none_or(|told| told == Told::Silence) { "silence" } else { "router" };
        steps.push(Step::new(TraceStage::Answered, outcome, text));
        steps
    }

    /// The next hop, and that it would be sent, as far as the next hop is known.
    fn way(&self, exit: Side, destination: Ipv4Addr) -> Vec<Step> {
        let Some(hop) = self.snapshot.network(exit).next_hop(destination) else {
            return vec![drop_step(DropReason::NoRoute, None)];
        };
        let Some(mac) = self.mac_of(exit, hop) else { return vec![self.unresolved(exit, hop)] };
        let text = format!("on the {exit} side");
        let sent = Step::new(TraceStage::Sent, exit.to_string(), text);
        let sent = Step { side: Some(told(exit)), ..sent };
        vec![next_hop(exit, Some(hop), destination, mac), sent]
    }
}

fn rewritten(tuple: &FiveTuple<Ipv4Addr>) -> Step {
    Step::new(TraceStage::Rewritten, "translated", tuple.to_string())
}
