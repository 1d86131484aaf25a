//! New connections: what `nat` decides about a packet is carried out.
//!
//! What a burst's packets are to open is planned for all of them first: by then the reply's
//! key is known, and its line in the index, which a large table has in memory only, travels
//! while the others are planned. The decision is the one of a packet alone.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::Side;
use nat::policy::Request;
use nat::table::Hit;
use nat::translator::{Decision, Planned, When};
use wire::tcp::{self, Flags, Segment};
use wire::{Protocol, ethernet, flow, parse};

use super::flows::Flows;
use super::io::Io;
use super::packet_state::{Outcome, Outcomes, PacketState, PacketStates};
use super::slow::Arrival;
use super::view::View;
use super::{BURST, answers, echo, forward, private_hosts, return_path, slow};
use crate::drop_reason::DropReason;

/// What the packets of a burst are to open.
pub(super) type Plans = [Planned<Ipv4Addr>; BURST];

/// Ethernet and IPv4 without options: where a plain packet's TCP segment begins.
const SEGMENT: usize = ethernet::HEADER_LENGTH + 20;

/// A packet for which no connection was known.
enum Newcomer {
    /// As the fast path has read it.
    Plain { side: Side, mbuf: Mbuf, state: PacketState },
    /// As the slow path has.
    Parsed(Arrival),
}

/// Plans what the burst's packets open, and asks for the lines that it takes.
pub(super) fn plan_all(
    flows: &mut Flows,
    view: &View,
    states: &PacketStates,
    outcomes: &Outcomes,
) -> Plans {
    let mut plans = [Planned::Nothing; BURST];
    for ((state, outcome), place) in states.iter().zip(outcomes).zip(&mut plans) {
        if *outcome != Outcome::New {
            continue;
        }
        *place = flows.translator.plan(view.policy(), &request(state), When::Ahead, view.now);
        if let Planned::Open(plan) = place {
            let table = flows.translator.connections.table();
            table.prefetch(table.probe(&plan.connection.reply));
        }
    }
    plans
}

/// What the decision looks at of a plain packet. The fast path takes none whose time to live
/// ends here.
fn request(state: &PacketState) -> Request<Ipv4Addr> {
    Request { key: state.key, flags: state.flags, is_icmp_reply: false, ttl: u8::MAX }
}

/// Brings a plain packet of no known connection to its end.
pub(super) fn open_plain(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    mbuf: Mbuf,
    state: &PacketState,
    ahead: &Planned<Ipv4Addr>,
) {
    let request = request(state);
    let is_known = || flows.translator.connections.table().look_up(&state.key).is_some();
    if matches!(ahead, Planned::InTurn) && is_known() {
        // One before it in the burst has opened it.
        return slow::process(io, flows, view, side, mbuf);
    }
    let planned = match ahead {
        Planned::InTurn => &flows.translator.plan(view.policy(), &request, When::InTurn, view.now),
        ahead => ahead,
    };
    let is_plain = match planned {
        // It must be cut, or refused for its size.
        Planned::Open(plan) => state.length <= view.mtus[plan.connection.exit().index()],
        Planned::Decided(_) => false,
        Planned::InTurn | Planned::Nothing => return slow::process(io, flows, view, side, mbuf),
    };
    let newcomer = Newcomer::Plain { side, mbuf, state: *state };
    // What opens nothing is read in full.
    let newcomer = if is_plain { Some(newcomer) } else { newcomer.parsed().map(Newcomer::Parsed) };
    let Some(newcomer) = newcomer else { return io.discard(DropReason::Truncated) };
    let decision = match planned {
        Planned::Open(plan) => {
            flows.translator.decide(view.policy(), &request, Some(plan), view.now)
        }
        Planned::Decided(decision) => *decision,
        Planned::InTurn | Planned::Nothing => return,
    };
    view.counters.slow.add(1);
    carry_out(io, flows, view, newcomer, &request, decision);
}

/// Brings a packet that was read in full, and of no known connection, to its end.
pub(super) fn open_parsed(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    arrival: Arrival,
    request: &Request<Ipv4Addr>,
) {
    let decision = flows.translator.decide(view.policy(), request, None, view.now);
    carry_out(io, flows, view, Newcomer::Parsed(arrival), request, decision);
}

/// Carries out what was decided about a packet.
fn carry_out(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    newcomer: Newcomer,
    request: &Request<Ipv4Addr>,
    decision: Decision,
) {
    if let Decision::Opened { hit, replaced } = decision {
        count_opened(flows, view, hit, replaced);
        if request.flags.is_syn_only() {
            flows.translator.connections.was_asked(hit.id, newcomer.segment(), view.now);
        }
        forward::learn_next_hops(flows, view, hit);
        return send_first(io, flows, view, newcomer, hit);
    }
    let Some(arrival) = newcomer.parsed() else { return io.discard(DropReason::Truncated) };
    match decision {
        Decision::Known(hit) => slow::known(io, flows, view, arrival, request, hit),
        Decision::Router => echo::answer(io, flows, view, arrival),
        Decision::PrivateHost => private_hosts::forward(io, flows, view, arrival),
        Decision::Refused(refusal) if return_path::is_answer(view, request, refusal) => {
            return_path::hand_over(io, view, arrival, request, refusal);
        }
        Decision::Refused(refusal) => answers::refuse(io, view, &arrival, request, refusal),
        // Taken above.
        Decision::Opened { .. } => {}
    }
}

impl Newcomer {
    /// The TCP segment, of a packet of TCP.
    fn segment(&self) -> Segment {
        match self {
            Newcomer::Plain { mbuf, .. } => flow::segment(mbuf.data()),
            Newcomer::Parsed(arrival) => arrival.ip.payload.segment(),
        }
    }

    /// The packet, read in full.
    fn parsed(self) -> Option<Arrival> {
        match self {
            Newcomer::Parsed(arrival) => Some(arrival),
            Newcomer::Plain { side, mbuf, .. } => {
                let packet = parse::frame(mbuf.data()).ok()?;
                let ip = *packet.ipv4()?;
                Some(Arrival { mbuf, packet, ip, side })
            }
        }
    }
}

/// Counts a new connection.
fn count_opened(flows: &Flows, view: &View, hit: Hit, replaced: bool) {
    let connections = &flows.translator.connections;
    view.counters.opened.add(1);
    let evicted = connections.evicted() - view.counters.evicted.get();
    view.counters.evicted.add(evicted);
    view.counters.closed.add(u64::from(replaced) + evicted);
    view.counters.connections.set(connections.table().len() as u64);
    if let Some(record) = connections.table().get(hit.id) {
        if let Some(server) = view.counters.server(record.server()) {
            server.opened().add(1);
        }
    }
}

/// Sends the first packet of a connection on.
fn send_first(io: &mut Io, flows: &mut Flows, view: &View, newcomer: Newcomer, hit: Hit) {
    let Some(forwarding) = flows.translator.connections.peek(hit) else {
        return io.discard(DropReason::NoConnection);
    };
    let length = match &newcomer {
        Newcomer::Plain { state, .. } => state.length,
        Newcomer::Parsed(arrival) => arrival.ip.total_length,
    };
    view.servers().count(forwarding.server, forwarding.direction, length);
    let (mut mbuf, state) = match newcomer {
        Newcomer::Parsed(arrival) => {
            return forward::forward(io, flows, view, arrival, hit, forwarding);
        }
        Newcomer::Plain { mbuf, state, .. } => (mbuf, state),
    };
    let exit = forwarding.exit;
    if state.key.protocol() == Protocol::Tcp && state.flags.contains(Flags::SYN) {
        let end = ethernet::HEADER_LENGTH + usize::from(state.length);
        if let Some(segment) = mbuf.data_mut().get_mut(SEGMENT..end) {
            tcp::clamp_mss(segment, view.snapshot.interface(exit).mss);
        }
    }
    match view.addresses(exit, forwarding.next_hop) {
        Some(link) => {
            flow::rewrite(mbuf.data_mut(), &forwarding.rewrite, link);
            io.transmit(exit, mbuf);
        }
        None => {
            let link = view.senders[exit.index()].to_nobody();
            flow::rewrite(mbuf.data_mut(), &forwarding.rewrite, link);
            forward::resolve(io, view, exit, forwarding.rewrite.destination, mbuf);
        }
    }
}

/// Closes a connection before its time.
pub(super) fn close(flows: &mut Flows, view: &View, id: nat::table::ConnectionId) {
    let connections = &mut flows.translator.connections;
    if connections.close(id).is_none() {
        return;
    }
    view.counters.closed.add(1);
    view.counters.connections.set(connections.table().len() as u64);
}
