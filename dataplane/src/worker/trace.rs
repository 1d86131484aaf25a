//! Packets that a trace follows ([`crate::trace`]).
//!
//! Each goes through the stages alone, in its place among the others of its burst, and is looked
//! at before and after: what was counted, and what waits to be sent that did not before, is its
//! doing. So no stage knows of traces.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use nat::Side;
use nat::policy::{Destination, Request};
use nat::scheduler::Servers as _;
use nat::service::{Service, View as ServersView};
use nat::table::Key;
use wire::parse::Payload;

use super::flows::Flows;
use super::handoff::Peer;
use super::io::Io;
use super::view::View;
use super::{BURST, burst, handoff};
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::trace::{
    Considered, ConsideredServer, Effects, Found, Frame, Journey, Point, SERVERS, Source, Tracer,
};

/// Brings every packet of a burst to its end, those that a trace follows one by one.
#[cold]
#[inline(never)]
pub(super) fn process(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    source: Source,
    side: Side,
    burst: &mut Burst<BURST>,
    overflows: bool,
) {
    let Some(mut tracer) = io.trace.take() else {
        return burst::process(io, flows, view, side, burst, overflows);
    };
    let followed = select(&mut tracer, view, burst);
    if followed == 0 {
        burst::process(io, flows, view, side, burst, overflows);
        io.trace = Some(tracer);
        return;
    }
    // Those beyond the few strangers that a burst may have can be told from the whole burst alone.
    let refused = match overflows {
        true => burst::refused(io, flows, view, side, burst),
        false => 0,
    };
    let mut others = Burst::<BURST>::new();
    for (at, mbuf) in burst.drain().enumerate() {
        let bit = 1 << at;
        if followed & bit == 0 && refused & bit == 0 {
            // There are no more of them than in a burst.
            drop(others.push(mbuf));
            continue;
        }
        if !others.is_empty() {
            burst::process(io, flows, view, side, &mut others, false);
        }
        let what = if refused & bit != 0 { What::Refuse } else { What::Process };
        if followed & bit != 0 {
            follow(io, flows, view, &mut tracer, Arrived { source, side, tag: None }, mbuf, what);
        } else {
            io.discard(DropReason::Overload);
        }
    }
    if !others.is_empty() {
        burst::process(io, flows, view, side, &mut others, false);
    }
    io.trace = Some(tracer);
}

/// A packet that is only to be sent, or that came back from the main core: followed if the trace
/// wants it.
#[cold]
#[inline(never)]
pub(super) fn take_over(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    source: Source,
    tag: HandoffTag,
    mbuf: Mbuf,
) {
    let Some(mut tracer) = io.trace.take() else {
        return handoff::take_one(io, flows, view, tag, mbuf);
    };
    tracer.follow(view.now);
    let side = tag.side();
    let is_followed = tracer.is_running(view.now)
        && tracer.may_look(1)
        && match tracer.point() {
            Point::Before => {
                let is_selected = tracer.selects(mbuf.data(), mbuf.len());
                tracer.takes(is_selected)
            }
            Point::After | Point::Either => true,
        };
    if is_followed {
        let arrived = Arrived { source, side, tag: Some(tag) };
        follow(io, flows, view, &mut tracer, arrived, mbuf, What::TakeOver(tag));
    } else {
        handoff::take_one(io, flows, view, tag, mbuf);
    }
    io.trace = Some(tracer);
}

/// A bit for each packet to be followed, the first's lowest: those that match as they arrive, and
/// all where only what leaves can tell.
fn select(tracer: &mut Tracer, view: &View, burst: &Burst<BURST>) -> u32 {
    tracer.follow(view.now);
    if !tracer.is_running(view.now) {
        return 0;
    }
    let mut followed = 0;
    let mbufs = burst.as_slice();
    for (at, mbuf) in mbufs.iter().enumerate() {
        if !tracer.may_look(mbufs.len() - at) {
            break;
        }
        let is_followed = match tracer.point() {
            Point::Before => {
                let is_selected = tracer.selects(mbuf.data(), mbuf.len());
                tracer.takes(is_selected)
            }
            Point::After | Point::Either => {
                tracer.spend_on_observing();
                true
            }
        };
        followed |= u32::from(is_followed) << at;
    }
    followed
}

/// How a packet came to this worker.
struct Arrived {
    source: Source,
    side: Side,
    tag: Option<HandoffTag>,
}

/// What is to be done with a packet.
enum What {
    Process,
    TakeOver(HandoffTag),
    Refuse,
}

/// Brings a packet to its end, and takes note of its way if the trace wants it.
fn follow(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    tracer: &mut Tracer,
    arrived: Arrived,
    mbuf: Mbuf,
    what: What,
) {
    let Arrived { source, side, tag } = arrived;
    let mut journey = Journey {
        time: Tsc::now(),
        source,
        side,
        tag,
        arrived: Frame::new(mbuf.data(), mbuf.len()),
        forwards: view.forwards,
        ..Journey::EMPTY
    };
    journey.matched_before = match tracer.point() {
        Point::Before => true,
        Point::After => false,
        Point::Either => tracer.selects(mbuf.data(), mbuf.len()),
    };
    let request = request(&journey.arrived, side).filter(|_| tag.is_none());
    if let Some(request) = &request {
        journey.found = find(flows, request);
        if journey.found.is_none() && request.begins() && !journey.arrived.is_icmp_error() {
            journey.considered = consider(flows, view, request);
        }
    }
    let before = Marks::take(io, view);
    match what {
        What::Process => {
            let mut single = Burst::<BURST>::new();
            // An empty one has room.
            drop(single.push(mbuf));
            burst::process(io, flows, view, side, &mut single, false);
        }
        What::TakeOver(tag) => handoff::take_one(io, flows, view, tag, mbuf),
        What::Refuse => io.discard(DropReason::Overload),
    }
    let looks_after = tracer.point() != Point::Before;
    let mut matched_after = false;
    before.compare(io, view, &mut journey, |sent| {
        matched_after |= looks_after && tracer.selects(sent.data(), sent.len());
    });
    journey.matched_after = matched_after;
    if let Some(request) = &request {
        journey.after = find(flows, request);
    }
    if looks_after {
        let is_selected = journey.matched_before || journey.matched_after;
        if !tracer.takes(is_selected) {
            return;
        }
    } else {
        tracer.spend_on_observing();
    }
    tracer.keep(&journey);
}

/// What would be looked up of a packet, and asked for if nothing is found. An ICMP error belongs to
/// the connection of the packet that it quotes.
fn request(frame: &Frame, side: Side) -> Option<Request<Ipv4Addr>> {
    let ip = frame.ipv4()?;
    let tuple = match ip.payload {
        Payload::IcmpError { embedded, .. } => embedded.tuple.reversed(),
        _ => ip.tuple()?,
    };
    Some(Request {
        key: Key::new(tuple, side),
        flags: ip.payload.segment().flags,
        is_icmp_reply: matches!(ip.payload, Payload::IcmpQuery { is_reply: true, .. }),
        ttl: ip.ttl,
    })
}

pub(super) fn find(flows: &Flows, request: &Request<Ipv4Addr>) -> Option<Found> {
    let table = flows.translator.connections.table();
    let hit = table.look_up(&request.key)?;
    Some(Found { record: *table.get(hit.id)?, direction: hit.direction })
}

/// The servers between which the packet's service chooses, as they are now.
pub(super) fn consider(
    flows: &Flows,
    view: &View,
    request: &Request<Ipv4Addr>,
) -> Option<Considered> {
    let policy = view.policy();
    let Ok(Destination::Service { service, .. }) = policy.route(request) else { return None };
    let client = request.key.tuple().source;
    let remembered = flows.translator.server_of_client(policy, service, client, view.now);
    Some(Considered {
        service: service.id,
        servers: servers(flows, view, service),
        remembered,
        sorry_only: policy.states.is_sorry_only(service.id),
    })
}

fn servers(
    flows: &Flows,
    view: &View,
    service: &Service<Ipv4Addr>,
) -> [Option<ConsideredServer>; SERVERS] {
    let connections = &flows.translator.connections;
    let weights = &view.policy().weights;
    let seen = ServersView::new(service, weights, connections.loads());
    let each = |at: usize| {
        let server = service.servers.get(at)?;
        let has_room = connections.budgets().sees_room(server.id);
        let state = weights.state(server.id);
        Some(ConsideredServer { id: server.id, state, load: seen.load(at), has_room })
    };
    let may_be_chosen =
        |one: &ConsideredServer| one.state.weight() > 0 && one.has_room && !one.state.is_suspect();
    let mut places = [None; SERVERS];
    // Why a server was not chosen is told before who else could have been.
    let (count, mut kept) = (seen.len(), 0);
    for wanted in [false, true] {
        let all = (0..count).filter_map(each).filter(|one| may_be_chosen(one) == wanted);
        for (place, server) in places.iter_mut().skip(kept).zip(all) {
            *place = Some(server);
            kept += 1;
        }
    }
    places
}

/// What a packet's doing is told by.
struct Marks {
    waiting: [usize; 2],
    own: [usize; 2],
    fast: u64,
    counted: [u64; 10],
    drops: [u64; DropReason::COUNT],
}

impl Marks {
    /// As it is before a packet. The ways to others are emptied first, so that what is in them
    /// afterwards is the packet.
    fn take(io: &mut Io, view: &View) -> Self {
        io.flush_handoff();
        io.flush_punt();
        for side in Side::ALL {
            if io.exits[side.index()].waiting.len() > BURST / 2 {
                io.send_waiting(side);
            }
        }
        Marks {
            waiting: [0, 1].map(|side: usize| io.exits[side].waiting.len()),
            own: [0, 1].map(|side: usize| io.exits[side].own.len()),
            fast: view.counters.fast.get(),
            counted: counted(view),
            drops: drops(view),
        }
    }

    /// Writes down what is different.
    fn compare(
        &self,
        io: &Io,
        view: &View,
        journey: &mut Journey,
        mut each_sent: impl FnMut(&Mbuf),
    ) {
        for side in Side::ALL {
            let exit = &io.exits[side.index()];
            let queues = [(&exit.waiting, &self.waiting), (&exit.own, &self.own)];
            for (waiting, before) in queues {
                // Where more came than there was room for, all that waits came since.
                let before = before[side.index()];
                let first = if waiting.len() < before { 0 } else { before };
                for mbuf in waiting.as_slice().iter().skip(first) {
                    each_sent(mbuf);
                    journey.add_sent(side, Frame::new(mbuf.data(), mbuf.len()));
                }
            }
        }
        let given = |peer: &Peer| !peer.waiting.is_empty();
        let to_worker = io.handoff.peers.iter().position(|peer| peer.as_deref().is_some_and(given));
        journey.to_worker = to_worker.and_then(|worker| u16::try_from(worker).ok());
        journey.to_main_core = io.punt.waiting();
        journey.was_fast = view.counters.fast.get() != self.fast;
        for (&reason, (now, before)) in
            DropReason::ALL.iter().zip(drops(view).into_iter().zip(self.drops))
        {
            if now != before {
                journey.add_drop(reason);
            }
        }
        let mut changes = counted(view).into_iter().zip(self.counted).map(|(now, was)| now != was);
        let mut next = || changes.next().unwrap_or(false);
        journey.effects = Effects {
            opened: next(),
            closed: next(),
            evicted: next(),
            moved: next(),
            cut: next(),
            icmp_error: next(),
            icmp_limited: next(),
            reset: next(),
            reset_limited: next(),
            echo_reply: next(),
        };
    }
}

/// In the order of [`Effects`].
fn counted(view: &View) -> [u64; 10] {
    let counters = &view.counters;
    [
        &counters.opened,
        &counters.closed,
        &counters.evicted,
        &counters.moved,
        &counters.cut,
        &counters.icmp_errors,
        &counters.icmp_limited,
        &counters.resets,
        &counters.resets_limited,
        &counters.echoes,
    ]
    .map(crate::counters::Counter::get)
}

fn drops(view: &View) -> [u64; DropReason::COUNT] {
    let mut drops = [0; DropReason::COUNT];
    for (place, &reason) in drops.iter_mut().zip(DropReason::ALL) {
        *place = view.counters.drops.get(reason);
    }
    drops
}
