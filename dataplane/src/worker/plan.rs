//! Connections that plain packets open, without the slow path's full look at the packet.
//!
//! What a burst's packets are to open is planned for all of them first: by then the reply's
//! key is known, and its line in the index, which a large table has in memory only, travels
//! while the others are planned. Whatever is not as it should be is left to the slow path,
//! which knows what to answer.

use std::net::Ipv4Addr;
use std::rc::Rc;

use dpdk::mbuf::Mbuf;
use nat::Side;
use nat::connection::{Kind, NewConnection};
use nat::ports::Candidates;
use nat::service::Places;
use wire::flow;
use wire::tcp::{self, Flags};
use wire::{Protocol, ethernet, ipv4};

use super::burst::{Lane, Lanes, Way, Ways};
use super::open::{masqueraded, to_server};
use super::{BURST, Worker};
use crate::drop_reason::DropReason;
use crate::snapshot::Snapshot;

/// What the packets of a burst are to open.
pub(super) type Plans = [Option<NewConnection<Ipv4Addr>>; BURST];

/// Ethernet and IPv4 without options: where a plain packet's TCP segment begins.
const SEGMENT: usize = ethernet::HEADER_LENGTH + 20;

/// When a server is chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before other packets of the burst open what they open.
    Ahead,
    /// After that.
    InTurn,
}

impl Worker {
    /// Plans what the burst's packets open, and asks for the lines that it takes.
    pub(super) fn plan_all(&mut self, side: Side, lanes: &Lanes, ways: &Ways) -> Plans {
        let mut plans = [const { None }; BURST];
        for ((lane, way), place) in lanes.iter().zip(ways).zip(&mut plans) {
            if *way != Way::New {
                continue;
            }
            *place = self.plan(side, lane, When::Ahead);
            if let Some(opening) = place {
                let table = self.connections.table();
                table.prefetch(table.probe(&opening.reply));
            }
        }
        plans
    }

    /// What a packet without a connection is to open; `None` is the slow path's to find out.
    pub(super) fn plan(
        &mut self,
        side: Side,
        lane: &Lane,
        when: When,
    ) -> Option<NewConnection<Ipv4Addr>> {
        let tuple = lane.key.tuple();
        let begins = tuple.protocol == Protocol::Udp || lane.flags.is_syn_only();
        let is_right = begins
            && lane.length <= self.mtus[side.other().index()]
            && ipv4::is_forwardable(tuple.source)
            && !self.is_spoofed(side, tuple.source);
        if !is_right {
            return None;
        }
        let snapshot = Rc::clone(&self.snapshot);
        match side {
            Side::Public => self.plan_service(&snapshot, lane, when),
            Side::Private => self.plan_masquerade(&snapshot, lane),
        }
    }

    fn plan_service(
        &mut self,
        snapshot: &Snapshot,
        lane: &Lane,
        when: When,
    ) -> Option<NewConnection<Ipv4Addr>> {
        let tuple = lane.key.tuple();
        let services = &snapshot.services;
        let service = services.find(tuple.destination, tuple.destination_port, tuple.protocol)?;
        // A whole burst would go to the server that has least before it.
        if when == When::Ahead && service.scheduler.looks_at_loads() {
            return None;
        }
        let at = self.pick(service, &lane.key, Places::NONE)?;
        let server = service.servers.get(at)?;
        let seen = (Kind::Service, tuple.source, tuple.source_port);
        Some(to_server(service, server, &lane.key, seen, lane.flags))
    }

    /// With the port that the private host has; where that is taken, the slow path looks for
    /// another.
    fn plan_masquerade(
        &mut self,
        snapshot: &Snapshot,
        lane: &Lane,
    ) -> Option<NewConnection<Ipv4Addr>> {
        let tuple = lane.key.tuple();
        let to = tuple.destination;
        let goes_out = !snapshot.is_local(to)
            && !snapshot.network(Side::Private).is_inside(to)
            && ipv4::is_forwardable(to);
        let rule = snapshot.masquerade(tuple.source).filter(|_| goes_out)?;
        let port = Candidates::new(tuple.source_port, rule.ports, self.random.next_u64()).next()?;
        if snapshot.services.is_service_port(rule.address, port, tuple.protocol) {
            return None;
        }
        Some(masqueraded(&lane.key, rule.address, port, lane.flags))
    }

    /// Opens what was planned, and sends its packet on.
    pub(super) fn carry_out(
        &mut self,
        side: Side,
        mut mbuf: Mbuf,
        lane: &Lane,
        opening: &NewConnection<Ipv4Addr>,
    ) {
        // Another packet of the burst may have opened it; the table may be full.
        let Ok(hit) = self.connections.open(opening, self.now) else {
            return self.slow(side, mbuf);
        };
        self.counters.slow.add(1);
        self.count_opened(hit);
        self.learn_next_hops(hit);
        let Some(passage) = self.connections.peek(hit) else {
            return self.discard(DropReason::NoConnection);
        };
        self.count_server(&passage, lane.length);
        let exit = passage.exit;
        if lane.flags.contains(Flags::SYN) {
            let end = ethernet::HEADER_LENGTH + usize::from(lane.length);
            if let Some(segment) = mbuf.data_mut().get_mut(SEGMENT..end) {
                tcp::clamp_mss(segment, self.snapshot.network(exit).mss);
            }
        }
        let link = self.neighbours.links().link(passage.next_hop, self.senders[exit.index()]);
        flow::rewrite(mbuf.data_mut(), &passage.rewrite, link.unwrap_or_default());
        match link {
            Some(_) => self.transmit(exit, mbuf),
            None => self.resolve(exit, passage.rewrite.destination, mbuf),
        }
    }
}
