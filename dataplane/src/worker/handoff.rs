//! Packets between workers.
//!
//! A connection belongs to the worker that the hash of its remote address names
//! ([`Sharing`]); NAT never changes that address, so both directions name the same worker. A
//! packet that comes in elsewhere goes there over a ring with one writer and one reader.

use std::net::Ipv4Addr;
use std::sync::Arc;

use capture::Ending;
use crossbeam::utils::CachePadded;
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::port::RssKey;
use dpdk::ring::{Consumer, Producer};
use nat::Side;

use super::BURST;
use super::flows::Flows;
use super::io::Io;
use super::packet_state::{PacketState, PacketStates};
use super::view::View;
use super::{burst, icmp, trace};
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::trace::Source;

pub use crate::sharing::Sharing;

/// The way to one other worker.
pub struct Peer {
    /// The ring to it.
    pub ring: Producer,
    /// What waits to be put into the ring.
    pub waiting: Burst<BURST>,
}

/// The ways to and from all other workers.
pub struct Handoff {
    /// By number of the worker; `None` at the own one. What waits there is written for each
    /// packet, so it shares no cache line with what other threads write.
    pub peers: Vec<Option<CachePadded<Peer>>>,
    /// The rings from the others.
    pub from: Vec<Consumer>,
    /// The own number.
    pub index: usize,
    /// Who owns which connection.
    pub sharing: Arc<Sharing>,
}

impl Handoff {
    /// Of a worker without others.
    pub fn alone() -> Self {
        let sharing = Sharing::new(RssKey::from_random(0), 1, Sharing::PLACES);
        Handoff { peers: vec![None], from: Vec::new(), index: 0, sharing: Arc::new(sharing) }
    }

    /// The worker that owns connections with this remote address.
    #[inline(always)]
    pub fn owner(&self, remote: Ipv4Addr) -> usize {
        self.sharing.owner(remote)
    }

    /// Who writes the ring of this number.
    fn source(&self, ring: usize) -> Source {
        if ring == self.from.len() {
            return Source::MainCore;
        }
        // The others are in order.
        let worker = if ring < self.index { ring } else { ring + 1 };
        Source::Worker(u16::try_from(worker).unwrap_or(u16::MAX))
    }

    #[inline(always)]
    pub(super) fn is_alone(&self) -> bool {
        self.peers.len() <= 1
    }
}

/// The worker that owns the connection of a packet with these addresses, which came in on
/// `side`.
#[inline(always)]
pub(super) fn owner(
    io: &Io,
    view: &View,
    side: Side,
    source: Ipv4Addr,
    destination: Ipv4Addr,
) -> usize {
    match side {
        Side::Public => io.handoff.owner(source),
        // Both directions of a hairpin end at floating addresses, one at the virtual
        // IP and one at the gateway address; the first worker has them all.
        Side::Private if view.policy().is_floating(destination) => 0,
        Side::Private => io.handoff.owner(destination),
    }
}

/// Leaves this worker's own packets in a burst that came in on `side`, and gives the
/// others to their owners. Where the NIC sends each packet to its owner, there is nothing
/// to do but to look.
#[inline(never)]
pub(super) fn share_out(
    io: &mut Io,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    states: &mut PacketStates,
) {
    let own = io.handoff.index;
    let mut owners = [own; BURST];
    for (state, place) in states.iter().zip(&mut owners).filter(|(state, _)| state.is_plain) {
        let tuple = state.key.tuple();
        // What the main core is to have goes there from each worker, not through the rings, which
        // a flood of others' packets may have filled.
        if !view.is_for_kernel(side, tuple.destination) {
            *place = owner(io, view, side, tuple.source, tuple.destination);
        }
    }
    if owners == [own; BURST] {
        return;
    }
    let (mut kept, mut kept_states) = (Burst::<BURST>::new(), [PacketState::UNREAD; BURST]);
    for ((mbuf, state), owner) in burst.drain().zip(states.iter()).zip(owners) {
        if owner != own {
            io.ending.set(Ending::OtherWorker);
            io.hand_off(owner, HandoffTag::Process(side), mbuf);
            continue;
        }
        if let Some(place) = kept_states.get_mut(kept.len()) {
            *place = *state;
        }
        // It has as much room as they had.
        drop(kept.push(mbuf));
    }
    (*burst, *states) = (kept, kept_states);
}

impl Io {
    /// Gives a packet to another worker.
    pub(super) fn hand_off(&mut self, worker: usize, tag: HandoffTag, mut mbuf: Mbuf) {
        let Some(Some(peer)) = self.handoff.peers.get_mut(worker) else {
            self.discard(DropReason::HandoffFull);
            return;
        };
        tag.write(&mut mbuf);
        if let Err(mbuf) = peer.waiting.push(mbuf) {
            self.flush_handoff();
            self.hand_off_again(worker, mbuf);
        }
    }

    fn hand_off_again(&mut self, worker: usize, mbuf: Mbuf) {
        let peer = self.handoff.peers.get_mut(worker).and_then(Option::as_mut);
        if peer.is_none_or(|peer| peer.waiting.push(mbuf).is_err()) {
            self.discard(DropReason::HandoffFull);
        }
    }

    #[inline(always)]
    pub(super) fn flush_handoff(&mut self) {
        for peer in self.handoff.peers.iter_mut().flatten() {
            let Peer { ring, waiting } = &mut **peer;
            if waiting.is_empty() {
                continue;
            }
            let sent = ring.enqueue(waiting);
            self.counters.handed_off.add(sent as u64);
            let lost = waiting.len() as u64;
            self.counters.drops.add(DropReason::HandoffFull, lost);
            waiting.clear();
        }
    }
}

/// Takes packets from the other workers and the main core, and brings them to their end.
pub(super) fn poll_rings(io: &mut Io, flows: &mut Flows, view: &View) -> usize {
    let mut found = 0;
    for at in 0..io.handoff.from.len() {
        let mut burst = Burst::<BURST>::new();
        let Some(ring) = io.handoff.from.get_mut(at) else { break };
        found += ring.dequeue(&mut burst);
        take_over(io, flows, view, at, &mut burst);
    }
    let mut burst = Burst::<BURST>::new();
    found += io.from_housekeeping.dequeue(&mut burst);
    take_over(io, flows, view, io.handoff.from.len(), &mut burst);
    // Buffers, not packets: there is nothing to do with them.
    io.returned.dequeue(&mut burst);
    burst.clear();
    found
}

/// Sorts what came over the ring of this number: bursts to be processed stay bursts.
fn take_over(io: &mut Io, flows: &mut Flows, view: &View, ring: usize, burst: &mut Burst<BURST>) {
    let pressure = io.ring_pressure.get_mut(ring);
    let overflows = pressure.is_some_and(|pressure| pressure.after(burst.len()));
    if burst.is_empty() {
        return;
    }
    let mut by_side = [Burst::<BURST>::new(), Burst::<BURST>::new()];
    for mbuf in burst.drain() {
        match HandoffTag::of(&mbuf) {
            // A ring holds no more than a burst at a time, so this always fits.
            Some(HandoffTag::Process(side)) => drop(by_side[side.index()].push(mbuf)),
            Some(tag) if io.trace.is_some() => {
                trace::take_over(io, flows, view, io.handoff.source(ring), tag, mbuf);
            }
            Some(tag) => take_one(io, flows, view, tag, mbuf),
            None => io.discard(DropReason::HandoffFull),
        }
    }
    for side in Side::ALL {
        let burst = &mut by_side[side.index()];
        if burst.is_empty() {
            continue;
        }
        if io.trace.is_some() {
            let source = io.handoff.source(ring);
            trace::process(io, flows, view, source, side, burst, overflows);
        } else {
            burst::process(io, flows, view, side, burst, overflows);
        }
    }
}

/// Brings a packet to its end that is not to be processed as received.
pub(super) fn take_one(io: &mut Io, flows: &mut Flows, view: &View, tag: HandoffTag, mbuf: Mbuf) {
    match tag {
        HandoffTag::Transmit(side) => io.transmit(side, mbuf),
        HandoffTag::TransmitOwn(side) => io.transmit_own(side, mbuf),
        HandoffTag::TransmitFloating(side) => io.transmit_floating(side, mbuf),
        HandoffTag::Undeliverable(side) => icmp::undeliverable(io, flows, view, side, mbuf),
        HandoffTag::Process(_)
        | HandoffTag::Arp(_)
        | HandoffTag::Kernel(_)
        | HandoffTag::Resolve(..)
        | HandoffTag::ReturnPath(_) => io.discard(DropReason::HandoffFull),
    }
}
