//! The fast path: a burst of packets of known connections, in stages.
//!
//! Each stage goes over the whole burst before the next begins, so that the cache lines
//! that a stage asks for arrive while it still asks for the others', and so that no packet
//! waits for the steps of the one before it:
//!
//! 1. read: headers to key;
//! 2. hash: key to probe; ask for the index line;
//! 3. match: tags to a candidate record; ask for it;
//! 4. forward: confirm, rewrite;
//! 5. dispatch: the burst to the transmit burst of its side.
//!
//! Whatever is not a plain packet of a known connection opens one in the last stage (open.rs)
//! or goes to the slow path; it is a whole burst that goes to one side nearly always.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use nat::connection::Forwarding;
use nat::table::{Candidate, Key};
use nat::translator::Planned;
use nat::{Connections, Instant, Side};
use wire::ethernet;
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use super::flows::Flows;
use super::io::Io;
use super::open::{self, Plans};
use super::packet_state::{Outcome, Outcomes, PacketState, PacketStates};
use super::view::View;
use super::{BURST, capture, handoff, link, pressure, slow};
use crate::counters::Servers;
use crate::drop_reason::DropReason;
use crate::neighbour::{NeighbourReader, Sender};
use crate::stage::Stage;

/// What the fourth stage needs to send packets out on one side: taken out of the worker once,
/// so that no packet goes through it to get there.
struct Forwarder<'a> {
    connections: &'a mut Connections<Ipv4Addr>,
    neighbours: NeighbourReader<'a>,
    servers: Servers<'a>,
    exit: Side,
    sender: Sender,
    mtu: u16,
    epoch: u16,
    now: Instant,
}

impl Forwarder<'_> {
    /// Translates one packet if its candidate is its connection and everything about its way
    /// is known. False leaves all as it was.
    #[inline(always)]
    fn forward(&mut self, mbuf: &mut Mbuf, state: &PacketState) -> bool {
        let PacketState { key, candidate, flags, length, .. } = state;
        let Some(mut hit) = self.connections.fast_hit(*candidate, key, self.epoch) else {
            return false;
        };
        if !hit.leaves_on(self.exit) || *length > self.mtu {
            return false;
        }
        let Some(link) = self.neighbours.addresses(hit.next_hop(), self.sender) else {
            return false;
        };
        if !hit.pass(*flags, || flow::segment(mbuf.data()), self.now) {
            return false;
        }
        self.servers.count(hit.server(), hit.direction(), *length);
        flow::rewrite(mbuf.data_mut(), hit, link)
    }
}

/// Brings every packet of the burst to its end. They came in on `side`.
/// Their source may hold more packets than the worker takes.
#[inline(always)]
pub(super) fn process(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    overflows: bool,
) {
    if io.capture.is_running() {
        return capture::process(io, flows, view, side, burst, overflows);
    }
    process_stages(io, flows, view, side, burst, overflows);
}

/// The same for packets of which copies are not to be made, or have been.
#[inline(never)]
pub(super) fn process_stages(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    overflows: bool,
) {
    if !view.forwards {
        return process_standby(io, flows, view, side, burst);
    }
    let mut states = [PacketState::UNREAD; BURST];
    if io.checks_ip[side.index()] {
        read::<true>(view, side, burst, &mut states);
    } else {
        read::<false>(view, side, burst, &mut states);
    }
    if !io.handoff.is_alone() {
        handoff::share_out(io, view, side, burst, &mut states);
    }
    let count = burst.len();
    let connections = &flows.translator.connections;
    hash(connections, states.get_mut(..count).unwrap_or_default());
    io.timer.lap(Stage::Read);
    match_tags(connections, states.get_mut(..count).unwrap_or_default());
    io.timer.lap(Stage::Match);
    let exit = side.other();
    let missed = forward_all(flows, view, exit, burst, &states);
    io.timer.lap(Stage::Forward);
    if missed == 0 {
        view.counters.fast.add(count as u64);
        io.transmit_all(exit, burst);
        return io.timer.lap(Stage::Transmit);
    }
    dispatch(io, flows, view, side, burst, &states, missed, overflows);
    io.timer.lap(Stage::Dispatch);
}

/// A bit for each packet of a burst that [`process`] would refuse, as its source overflows; the
/// burst stays. For whoever takes bursts apart.
#[cold]
pub(super) fn refused(
    io: &Io,
    flows: &Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
) -> u32 {
    let (mut states, mut outcomes) = ([PacketState::UNREAD; BURST], [Outcome::Slow; BURST]);
    if !view.forwards {
        return 0;
    }
    read::<false>(view, side, burst, &mut states);
    let table = flows.translator.connections.table();
    for (state, outcome) in states.iter().zip(&mut outcomes).filter(|(state, _)| state.is_plain) {
        let tuple = state.key.tuple();
        let is_own = io.handoff.is_alone()
            || handoff::owner(io, view, side, tuple.source, tuple.destination) == io.handoff.index;
        *outcome = match table.look_up(&state.key) {
            Some(_) if is_own => Outcome::Out(side.other()),
            None if is_own => Outcome::New,
            _ => Outcome::Slow,
        };
    }
    pressure::refuse_strangers(view, side, &states, &mut outcomes);
    let bits = outcomes.iter().enumerate();
    bits.fold(0, |bits, (at, outcome)| bits | u32::from(*outcome == Outcome::Refused) << at)
}

/// What a standby does with a burst: ARP and this machine's own packets take the slow
/// path as ever, and there the others end.
#[cold]
#[inline(never)]
fn process_standby(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
) {
    for mut mbuf in burst.drain() {
        link::strip_priority_tags(&mut mbuf);
        slow::process(io, flows, view, side, mbuf);
    }
}

/// Headers to keys. Where the NIC looks at IP checksums, those that it has found right
/// are not looked at again.
#[inline(never)]
fn read<const CHECKED: bool>(
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    states: &mut PacketStates,
) {
    let (own, floating) = (view.macs[side.index()], view.floating_macs[side.index()]);
    for mbuf in burst.as_slice() {
        mbuf.prefetch_data();
    }
    for (mbuf, state) in burst.as_mut_slice().iter_mut().zip(states) {
        let is_right = CHECKED && mbuf.has_right_ip_checksum();
        let read = flow::read_checked(mbuf.data(), mbuf.len(), is_right);
        let Ok(flow) = read.or_else(|_| link::read_untagged(mbuf, is_right)) else { continue };
        let Flow { tuple, tcp_flags, length } = flow;
        if !link::trim(mbuf, ethernet::HEADER_LENGTH + usize::from(length)) {
            continue;
        }
        let Some(start) = mbuf.data().first_chunk() else { continue };
        if !own.is_destination_of(start) && !floating.is_destination_of(start) {
            continue;
        }
        state.key = Key::new(tuple, side);
        state.length = length;
        state.flags = tcp_flags;
        state.is_plain = true;
    }
}

#[inline(never)]
fn hash(connections: &Connections<Ipv4Addr>, states: &mut [PacketState]) {
    let table = connections.table();
    for state in states {
        state.probe = table.probe(&state.key);
        table.prefetch(state.probe);
    }
}

#[inline(never)]
fn match_tags(connections: &Connections<Ipv4Addr>, states: &mut [PacketState]) {
    let table = connections.table();
    for state in states {
        state.candidate = table.candidate(state.probe);
        if state.candidate == Candidate::NONE {
            state.candidate = find_beyond(connections, state);
        }
        table.prefetch_record(state.candidate);
    }
}

/// The candidate of a packet whose first bucket has no entry with its tag: in its second
/// bucket, or there is none.
#[cold]
#[inline(never)]
fn find_beyond(connections: &Connections<Ipv4Addr>, state: &PacketState) -> Candidate {
    let found = state.is_plain.then(|| connections.table().find(&state.key)).flatten();
    found.unwrap_or(Candidate::NONE)
}

/// Translates what is to leave on this side, all but a few. A bit for each other packet,
/// the first's lowest.
#[inline(never)]
fn forward_all(
    flows: &mut Flows,
    view: &View,
    exit: Side,
    burst: &mut Burst<BURST>,
    states: &PacketStates,
) -> u32 {
    let mut forwarder = Forwarder {
        connections: &mut flows.translator.connections,
        neighbours: view.neighbours.reader(),
        servers: view.servers(),
        exit,
        sender: view.senders[exit.index()],
        mtu: view.mtus[exit.index()],
        epoch: view.epoch,
        now: view.now,
    };
    let mut missed = 0;
    for (at, (mbuf, state)) in burst.as_mut_slice().iter_mut().zip(states).enumerate() {
        if !forwarder.forward(mbuf, state) {
            missed |= 1 << at;
        }
    }
    missed
}

/// The outcome of a packet that the forward stage left as it was. It translates what leaves
/// on the side where it came in, and the few whose entry is not the first with their tag.
fn forward_missed(flows: &mut Flows, view: &View, mbuf: &mut Mbuf, state: &PacketState) -> Outcome {
    if !state.is_plain {
        return Outcome::Slow;
    }
    if state.candidate == Candidate::NONE {
        return Outcome::New;
    }
    let connections = &mut flows.translator.connections;
    let Some(hit) = connections.table().look_up(&state.key) else { return Outcome::New };
    // A SYN may open the connection anew, elsewhere.
    if state.flags.contains(Flags::SYN) || !connections.is_current(hit, view.epoch) {
        return Outcome::Slow;
    }
    let Some(Forwarding { exit, next_hop, .. }) = connections.peek(hit) else {
        return Outcome::Slow;
    };
    let link = view.addresses(exit, next_hop);
    let Some(link) = link.filter(|_| state.length <= view.mtus[exit.index()]) else {
        return Outcome::Slow;
    };
    let segment = flow::segment(mbuf.data());
    let Some(forwarding) = connections.pass(hit, segment, view.now) else {
        return Outcome::Slow;
    };
    view.servers().count(forwarding.server, forwarding.direction, state.length);
    flow::rewrite(mbuf.data_mut(), &forwarding.rewrite, link);
    Outcome::Out(exit)
}

/// Sends on a burst that is not all of known connections.
#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "a stage takes what it touches")]
fn dispatch(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    states: &PacketStates,
    missed: u32,
    overflows: bool,
) {
    let exit = side.other();
    let count = burst.len();
    let mut outcomes = [Outcome::Out(exit); BURST];
    let places = states.iter().zip(&mut outcomes).enumerate();
    for (mbuf, (at, (state, outcome))) in burst.as_mut_slice().iter_mut().zip(places) {
        if missed & 1 << at != 0 {
            *outcome = forward_missed(flows, view, mbuf, state);
        }
    }
    if outcomes == [Outcome::Out(exit); BURST] {
        view.counters.fast.add(count as u64);
        return io.transmit_all(exit, burst);
    }
    if overflows {
        let outcomes = outcomes.get_mut(..count).unwrap_or_default();
        pressure::refuse_strangers(view, side, states, outcomes);
    }
    let plans = match outcomes.contains(&Outcome::New) {
        true => open::plan_all(flows, view, states, &outcomes),
        false => [Planned::Nothing; BURST],
    };
    dispatch_each(io, flows, view, side, burst, states, &outcomes, &plans);
}

#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "a stage takes what it touches")]
fn dispatch_each(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    states: &PacketStates,
    outcomes: &Outcomes,
    plans: &Plans,
) {
    let mut fast = 0;
    let each = burst.drain().zip(states.iter().zip(outcomes).zip(plans));
    for (mbuf, ((state, outcome), plan)) in each {
        match *outcome {
            Outcome::Out(exit) => {
                io.transmit(exit, mbuf);
                fast += 1;
            }
            Outcome::Refused => io.discard(DropReason::Overload),
            Outcome::New => open::open_plain(io, flows, view, side, mbuf, state, plan),
            Outcome::Slow => slow::process(io, flows, view, side, mbuf),
        }
    }
    view.counters.fast.add(fast);
}
