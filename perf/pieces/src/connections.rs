//! Connections, and what `nat` does with them.

use core::hint::black_box;
use std::net::Ipv4Addr;

use bpf::Program;
use nat::connection::{Kind, NewConnection};
use nat::random::Random;
use nat::service::{ServerId, ServiceId};
use nat::table::{Candidate, Key, Probe, Table};
use nat::{Connections, Direction, Instant, Side};
use wire::Protocol;
use wire::flow::{self, Flow};
use wire::tcp::Flags;

use crate::BURST;
use crate::frames::{self, Frame};

/// When the connections are opened.
pub const OPENED: Instant = Instant::from_millis(1);

const PORT: u16 = 40_000;
/// A port of the clients that no connection has.
const OTHER_PORT: u16 = 41_000;

/// So many connections in random order, the same each time.
pub fn openings(count: u32) -> Vec<NewConnection<Ipv4Addr>> {
    let mut random = Random::from_seed(1);
    let mut openings: Vec<_> = (0..count).map(opening).collect();
    for last in (1..count).rev() {
        openings.swap(last as usize, random.below(last + 1) as usize);
    }
    openings
}

fn opening(client: u32) -> NewConnection<Ipv4Addr> {
    let original = frames::flow(Protocol::Tcp, client, PORT);
    NewConnection {
        kind: Kind::Service,
        original: Key::new(original, Side::Public),
        reply: Key::new(frames::translated(original).reversed(), Side::Private),
        service: ServiceId::NONE,
        server: ServerId::NONE,
        direction: nat::Direction::Original,
        flags: Flags::SYN,
    }
}

/// The keys of the clients' packets.
pub fn keys(openings: &[NewConnection<Ipv4Addr>]) -> Vec<Key<Ipv4Addr>> {
    openings.iter().map(|opening| opening.original).collect()
}

/// Keys of the same clients that no connection has.
pub fn unknown_keys(openings: &[NewConnection<Ipv4Addr>]) -> Vec<Key<Ipv4Addr>> {
    let unknown = |opening: &NewConnection<Ipv4Addr>| {
        let client = opening.original.tuple().source.to_bits() & 0x00ff_ffff;
        Key::new(frames::flow(Protocol::Tcp, client, OTHER_PORT), Side::Public)
    };
    openings.iter().map(unknown).collect()
}

/// The clients' packets.
pub fn packets(openings: &[NewConnection<Ipv4Addr>]) -> Vec<Frame> {
    openings.iter().map(|opening| frames::plain(opening.original.tuple())).collect()
}

/// Opens connections with their SYN.
pub fn open(
    connections: &mut Connections<Ipv4Addr>,
    openings: &[NewConnection<Ipv4Addr>],
    now: Instant,
) {
    for opening in openings {
        let _ = black_box(connections.open(opening, now));
    }
}

/// The rest of the handshake.
pub fn establish(
    connections: &mut Connections<Ipv4Addr>,
    openings: &[NewConnection<Ipv4Addr>],
    now: Instant,
) {
    for opening in openings {
        let mut hit = connections.table().look_up(&opening.original).expect("it is open");
        for (direction, flags) in
            [(Direction::Reply, Flags::SYN | Flags::ACK), (Direction::Original, Flags::ACK)]
        {
            hit.direction = direction;
            connections.pass(hit, flags.into(), now).expect("it is open");
        }
    }
}

/// Closes connections at once.
pub fn close(connections: &mut Connections<Ipv4Addr>, openings: &[NewConnection<Ipv4Addr>]) {
    for opening in openings {
        if let Some(hit) = connections.table().look_up(&opening.original) {
            black_box(connections.close(hit.id));
        }
    }
}

/// The hash of each key.
pub fn hash(table: &Table<Ipv4Addr>, keys: &[Key<Ipv4Addr>]) {
    for key in keys {
        black_box(table.hash(key));
    }
}

/// Looks keys up as the worker does, and returns how many have a connection.
pub fn look_up(table: &Table<Ipv4Addr>, keys: &[Key<Ipv4Addr>]) -> usize {
    let mut hits = 0;
    for burst in keys.chunks(BURST) {
        let mut probes = [Probe::EMPTY; BURST];
        let mut candidates = [Candidate::NONE; BURST];
        for (key, probe) in burst.iter().zip(&mut probes) {
            *probe = table.probe(key);
            table.prefetch(*probe);
        }
        ask_for_records(table, burst.len(), &probes, &mut candidates);
        for (key, candidate) in burst.iter().zip(candidates) {
            let hit = table.confirm(candidate, key);
            hits += usize::from(hit.or_else(|| table.look_up(key)).is_some());
        }
    }
    hits
}

#[inline(always)]
fn ask_for_records(
    table: &Table<Ipv4Addr>,
    count: usize,
    probes: &[Probe; BURST],
    candidates: &mut [Candidate; BURST],
) {
    for (probe, candidate) in probes.iter().zip(candidates).take(count) {
        *candidate = table.candidate(*probe);
        table.prefetch_record(*candidate);
    }
}

/// Everything that the fast path does to packets of known connections, without DPDK;
/// returns how many went this way. Once a burst it looks whether a trace runs, as a worker does.
pub fn forward(
    connections: &mut Connections<Ipv4Addr>,
    packets: &mut [Frame],
    now: Instant,
    trace: &Option<Box<Program>>,
) -> usize {
    const EPOCH: u16 = 0;
    let mut forwarded = 0;
    for burst in packets.chunks_mut(BURST) {
        if let Some(program) = black_box(trace) {
            filter(program, burst);
        }
        let mut lanes = [(Key::EMPTY, Flags::EMPTY); BURST];
        let mut probes = [Probe::EMPTY; BURST];
        let mut candidates = [Candidate::NONE; BURST];
        for (packet, lane) in burst.iter().zip(&mut lanes) {
            let Ok(Flow { tuple, tcp_flags, .. }) = flow::read(packet) else { continue };
            *lane = (Key::new(tuple, Side::Public), tcp_flags);
        }
        for ((key, _), probe) in lanes.iter().zip(&mut probes).take(burst.len()) {
            *probe = connections.table().probe(key);
            connections.table().prefetch(*probe);
        }
        ask_for_records(connections.table(), burst.len(), &probes, &mut candidates);
        for ((packet, lane), candidate) in burst.iter_mut().zip(lanes).zip(candidates) {
            let (key, flags) = lane;
            let Some(mut hit) = connections.fast_hit(candidate, &key, EPOCH) else { continue };
            if !hit.leaves_on(Side::Private) || !hit.pass(flags, || flow::segment(packet), now) {
                continue;
            }
            forwarded += usize::from(flow::rewrite(packet, hit, frames::LINK));
        }
    }
    forwarded
}

/// Has a filter look at frames; returns how many it selects.
#[cold]
#[inline(never)]
pub fn filter(program: &Program, frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| program.run(frame, frame.len()).accepts).count()
}

/// Lets a packet pass in each connection.
pub fn refresh(
    connections: &mut Connections<Ipv4Addr>,
    openings: &[NewConnection<Ipv4Addr>],
    now: Instant,
) {
    for opening in openings {
        let hit = connections.table().look_up(&opening.original).expect("it is open");
        connections.pass(hit, Flags::ACK.into(), now).expect("it is open");
    }
}

/// Lets the wheel go round until nothing is due.
pub fn expire(connections: &mut Connections<Ipv4Addr>, now: Instant) {
    while black_box(connections.expire(now)).goes_on {}
}

/// Brings the wheel to this time before there is anything to visit: a step passes over no
/// more than a few empty slots.
pub fn turn(connections: &mut Connections<Ipv4Addr>, now: Instant) {
    for _ in 0..1000 {
        expire(connections, now);
    }
}
