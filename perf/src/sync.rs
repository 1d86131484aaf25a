//! What connection sync costs a worker, and how fast it is.
//!
//! The cost: two real workers in this process open the same flows, a part each in turn;
//! one of them writes events. The clock runs while a worker polls; its ring is emptied
//! while the clock stands still. The same for the connection table alone, without packets.
//!
//! The throughput: connections open, establish and end in one set of connections, and
//! every event goes through ring, exporter thread, Unix stream, importer thread and ring
//! into another set, each on a thread of its own.

use core::hint::black_box;
use std::net::Ipv4Addr;

use dataplane::mailbox::Order;
use nat::connection::{Kind, NewConnection};
use nat::service::{ServerId, ServiceId};
use nat::sync::ring::{self, Consumer};
use nat::sync::{Export, Session, event};
use nat::table::Key;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant, Side};
use serde::Serialize;
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

use crate::Error;
use crate::packets::FRAME;
use crate::record::{Better, Each, Figure};
use crate::rig::frames::{Flow, Template};
use crate::rig::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use crate::rig::worker_harness::{Packet, WorkerHarness};
use crate::statistics::Summary;

mod throughput;

/// Parts of a run that alternate.
const PARTS: u32 = 32;
/// Room in the ring of a worker: as in the dataplane.
const RING: usize = dataplane::sync::RING;

#[derive(Clone, Debug, Serialize)]
pub struct SyncCost {
    /// Connections opened, in tables with room for as many.
    pub connections: u32,
    /// Cycles that a worker needs for a new connection without sync.
    pub off: Summary,
    pub on: Summary,
    /// The median of what sync adds, part by part, in per cent.
    pub added_percent: f64,
    /// Cycles to open and close a connection in the table, without sync.
    pub table_off: Summary,
    /// With it: two events.
    pub table_on: Summary,
    /// Events a second from a worker to the peer's table.
    pub throughput: f64,
    pub bytes_per_event: usize,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Measures with so many connections; packets lie in such pages.
///
/// # Errors
///
/// [`Error`], when DPDK or a worker does not do its part.
pub fn run(connections: u32, pages: Pages) -> Result<SyncCost, Error> {
    let connections = connections.max(PARTS);
    let [off, on] = workers(connections, pages)?;
    let ratios: Vec<f64> = off.iter().zip(&on).map(|(off, on)| (on / off - 1.0) * 100.0).collect();
    let [table_off, table_on] = tables(connections);
    let nothing = || Error::Dataplane("nothing ran".to_owned());
    let summary = |parts: &[f64]| Summary::of(parts).ok_or_else(nothing);
    Ok(SyncCost {
        connections,
        off: summary(&off)?,
        on: summary(&on)?,
        added_percent: summary(&ratios)?.median,
        table_off: summary(&table_off)?,
        table_on: summary(&table_on)?,
        throughput: throughput::run(connections)?,
        bytes_per_event: event::BYTES,
        figures: figures([
            ("new connection, sync off", off),
            ("new connection, sync on", on),
            ("open and close in the table, sync off", table_off),
            ("open and close in the table, sync on", table_on),
        ]),
    })
}

fn figures(samples: [(&str, Vec<f64>); 4]) -> Vec<Figure> {
    let figure = |(name, samples)| Figure::new(name, "cycles", Better::Lower, Each::Part, samples);
    samples.into_iter().map(figure).collect()
}

/// Cycles a new connection of a worker without and of one with sync, part by part.
fn workers(connections: u32, pages: Pages) -> Result<[Vec<f64>; 2], Error> {
    let test_bed = TestBed::new(pages, WORKER_CORE, &[])?;
    let harness = || WorkerHarness::new(&test_bed, connections, Lifetime::LONG);
    let (mut off, mut on) = (harness()?, harness()?);
    let request = Template::udp(Side::Public, FRAME);
    let flow = |client| Packet { template: &request, flow: Flow { client, server: 0 } };
    let (producer, mut ring) = ring::ring(RING);
    let export = Session::Export(Box::new(Export::new(producer)));
    on.mailbox.order(1, Order::Sync(export)).map_err(|_| Error::dataplane("an order too many"))?;
    // The walk over the empty table is not what is measured.
    while ring.pop().is_none() {
        on.poll();
    }
    let mut cycles = [Vec::new(), Vec::new()];
    let part = connections / PARTS;
    for first in (0..part * PARTS).step_by(part as usize) {
        let last = first + part;
        cycles[0].push(off.run((first..last).map(flow)).cycles as f64 / f64::from(part));
        let before = on.counters.opened.get();
        let mut spent = 0;
        for start in (first..last).step_by(4096) {
            spent += on.run((start..last.min(start + 4096)).map(flow)).cycles;
            empty(&mut ring)?;
        }
        if on.counters.opened.get() - before != u64::from(part) {
            return Err(Error::dataplane("not every connection was opened"));
        }
        cycles[1].push(spent as f64 / f64::from(part));
    }
    Ok(cycles)
}

fn empty(ring: &mut Consumer) -> Result<(), Error> {
    while let Some(words) = ring.pop() {
        black_box(words);
    }
    match ring.has_overflowed() {
        true => Err(Error::dataplane("the ring has overflowed")),
        false => Ok(()),
    }
}

/// Cycles to open and close a connection in the table alone, without and with sync.
fn tables(connections: u32) -> [Vec<f64>; 2] {
    let (producer, mut ring) = ring::ring(RING);
    let table = || Connections::new(connections as usize, Timeouts::default(), at(0), &mut |_| ());
    let mut tables = [table(), table()];
    tables[1].set_session(Session::Export(Box::new(Export::new(producer))));
    // Standby, so that closing leaves nothing in the wheel.
    tables.iter_mut().for_each(|table| table.set_standby(true, at(0)));
    let mut cycles = [Vec::new(), Vec::new()];
    let part = connections / PARTS;
    for round in 0..PARTS {
        for (table, cycles) in tables.iter_mut().zip(&mut cycles) {
            let spent = open_and_close(table, round * part, part, &mut ring);
            cycles.push(spent as f64 / f64::from(part));
        }
    }
    cycles
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn open_and_close(
    table: &mut Connections<Ipv4Addr>,
    first: u32,
    count: u32,
    ring: &mut Consumer,
) -> u64 {
    let mut cycles = 0;
    for start in (first..first + count).step_by(4096) {
        let openings: Vec<_> = (start..(start + 4096).min(first + count)).map(opening).collect();
        let before = dpdk::clock::tsc();
        for opening in &openings {
            let _ = black_box(table.open(opening, at(1)));
        }
        for opening in &openings {
            if let Some(hit) = table.table().look_up(&opening.original) {
                black_box(table.close(hit.id));
            }
        }
        cycles += dpdk::clock::tsc().wrapping_sub(before);
        while let Some(words) = ring.pop() {
            black_box(words);
        }
    }
    cycles
}

/// The connection of this number.
fn opening(number: u32) -> NewConnection<Ipv4Addr> {
    let client = (Ipv4Addr::from_bits(0xc900_0000 + (number >> 4)), 1024 + (number & 15) as u16);
    let tuple = |source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)| FiveTuple {
        source: source.0,
        destination: destination.0,
        source_port: Port::new(source.1),
        destination_port: Port::new(destination.1),
        protocol: Protocol::Tcp,
    };
    let original = tuple(client, (Ipv4Addr::new(198, 18, 0, 1), 80));
    let reply = tuple((Ipv4Addr::new(10, 0, 0, 11), 80), client);
    NewConnection {
        kind: Kind::Service,
        original: Key::new(original, Side::Public),
        reply: Key::new(reply, Side::Private),
        service: ServiceId::NONE,
        server: ServerId::NONE,
        direction: nat::Direction::Original,
        flags: Flags::SYN,
    }
}
