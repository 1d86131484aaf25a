//! The fast path: a burst of packets of known connections, in stages.
//!
//! Each stage goes over the whole burst before the next begins, so that the cache lines
//! that a stage asks for arrive while it still asks for the others':
//!
//! 1. read: headers to key and hash; ask for the index line;
//! 2. match: tags to a candidate record; ask for it;
//! 3. forward: confirm, rewrite;
//! 4. deal: the burst to the transmit burst of its side.
//!
//! Whatever is not a plain packet of a known connection opens one in the last stage (plan.rs)
//! or goes to the slow path; it is a whole burst that goes to one side nearly always.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use nat::connection::Passage;
use nat::table::{Candidate, Hash, Key};
use nat::{Direction, Side};
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use super::plan::{Plans, When};
use super::stages::Stage;
use super::{BURST, Worker};
use crate::drop_reason::DropReason;
use crate::errand::Errand;

/// What stage 1 leaves of a packet: half a cache line.
#[derive(Clone, Copy)]
pub(super) struct Lane {
    pub(super) key: Key<Ipv4Addr>,
    hash: Hash,
    pub(super) length: u16,
    pub(super) flags: Flags,
    is_plain: bool,
}

pub(super) type Lanes = [Lane; BURST];

impl Lane {
    /// Of a packet for the slow path. No connection has its key.
    const OTHER: Lane = Lane {
        key: Key::NOBODY,
        hash: Hash::NOBODY,
        length: 0,
        flags: Flags::EMPTY,
        is_plain: false,
    };
}

/// Where packets go after stage 3, a bit for each way: a burst's, taken together, are one
/// number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways(u8);

impl Ways {
    const NONE: Ways = Ways(0);
    /// As it was, to the slow path.
    const SLOW: Ways = Ways(4);
    /// As it was, and no connection is known.
    pub(super) const NEW: Ways = Ways(8);

    /// Translated, and out on this side.
    #[inline(always)]
    const fn out(side: Side) -> Self {
        Ways(side.index() as u8 + 1)
    }

    fn all(ways: &[Ways; BURST]) -> Self {
        Ways(ways.iter().fold(0, |all, way| all | way.0))
    }

    const fn contain(self, way: Ways) -> bool {
        self.0 & way.0 != 0
    }
}

impl Worker {
    /// Brings every packet of the burst to its end. They came in on `side`.
    pub(super) fn process(&mut self, side: Side, burst: &mut Burst<BURST>) {
        if !self.forwards {
            return self.process_standby(side, burst);
        }
        let mut lanes = self.read(side, burst);
        if !self.handoff.is_alone() {
            self.share_out(side, burst, &mut lanes);
        }
        self.lap(Stage::Read);
        let mut candidates = [Candidate::NONE; BURST];
        self.match_tags(burst.len(), &lanes, &mut candidates);
        self.lap(Stage::Match);
        let mut ways = [Ways::NONE; BURST];
        let places = lanes.iter().zip(&candidates).zip(&mut ways);
        for (mbuf, ((lane, candidate), way)) in burst.as_mut_slice().iter_mut().zip(places) {
            *way = self.forward_fast(mbuf, lane, *candidate);
        }
        self.lap(Stage::Forward);
        self.deal(side, burst, &lanes, &ways);
        self.lap(Stage::Deal);
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
    fn read(&self, side: Side, burst: &Burst<BURST>) -> Lanes {
        let (own, floating) = (self.macs[side.index()], self.floating_macs[side.index()]);
        let is_ours = |start: &_| own.is_destination_of(start) || floating.is_destination_of(start);
        let table = self.connections.table();
        for mbuf in burst.as_slice() {
            mbuf.prefetch_data();
        }
        let lane = |mbuf: &Mbuf| {
            let data = mbuf.data();
            let Flow { tuple, tcp_flags, length } = flow::read_segment(data, mbuf.len()).ok()?;
            if !data.first_chunk().is_some_and(is_ours) {
                return None;
            }
            let key = Key::new(tuple, side);
            let hash = table.hash(&key);
            table.prefetch(hash);
            Some(Lane { key, hash, length, flags: tcp_flags, is_plain: true })
        };
        core::array::from_fn(|at| burst.as_slice().get(at).and_then(lane).unwrap_or(Lane::OTHER))
    }

    /// Leaves this worker's own packets in the burst, and gives the others to their owners.
    /// Where the NIC sends each packet to its owner, there is nothing to do but to look.
    #[inline(never)]
    fn share_out(&mut self, side: Side, burst: &mut Burst<BURST>, lanes: &mut Lanes) {
        let (worker, index) = (&*self, self.handoff.index);
        let owner = |lane: &Lane| {
            let tuple = lane.key.tuple();
            worker.owner(side, tuple.source, tuple.destination)
        };
        let owners = lanes.each_ref().map(|lane| if lane.is_plain { owner(lane) } else { index });
        if owners.iter().all(|owner| *owner == index) {
            return;
        }
        let (mut own, mut own_lanes) = (Burst::<BURST>::new(), [Lane::OTHER; BURST]);
        for (mbuf, (lane, owner)) in burst.drain().zip(lanes.iter().zip(owners)) {
            if owner != index {
                self.hand_off(owner, Errand::Process(side), mbuf);
                continue;
            }
            if let Some(place) = own_lanes.get_mut(own.len()) {
                *place = *lane;
            }
            // It has as much room as they had.
            drop(own.push(mbuf));
        }
        (*burst, *lanes) = (own, own_lanes);
    }

    #[inline(always)]
    fn match_tags(&self, count: usize, lanes: &Lanes, candidates: &mut [Candidate; BURST]) {
        let table = self.connections.table();
        let lanes = lanes.get(..count).unwrap_or_default();
        for (lane, candidate) in lanes.iter().zip(candidates) {
            *candidate = table.candidate(lane.hash);
            table.prefetch_record(*candidate);
        }
    }

    /// Translates one packet if its connection is known and everything about its way is.
    #[inline(always)]
    fn forward_fast(&mut self, mbuf: &mut Mbuf, lane: &Lane, candidate: Candidate) -> Ways {
        let passage =
            self.connections.pass_candidate(candidate, &lane.key, lane.flags, self.epoch, self.now);
        let Some(passage) = passage else { return self.forward_found(mbuf, lane, candidate) };
        let exit = passage.exit;
        let link = self.neighbours.link(passage.next_hop, self.senders[exit.index()]);
        let Some(link) = link.filter(|_| lane.length <= self.mtus[exit.index()]) else {
            return Ways::SLOW;
        };
        self.count_server(&passage, lane.length);
        flow::rewrite(mbuf.data_mut(), &passage.rewrite, link);
        Ways::out(exit)
    }

    /// The few whose entry is not the first with their tag, or is in their second bucket;
    /// and those for the slow path.
    #[cold]
    #[inline(never)]
    fn forward_found(&mut self, mbuf: &mut Mbuf, lane: &Lane, tried: Candidate) -> Ways {
        if !lane.is_plain {
            return Ways::SLOW;
        }
        match self.connections.table().find_candidate(lane.hash, &lane.key) {
            Some(found) if found != tried => self.forward_fast(mbuf, lane, found),
            Some(_) => Ways::SLOW,
            None => Ways::NEW,
        }
    }

    /// Sends what was translated, and does the rest packet by packet.
    #[inline(always)]
    fn deal(&mut self, side: Side, burst: &mut Burst<BURST>, lanes: &Lanes, ways: &[Ways; BURST]) {
        let seen = Ways::all(ways);
        for exit in Side::ALL {
            if seen == Ways::out(exit) {
                self.counters.fast.add(burst.len() as u64);
                return self.transmit_all(exit, burst);
            }
        }
        let plans = match seen.contain(Ways::NEW) {
            true => self.plan_all(side, lanes, ways),
            false => [const { None }; BURST],
        };
        self.deal_each(side, burst, lanes, ways, &plans);
    }

    #[inline(never)]
    fn deal_each(
        &mut self,
        side: Side,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        ways: &[Ways; BURST],
        plans: &Plans,
    ) {
        let mut fast = 0;
        for (mbuf, ((lane, way), plan)) in burst.drain().zip(lanes.iter().zip(ways).zip(plans)) {
            if let Some(exit) = Side::ALL.into_iter().find(|exit| *way == Ways::out(*exit)) {
                self.transmit(exit, mbuf);
                fast += 1;
                continue;
            }
            let late = match plan {
                None if *way == Ways::NEW => self.plan(side, lane, When::InTurn),
                _ => None,
            };
            match plan.as_ref().or(late.as_ref()) {
                Some(opening) => self.carry_out(side, mbuf, lane, opening),
                None => self.slow(side, mbuf),
            }
        }
        self.counters.fast.add(fast);
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
