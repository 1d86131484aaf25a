//! Packets between workers.
//!
//! A connection belongs to the worker that the hash of its remote address names; NAT
//! never changes that address, so both directions name the same worker. A packet that
//! comes in elsewhere goes there over a ring with one writer and one reader.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::ring::{Consumer, Producer};
use nat::Side;

use super::{BURST, Worker};
use crate::drop_reason::DropReason;
use crate::errand::Errand;

/// The way to one other worker.
pub struct Peer {
    /// The ring to it.
    pub ring: Producer,
    /// What waits to be put into the ring.
    pub waiting: Burst<BURST>,
}

/// The ways to and from all other workers.
pub struct Handoff {
    /// By number of the worker; `None` at the own one.
    pub peers: Vec<Option<Peer>>,
    /// The rings from the others.
    pub from: Vec<Consumer>,
    /// The own number.
    pub index: usize,
    /// Random and odd, the same in all workers of the process.
    pub seed: u64,
}

/// How connections are shared out among the workers of a process.
#[derive(Clone, Copy, Debug)]
pub struct Sharing {
    /// Random and odd, the same in all workers of the process.
    pub seed: u64,
    /// How many workers there are.
    pub workers: usize,
}

impl Sharing {
    /// The worker that owns connections with this remote address.
    #[inline(always)]
    pub fn owner(self, remote: Ipv4Addr) -> usize {
        let mixed = u64::from(remote.to_bits()).wrapping_mul(self.seed);
        // The upper half of the product depends on every bit of the address.
        (((mixed >> 32) * self.workers as u64) >> 32) as usize
    }
}

impl Handoff {
    /// The worker that owns connections with this remote address.
    #[inline(always)]
    pub fn owner(&self, remote: Ipv4Addr) -> usize {
        Sharing { seed: self.seed, workers: self.peers.len() }.owner(remote)
    }

    #[inline(always)]
    pub(super) fn is_alone(&self) -> bool {
        self.peers.len() <= 1
    }
}

impl Worker {
    /// The worker that owns the connection of a packet with these addresses, which came
    /// in on `side`.
    #[inline(always)]
    pub(super) fn owner(&self, side: Side, source: Ipv4Addr, destination: Ipv4Addr) -> usize {
        match side {
            Side::Public => self.handoff.owner(source),
            // Both directions of a hairpin end at floating addresses, one at the virtual
            // IP and one at the gateway address; the first worker has them all.
            Side::Private if self.snapshot.is_floating(destination) => 0,
            Side::Private => self.handoff.owner(destination),
        }
    }

    /// Gives a packet to another worker.
    pub(super) fn hand_off(&mut self, worker: usize, errand: Errand, mut mbuf: Mbuf) {
        let Some(Some(peer)) = self.handoff.peers.get_mut(worker) else {
            self.discard(DropReason::HandoffFull);
            return;
        };
        errand.tag(&mut mbuf);
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
            if peer.waiting.is_empty() {
                continue;
            }
            let sent = peer.ring.enqueue(&mut peer.waiting);
            self.counters.handed_off.add(sent as u64);
            let lost = peer.waiting.len() as u64;
            self.counters.drops.add(DropReason::HandoffFull, lost);
            peer.waiting.clear();
        }
    }

    /// Takes packets from the other workers and the main core.
    pub(super) fn poll_rings(&mut self) -> usize {
        let mut found = 0;
        for at in 0..self.handoff.from.len() {
            let mut burst = Burst::<BURST>::new();
            let Some(ring) = self.handoff.from.get_mut(at) else { break };
            found += ring.dequeue(&mut burst);
            self.run_errands(&mut burst);
        }
        let mut burst = Burst::<BURST>::new();
        found += self.from_housekeeping.dequeue(&mut burst);
        self.run_errands(&mut burst);
        found
    }

    /// Sorts what came over a ring: bursts to be processed stay bursts.
    fn run_errands(&mut self, burst: &mut Burst<BURST>) {
        if burst.is_empty() {
            return;
        }
        let mut by_side = [Burst::<BURST>::new(), Burst::<BURST>::new()];
        for mbuf in burst.drain() {
            match Errand::of(&mbuf) {
                // A ring holds no more than a burst at a time, so this always fits.
                Some(Errand::Process(side)) => drop(by_side[side.index()].push(mbuf)),
                Some(Errand::Transmit(side)) => self.transmit(side, mbuf),
                Some(Errand::TransmitOwn(side)) => self.transmit_own(side, mbuf),
                Some(Errand::TransmitFloating(side)) => self.transmit_floating(side, mbuf),
                _ => self.discard(DropReason::HandoffFull),
            }
        }
        for side in Side::ALL {
            if !by_side[side.index()].is_empty() {
                self.process(side, &mut by_side[side.index()]);
            }
        }
    }
}
