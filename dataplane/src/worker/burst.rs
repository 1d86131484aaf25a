//! The fast path: a burst of packets of known connections, in stages.
//!
//! Each stage goes over the whole burst before the next begins, so that the cache lines
//! that a stage asks for arrive while it still asks for the others':
//!
//! 1. read: headers to key and hash; ask for the index line;
//! 2. match: tags to a candidate record; ask for it;
//! 3. forward: confirm, rewrite, put into the transmit burst.
//!
//! Whatever is not a plain packet of a known connection leaves the burst for the slow
//! path, and the burst goes on.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use nat::connection::Passage;
use nat::table::{Candidate, Hash, Key};
use nat::{Direction, Side};
use wire::MacAddress;
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use super::{BURST, Worker};
use crate::drop_reason::DropReason;
use crate::errand::Errand;

/// What stage 1 leaves of a packet.
#[derive(Clone, Copy)]
struct Lane {
    key: Key<Ipv4Addr>,
    hash: Hash,
    flags: Flags,
    length: u16,
}

impl Worker {
    /// Brings every packet of the burst to its end. They came in on `side`.
    pub(super) fn process(&mut self, side: Side, burst: &mut Burst<BURST>) {
        if !self.forwards {
            return self.process_standby(side, burst);
        }
        let mut lanes: [Option<Lane>; BURST] = [None; BURST];
        let mut candidates: [Option<Candidate>; BURST] = [None; BURST];
        self.read(side, burst, &mut lanes);
        self.match_tags(&lanes, &mut candidates);
        let lanes = lanes.iter().zip(&candidates);
        let mut fast = 0;
        for (mbuf, (lane, candidate)) in burst.drain().zip(lanes) {
            let Some(lane) = lane else {
                self.slow(side, mbuf);
                continue;
            };
            if !self.handoff.is_alone() {
                let tuple = lane.key.tuple();
                let owner = self.owner(side, tuple.source, tuple.destination);
                if owner != self.handoff.index {
                    self.hand_off(owner, Errand::Process(side), mbuf);
                    continue;
                }
            }
            fast += self.forward_fast(side, mbuf, lane, *candidate);
        }
        self.counters.fast.add(fast);
    }

    /// What a standby does with a burst: ARP and this machine's own packets take the slow
    /// path as ever, and there the others end.
    #[cold]
    #[inline(never)]
    fn process_standby(&mut self, side: Side, burst: &mut Burst<BURST>) {
        for mbuf in burst.drain() {
            self.slow(side, mbuf);
        }
    }

    #[inline(always)]
    fn read(&self, side: Side, burst: &Burst<BURST>, lanes: &mut [Option<Lane>; BURST]) {
        let (own, floating) = (self.macs[side.index()], self.floating_macs[side.index()]);
        let is_ours = |start| own.is_destination_of(start) || floating.is_destination_of(start);
        for mbuf in burst.as_slice() {
            mbuf.prefetch_data();
        }
        for (mbuf, lane) in burst.as_slice().iter().zip(lanes) {
            let data = mbuf.data();
            if !data.first_chunk().is_some_and(is_ours) {
                continue;
            }
            let Ok(Flow { tuple, tcp_flags, length }) = flow::read_segment(data, mbuf.len()) else {
                continue;
            };
            // Connections open, and offer segment sizes, on the slow path.
            if tcp_flags.contains(Flags::SYN) {
                continue;
            }
            let key = Key::new(tuple, side);
            let hash = self.connections.table().hash(&key);
            self.connections.table().prefetch(hash);
            *lane = Some(Lane { key, hash, flags: tcp_flags, length });
        }
    }

    #[inline(always)]
    fn match_tags(
        &self,
        lanes: &[Option<Lane>; BURST],
        candidates: &mut [Option<Candidate>; BURST],
    ) {
        let table = self.connections.table();
        for (lane, candidate) in lanes.iter().zip(candidates) {
            let Some(lane) = lane else { continue };
            *candidate = table.candidate(lane.hash);
            if let Some(candidate) = candidate {
                table.prefetch_record(*candidate);
            }
        }
    }

    /// Forwards one packet if its connection is known and everything about its way is;
    /// returns 1 then.
    #[inline(always)]
    fn forward_fast(
        &mut self,
        side: Side,
        mut mbuf: Mbuf,
        lane: &Lane,
        candidate: Option<Candidate>,
    ) -> u64 {
        let passage = candidate.and_then(|candidate| {
            let (epoch, now) = (self.epoch, self.now);
            self.connections.pass_candidate(candidate, &lane.key, lane.flags, epoch, now)
        });
        let Some(passage) = passage else {
            return self.forward_found(side, mbuf, lane, candidate);
        };
        let exit = passage.exit;
        if lane.length > self.mtus[exit.index()] {
            self.slow(side, mbuf);
            return 0;
        }
        self.count_server(&passage, lane.length);
        let own = self.macs[exit.index()];
        let Some(mac) = self.neighbours.mac(passage.next_hop) else {
            flow::rewrite(mbuf.data_mut(), &passage.rewrite, own, MacAddress::ZERO);
            self.resolve(exit, passage.rewrite.destination, mbuf);
            return 1;
        };
        flow::rewrite(mbuf.data_mut(), &passage.rewrite, own, mac);
        self.transmit(exit, mbuf);
        1
    }

    /// The few whose entry is not the first with their tag, or is in their second bucket;
    /// and those for the slow path.
    #[cold]
    #[inline(never)]
    fn forward_found(
        &mut self,
        side: Side,
        mbuf: Mbuf,
        lane: &Lane,
        tried: Option<Candidate>,
    ) -> u64 {
        let found = self.connections.table().find_candidate(lane.hash, &lane.key);
        if found.is_some() && found != tried {
            return self.forward_fast(side, mbuf, lane, found);
        }
        self.slow(side, mbuf);
        0
    }

    /// Counts a packet for its real server: towards it in the original direction. Of a
    /// masqueraded packet there is none.
    #[inline(always)]
    pub(super) fn count_server(&self, passage: &Passage<Ipv4Addr>, length: u16) {
        if let Some(server) = self.counters.server(passage.server) {
            let traffic = match passage.direction {
                Direction::Original => &server.towards,
                Direction::Reply => &server.from,
            };
            traffic.count(u64::from(length));
        }
    }

    /// Gives a translated packet to the main core, which will find its neighbour.
    pub(super) fn resolve(&mut self, exit: Side, destination: Ipv4Addr, mbuf: Mbuf) {
        match self.snapshot.network(exit).next_hop(destination) {
            Some(hop) => self.errand(Errand::Resolve(exit, hop), mbuf),
            None => self.discard(DropReason::NoRoute),
        }
    }
}
