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
use wire::ethernet;
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use super::plan::{Plans, When};
use super::stages::Stage;
use super::{BURST, Worker, link};
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
// One bit for each packet.
const _: () = assert!(BURST <= u32::BITS as usize);

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

/// Where a packet goes after stage 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Translated, and out on this side.
    Out(Side),
    /// As it was, to the slow path.
    Slow,
    /// As it was, and no connection is known.
    New,
    /// Nowhere: there are too many like it.
    Refused,
}

pub(super) type Ways = [Way; BURST];

/// What the fourth stage needs to send packets out on one side: taken out of the worker once,
/// so that no packet goes through it to get there.
struct Forwarder<'a> {
    connections: &'a mut Connections<Ipv4Addr>,
    links: Links<'a>,
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
    fn forward(&mut self, mbuf: &mut Mbuf, lane: &Lane) -> bool {
        let Lane { key, candidate, flags, length, .. } = lane;
        let Some(mut passing) = self.connections.passing(*candidate, key, self.epoch) else {
            return false;
        };
        if !passing.leaves_on(self.exit) || *length > self.mtu {
            return false;
        }
        let Some(link) = self.links.link(passing.next_hop(), self.sender) else { return false };
        if !passing.pass(*flags, || flow::segment(mbuf.data()), self.now) {
            return false;
        }
        self.servers.count(passing.server(), passing.direction(), *length);
        flow::rewrite(mbuf.data_mut(), passing, link)
    }
}

impl Worker {
    /// Brings every packet of the burst to its end. They came in on `side`.
    /// Their source may hold more packets than the worker takes.
    pub(super) fn process(&mut self, side: Side, burst: &mut Burst<BURST>, overflows: bool) {
        if !self.forwards {
            return self.process_standby(side, burst);
        }
        let mut lanes = [Lane::OTHER; BURST];
        if self.checks_ip[side.index()] {
            self.read::<true>(side, burst, &mut lanes);
        } else {
            self.read::<false>(side, burst, &mut lanes);
        }
        if !self.handoff.is_alone() {
            self.share_out(side, burst, &mut lanes);
        }
        let count = burst.len();
        self.hash(lanes.get_mut(..count).unwrap_or_default());
        self.lap(Stage::Read);
        self.match_tags(lanes.get_mut(..count).unwrap_or_default());
        self.lap(Stage::Match);
        let exit = side.other();
        let missed = self.forward_all(exit, burst, &lanes);
        self.lap(Stage::Forward);
        if missed == 0 {
            self.counters.fast.add(count as u64);
            self.transmit_all(exit, burst);
            return self.lap(Stage::Transmit);
        }
        self.deal(side, burst, &lanes, missed, overflows);
        self.lap(Stage::Deal);
    }

    /// What a standby does with a burst: ARP and this machine's own packets take the slow
    /// path as ever, and there the others end.
    #[cold]
    #[inline(never)]
    fn process_standby(&mut self, side: Side, burst: &mut Burst<BURST>) {
        for mut mbuf in burst.drain() {
            link::strip_priority_tags(&mut mbuf);
            self.slow(side, mbuf);
        }
    }

    /// Headers to keys. Where the NIC looks at IP checksums, those that it has found right
    /// are not looked at again.
    #[inline(never)]
    fn read<const CHECKED: bool>(&self, side: Side, burst: &mut Burst<BURST>, lanes: &mut Lanes) {
        let (own, floating) = (self.macs[side.index()], self.floating_macs[side.index()]);
        for mbuf in burst.as_slice() {
            mbuf.prefetch_data();
        }
        for (mbuf, lane) in burst.as_mut_slice().iter_mut().zip(lanes) {
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
            lane.key = Key::new(tuple, side);
            lane.length = length;
            lane.flags = tcp_flags;
            lane.is_plain = true;
        }
    }

    #[inline(never)]
    fn hash(&self, lanes: &mut [Lane]) {
        let table = self.connections.table();
        for lane in lanes {
            lane.probe = table.probe(&lane.key);
            table.prefetch(lane.probe);
        }
    }

    #[inline(never)]
    fn match_tags(&self, lanes: &mut [Lane]) {
        let table = self.connections.table();
        for lane in lanes {
            lane.candidate = table.candidate(lane.probe);
            if lane.candidate == Candidate::NONE {
                lane.candidate = self.find_beyond(lane);
            }
            table.prefetch_record(lane.candidate);
        }
    }

    /// The candidate of a packet whose first bucket has no entry with its tag: in its second
    /// bucket, or there is none.
    #[cold]
    #[inline(never)]
    fn find_beyond(&self, lane: &Lane) -> Candidate {
        let found = lane.is_plain.then(|| self.connections.table().find(&lane.key)).flatten();
        found.unwrap_or(Candidate::NONE)
    }

    #[inline(always)]
    fn forwarder(&mut self, exit: Side) -> Forwarder<'_> {
        Forwarder {
            connections: &mut self.connections,
            links: self.neighbours.links(),
            servers: self.counters.servers(),
            exit,
            sender: self.senders[exit.index()],
            mtu: self.mtus[exit.index()],
            epoch: self.epoch,
            now: self.now,
        }
    }

    /// Translates what is to leave on this side, all but a few. A bit for each other packet,
    /// the first's lowest.
    #[inline(never)]
    fn forward_all(&mut self, exit: Side, burst: &mut Burst<BURST>, lanes: &Lanes) -> u32 {
        let mut forwarder = self.forwarder(exit);
        let mut missed = 0;
        for (at, (mbuf, lane)) in burst.as_mut_slice().iter_mut().zip(lanes).enumerate() {
            if !forwarder.forward(mbuf, lane) {
                missed |= 1 << at;
            }
        }
        missed
    }

    /// The way of a packet that stage 4 left as it was. It translates what leaves on the side
    /// where it came in, and the few whose entry is not the first with their tag.
    fn forward_missed(&mut self, mbuf: &mut Mbuf, lane: &Lane) -> Way {
        if !lane.is_plain {
            return Way::Slow;
        }
        if lane.candidate == Candidate::NONE {
            return Way::New;
        }
        let Some(hit) = self.connections.table().look_up(&lane.key) else { return Way::New };
        // A SYN may open the connection anew, elsewhere.
        if lane.flags.contains(Flags::SYN) || !self.connections.is_current(hit, self.epoch) {
            return Way::Slow;
        }
        let Some(Passage { exit, next_hop, .. }) = self.connections.peek(hit) else {
            return Way::Slow;
        };
        let link = self.neighbours.links().link(next_hop, self.senders[exit.index()]);
        let Some(link) = link.filter(|_| lane.length <= self.mtus[exit.index()]) else {
            return Way::Slow;
        };
        let segment = flow::segment(mbuf.data());
        let Some(passage) = self.connections.pass(hit, segment, self.now) else {
            return Way::Slow;
        };
        self.count_server(&passage, lane.length);
        flow::rewrite(mbuf.data_mut(), &passage.rewrite, link);
        Way::Out(exit)
    }

    /// Sends on a burst that is not all of known connections.
    #[inline(never)]
    fn deal(
        &mut self,
        side: Side,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        missed: u32,
        overflows: bool,
    ) {
        let exit = side.other();
        let count = burst.len();
        let mut ways = [Way::Out(exit); BURST];
        let places = lanes.iter().zip(&mut ways).enumerate();
        for (mbuf, (at, (lane, way))) in burst.as_mut_slice().iter_mut().zip(places) {
            if missed & 1 << at != 0 {
                *way = self.forward_missed(mbuf, lane);
            }
        }
        if ways == [Way::Out(exit); BURST] {
            self.counters.fast.add(count as u64);
            return self.transmit_all(exit, burst);
        }
        if overflows {
            self.refuse_strangers(side, lanes, ways.get_mut(..count).unwrap_or_default());
        }
        let plans = match ways.contains(&Way::New) {
            true => self.plan_all(side, lanes, &ways),
            false => [const { None }; BURST],
        };
        self.deal_each(side, burst, lanes, &ways, &plans);
    }

    #[inline(never)]
    fn deal_each(
        &mut self,
        side: Side,
        burst: &mut Burst<BURST>,
        lanes: &Lanes,
        ways: &Ways,
        plans: &Plans,
    ) {
        let mut fast = 0;
        for (mbuf, ((lane, way), plan)) in burst.drain().zip(lanes.iter().zip(ways).zip(plans)) {
            match *way {
                Way::Out(exit) => {
                    self.transmit(exit, mbuf);
                    fast += 1;
                    continue;
                }
                Way::Refused => {
                    self.discard(DropReason::Overload);
                    continue;
                }
                Way::New | Way::Slow => {}
            }
            let late = match plan {
                None if *way == Way::New => self.plan(side, lane, When::InTurn),
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
