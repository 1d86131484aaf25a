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
//! 5. deal: the burst to the transmit burst of its side.
//!
//! Whatever is not a plain packet of a known connection opens one in the last stage (plan.rs)
//! or goes to the slow path; it is a whole burst that goes to one side nearly always.

use std::net::Ipv4Addr;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use nat::connection::Passage;
use nat::table::{Candidate, Key, Probe};
use nat::{Connections, Instant, Side};
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use super::plan::{Plans, When};
use super::stages::Stage;
use super::{BURST, Worker};
use crate::counters::Servers;
use crate::drop_reason::DropReason;
use crate::errand::Errand;
use crate::neighbour::{Links, Sender};

/// What the stages leave of a packet: half a cache line.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(super) struct Lane {
    pub(super) key: Key<Ipv4Addr>,
    probe: Probe,
    candidate: Candidate,
    pub(super) length: u16,
    pub(super) flags: Flags,
    is_plain: bool,
}

const _: () = assert!(size_of::<Lane>() == 32);

pub(super) type Lanes = [Lane; BURST];

impl Lane {
    /// Of a packet for the slow path. No connection has its key.
    pub(super) const OTHER: Lane = Lane {
        key: Key::NOBODY,
        probe: Probe::NOBODY,
        candidate: Candidate::NONE,
        length: 0,
        flags: Flags::EMPTY,
        is_plain: false,
    };

    pub(super) const fn is_plain(&self) -> bool {
        self.is_plain
    }
}

/// Where packets go after stage 4, a bit for each way: a burst's, taken together, are one
/// number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways(u8);

impl Ways {
    const NONE: Ways = Ways(0);
    /// Not with the candidate; to be looked at again.
    const MISSED: Ways = Ways(4);
    /// As it was, to the slow path.
    const SLOW: Ways = Ways(8);
    /// As it was, and no connection is known.
    pub(super) const NEW: Ways = Ways(16);

    /// Translated, and out on this side.
    #[inline(always)]
    const fn out(side: Side) -> Self {
        Ways(side.index() as u8 + 1)
    }

    #[inline(always)]
    const fn and(self, other: Ways) -> Self {
        Ways(self.0 | other.0)
    }

    const fn contain(self, way: Ways) -> bool {
        self.0 & way.0 != 0
    }
}

/// What the fourth stage needs: taken out of the worker once, so that a packet does not
/// go through it to get there.
struct Forwarder<'a> {
    connections: &'a mut Connections<Ipv4Addr>,
    links: Links<'a>,
    servers: &'a Servers,
    senders: &'a [Sender; 2],
    mtus: &'a [u16; 2],
    epoch: u16,
    now: Instant,
}

impl Forwarder<'_> {
    /// Translates one packet if its connection is known and everything about its way is.
    #[inline(always)]
    fn forward(&mut self, mbuf: &mut Mbuf, lane: &Lane) -> Ways {
        let Lane { key, candidate, flags, length, .. } = lane;
        let passing =
            self.connections.pass_candidate(*candidate, key, *flags, self.epoch, self.now);
        let Some(passing) = passing else { return Ways::MISSED };
        let exit = passing.exit();
        if *length > self.mtus[exit.index()] {
            return Ways::SLOW;
        }
        let link = self.links.link(passing.next_hop(), self.senders[exit.index()]);
        let Some(link) = link else { return Ways::SLOW };
        self.servers.count(passing.server(), passing.direction(), *length);
        flow::rewrite(mbuf.data_mut(), &passing.rewrite(), link);
        Ways::out(exit)
    }

    /// The few whose entry is not the first with their tag, or is in their second bucket;
    /// and those for the slow path.
    fn forward_found(&mut self, mbuf: &mut Mbuf, lane: &Lane) -> Ways {
        if !lane.is_plain {
            return Ways::SLOW;
        }
        let Some(found) = self.connections.table().find(&lane.key) else { return Ways::NEW };
        if found == lane.candidate {
            return Ways::SLOW;
        }
        match self.forward(mbuf, &Lane { candidate: found, ..*lane }) {
            Ways::MISSED => Ways::SLOW,
            way => way,
        }
    }
}

impl Worker {
    /// Brings every packet of the burst to its end. They came in on `side`.
    pub(super) fn process(&mut self, side: Side, burst: &mut Burst<BURST>) {
        if !self.forwards {
            return self.process_standby(side, burst);
        }
        let mut lanes = [Lane::OTHER; BURST];
        self.read(side, burst, &mut lanes);
        if !self.handoff.is_alone() {
            self.share_out(side, burst, &mut lanes);
        }
        let count = burst.len();
        self.hash(lanes.get_mut(..count).unwrap_or_default());
        self.lap(Stage::Read);
        self.match_tags(lanes.get_mut(..count).unwrap_or_default());
        self.lap(Stage::Match);
        let mut ways = [Ways::NONE; BURST];
        let seen = self.forward_all(burst, &lanes, &mut ways);
        self.lap(Stage::Forward);
        self.deal(side, burst, &lanes, &ways, seen);
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
    fn read(&self, side: Side, burst: &Burst<BURST>, lanes: &mut Lanes) {
        let (own, floating) = (self.macs[side.index()], self.floating_macs[side.index()]);
        for mbuf in burst.as_slice() {
            mbuf.prefetch_data();
        }
        for (mbuf, lane) in burst.as_slice().iter().zip(lanes) {
            let data = mbuf.data();
            let Ok(flow) = flow::read_segment(data, mbuf.len()) else { continue };
            let Flow { tuple, tcp_flags, length } = flow;
            let Some(start) = data.first_chunk() else { continue };
            if !own.is_destination_of(start) && !floating.is_destination_of(start) {
                continue;
            }
            lane.key = Key::new(tuple, side);
            lane.length = length;
            lane.flags = tcp_flags;
            lane.is_plain = true;
        }
    }

    #[inline(always)]
    fn hash(&self, lanes: &mut [Lane]) {
        let table = self.connections.table();
        for lane in lanes {
            lane.probe = table.probe(&lane.key);
            table.prefetch(lane.probe);
        }
    }

    #[inline(always)]
    fn match_tags(&self, lanes: &mut [Lane]) {
        let table = self.connections.table();
        for lane in lanes {
            lane.candidate = table.candidate(lane.probe);
            table.prefetch_record(lane.candidate);
        }
    }

    #[inline(always)]
    fn forwarder(&mut self) -> Forwarder<'_> {
        Forwarder {
            connections: &mut self.connections,
            links: self.neighbours.links(),
            servers: self.counters.servers(),
            senders: &self.senders,
            mtus: &self.mtus,
            epoch: self.epoch,
            now: self.now,
        }
    }

    #[inline(always)]
    fn forward_all(
        &mut self,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        ways: &mut [Ways; BURST],
    ) -> Ways {
        let mut forwarder = self.forwarder();
        let mut seen = Ways::NONE;
        for ((mbuf, lane), way) in burst.as_mut_slice().iter_mut().zip(lanes).zip(&mut *ways) {
            *way = forwarder.forward(mbuf, lane);
            seen = seen.and(*way);
        }
        if seen.contain(Ways::MISSED) {
            return self.forward_missed(burst, lanes, ways);
        }
        seen
    }

    #[cold]
    #[inline(never)]
    fn forward_missed(
        &mut self,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        ways: &mut [Ways; BURST],
    ) -> Ways {
        let mut forwarder = self.forwarder();
        let mut seen = Ways::NONE;
        for ((mbuf, lane), way) in burst.as_mut_slice().iter_mut().zip(lanes).zip(ways) {
            if *way == Ways::MISSED {
                *way = forwarder.forward_found(mbuf, lane);
            }
            seen = seen.and(*way);
        }
        seen
    }

    /// Sends what was translated, and does the rest packet by packet.
    #[inline(always)]
    fn deal(
        &mut self,
        side: Side,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        ways: &[Ways; BURST],
        seen: Ways,
    ) {
        for exit in Side::ALL {
            if seen == Ways::out(exit) {
                self.counters.fast.add(burst.len() as u64);
                self.transmit_all(exit, burst);
                return self.lap(Stage::Transmit);
            }
        }
        let plans = match seen.contain(Ways::NEW) {
            true => self.plan_all(side, lanes, ways),
            false => [const { None }; BURST],
        };
        self.deal_each(side, burst, lanes, ways, &plans);
        self.lap(Stage::Deal);
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

    /// Counts a packet for its real server.
    pub(super) fn count_server(&self, passage: &Passage<Ipv4Addr>, length: u16) {
        self.counters.servers().count(passage.server, passage.direction, length);
    }

    /// Gives a translated packet to the main core, which will find its neighbour.
    pub(super) fn resolve(&mut self, exit: Side, destination: Ipv4Addr, mbuf: Mbuf) {
        match self.snapshot.network(exit).next_hop(destination) {
            Some(hop) => self.errand(Errand::Resolve(exit, hop), mbuf),
            None => self.discard(DropReason::NoRoute),
        }
    }
}
