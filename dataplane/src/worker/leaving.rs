//! Connections of servers that are down, where they are not to stay, and connections that are cut.
//!
//! A walk over the table, some records in each poll, has their packets come by the slow path.
//! There a UDP flow opens anew with its client's next packet. A TCP connection that is cut is
//! reset at both ends with the next segment of either: its sender by a reset with the number that
//! it acknowledges, and its receiver by one with the number that it waits for, since the record
//! knows half of each number only, and a reset that is a little off is not taken (RFC 5961
//! section 3.2). So that this happens at once, the walk asks the ends for a segment as a
//! keep-alive does. Connections that an operator has ended (kill.rs) are cut in the same way.

use nat::policy::{Departure, Request};
use nat::table::{ConnectionId, Hit, Record};
use nat::{Direction, Instant, Side};
use std::net::Ipv4Addr;
use wire::tcp::{Flags, Segment};
use wire::{FiveTuple, build};

use super::flows::Flows;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{forward, open};
use crate::drop_reason::DropReason;
use crate::rate::TokenBucket;

/// Records that the walk looks at in one poll.
const STEP: usize = 64;
/// Connections whose ends are asked in one poll.
const CUTS: usize = 8;
/// Connections a second whose ends are asked.
const CUTS_A_SECOND: u32 = 50_000;
/// Walks over the table for a server that has gone down: a question may be lost.
const WALKS: u32 = 3;
/// Milliseconds between them.
const PAUSE: u64 = 1000;

/// Where the walk is.
pub(super) struct Departures {
    /// How many servers had gone down when it was begun.
    seen: u64,
    forwards: bool,
    /// The record with which it goes on.
    at: Option<usize>,
    /// How often it is to begin again, and when.
    again: u32,
    next: Instant,
    /// It has found connections to cut.
    has_cut: bool,
    /// How many connections are cut, also those that an operator ends.
    pub(super) limit: TokenBucket,
}

/// Goes on with the walk if there is one to do; returns how many records it has looked at.
#[inline(always)]
pub(super) fn follow(io: &mut Io, flows: &mut Flows, view: &View) -> usize {
    let downs = view.policy().weights.downs();
    let departures = &mut flows.departures;
    if departures.seen != downs || departures.forwards != view.forwards {
        departures.begin(downs, view.forwards);
    }
    if departures.at.is_none() && departures.again == 0 {
        return 0;
    }
    walk(io, flows, view)
}

impl Departures {
    pub(super) fn new(now: Instant) -> Self {
        Departures {
            seen: 0,
            forwards: false,
            at: None,
            again: 0,
            next: now,
            has_cut: false,
            limit: TokenBucket::new(CUTS_A_SECOND, now),
        }
    }

    /// Another configuration may want connections of servers that are down to be cut.
    pub(super) fn look_again(&mut self) {
        if self.seen > 0 {
            self.seen = u64::MAX;
        }
    }

    /// A standby leaves its connections to the active machine, and looks at them when it becomes
    /// active.
    #[cold]
    fn begin(&mut self, downs: u64, forwards: bool) {
        (self.seen, self.forwards, self.has_cut) = (downs, forwards, false);
        (self.at, self.again) =
            if forwards && downs > 0 { (Some(0), WALKS - 1) } else { (None, 0) };
    }
}

#[cold]
fn walk(io: &mut Io, flows: &mut Flows, view: &View) -> usize {
    let departures = &mut flows.departures;
    let Some(start) = departures.at else {
        if view.now >= departures.next {
            departures.again -= 1;
            (departures.at, departures.has_cut) = (Some(0), false);
        }
        return 0;
    };
    if !departures.limit.has_token(view.now) {
        return STEP;
    }
    let (mut found, mut count) = ([None; CUTS], 0);
    let policy = view.policy();
    let next = flows.translator.connections.leave(
        start,
        STEP,
        |record| policy.departure(record),
        |id| {
            if let Some(place) = found.get_mut(count) {
                *place = Some(id);
                count += 1;
            }
            count < CUTS
        },
    );
    let departures = &mut flows.departures;
    departures.at = next;
    departures.has_cut |= count > 0;
    if next.is_none() {
        departures.next = Instant::from_millis(view.now.millis() + PAUSE);
        if !departures.has_cut {
            departures.again = 0;
        }
    }
    for id in found.into_iter().flatten() {
        flows.departures.limit.take(view.now);
        ask_ends(io, flows, view, id);
    }
    STEP
}

/// Asks both ends for a segment.
pub(super) fn ask_ends(io: &mut Io, flows: &mut Flows, view: &View, id: ConnectionId) {
    for direction in [Direction::Original, Direction::Reply] {
        let Some(probe) = flows.translator.connections.probe(id, direction) else { continue };
        send(io, flows, view, probe.exit, probe.tuple, probe.segment);
    }
}

/// True for a packet of a connection that is cut.
pub(super) fn is_cut(flows: &Flows, view: &View, hit: Hit) -> bool {
    let record = flows.translator.connections.table().get(hit.id);
    record.is_some_and(|record| {
        record.is_killed() || view.policy().departure(record) == Departure::IsCut
    })
}

/// Resets both ends of a connection, one of which has sent this segment.
pub(super) fn cut(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    arrival: Arrival,
    request: &Request<Ipv4Addr>,
    hit: Hit,
) {
    if request.flags.is_syn_only() && hit.direction == Direction::Original {
        open::close(flows, view, hit.id);
        return open::open_parsed(io, flows, view, arrival, request);
    }
    let segment = arrival.ip.payload.segment();
    let table = flows.translator.connections.table();
    let is_killed = table.get(hit.id).is_some_and(Record::is_killed);
    if let Some(reset) = build::tcp_reset(arrival.mbuf.data(), &arrival.packet) {
        send_frame(io, arrival.side, &reset);
    }
    if flows.translator.connections.cut(hit.id, view.now) {
        if !is_killed {
            view.counters.cut.add(1);
        }
        let Some(record) = flows.translator.connections.table().get(hit.id) else { return };
        let (exit, tuple) = (record.exit(hit.direction), record.translated(hit.direction));
        let flags = Flags::RST | segment.flags & Flags::ACK;
        send(io, flows, view, exit, tuple, Segment { flags, ..segment });
    }
    io.discard(if is_killed { DropReason::Killed } else { DropReason::ServerDown });
}

/// Sends a segment of the router's own in the name of an end.
fn send(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    exit: Side,
    tuple: FiveTuple<Ipv4Addr>,
    segment: Segment,
) {
    let hop = forward::find_hop(flows, view, exit, tuple.destination);
    let Some(mac) = view.neighbours.receiver(hop) else { return };
    if let Some(frame) = build::tcp_segment([view.macs[exit.index()], mac], tuple, segment) {
        send_frame(io, exit, &frame);
    }
}

fn send_frame(io: &mut Io, exit: Side, frame: &[u8]) {
    let Some(mut mbuf) = io.mempool.alloc() else { return };
    if let Some(room) = mbuf.append(frame.len()) {
        room.copy_from_slice(frame);
        io.transmit(exit, mbuf);
    }
}
