//! Packets that a trace follows go the way that they would have gone, and their journeys say
//! which.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bpf::{Instruction, Program};
use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::trace::{Journey, Kept, Point, Sink, Source, Tracer, Wish};
use etherparse::Icmpv4Type;
use etherparse::icmpv4::DestUnreachableHeader;
use nat::{Direction, Instant, Side};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use wire::icmpv4;
use wire::parse::Payload;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, NEIGHBOURS, SERVER, VIP, arriving, datagram, question};

fn returns(bytes: u32) -> Instruction {
    Instruction { code: 0x06, operand: bytes, ..Instruction::default() }
}

fn every_packet() -> Vec<Instruction> {
    vec![returns(1)]
}

/// Frames with this byte at this place.
fn byte(at: u32, value: u32) -> Vec<Instruction> {
    let load = Instruction { code: 0x30, operand: at, ..Instruction::default() };
    let is = Instruction { code: 0x15, jump_true: 0, jump_false: 1, operand: value };
    vec![load, is, returns(1), returns(0)]
}

impl Bench {
    /// Follows packets from now on.
    fn trace(&mut self, program: &[Instruction], point: Point, kept: Kept) -> Arc<Sink> {
        let wish = Wish {
            filter: Arc::new(Program::new(program).unwrap()),
            point,
            kept,
            one_in: 1,
            until: Instant::from_millis(u64::MAX),
        };
        let sink = Arc::new(Sink::new(Arc::new(AtomicU64::new(1000))));
        self.order_trace(Some(Box::new(Tracer::new(wish, Arc::clone(&sink)))));
        sink
    }
}

fn journeys(sink: &Sink) -> Vec<Journey> {
    core::iter::from_fn(|| sink.take()).collect()
}

/// Packets of every kind, some of a flow that others have opened.
fn packets() -> Vec<(Side, Vec<Vec<u8>>)> {
    let public = |frame: Frame| arriving(Side::Public, frame).build();
    let private = |frame: Frame| arriving(Side::Private, frame).build();
    let answer = || datagram(Side::Private, (SERVER, 53), (CLIENT, 4242), 1);
    let quoted = Frame::udp((CLIENT, 4242), (SERVER, 53)).payload([0; 18]);
    let unreachable = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port);
    let error = Frame { destination: CLIENT, ..Frame::error(SERVER, unreachable, quoted) };
    let internet = (CLIENT, 80);
    let big = Frame::udp((CLIENT, 5000), (VIP, 53)).payload([7; 64]);
    vec![
        (
            Side::Public,
            vec![
                question(1),
                question(2),
                public(Frame::udp((CLIENT, 1), (VIP, 54)).payload([0; 18])),
            ],
        ),
        (Side::Private, vec![answer(), private(error)]),
        (Side::Private, vec![datagram(Side::Private, (SERVER, 9), internet, 3), answer()]),
        (
            Side::Public,
            vec![public(Frame::echo_request(CLIENT, VIP, 7).payload([0; 8])), question(4)],
        ),
        (
            Side::Public,
            vec![public(big.clone().fragment(16, 24)), public(big.fragment(0, 16)), question(5)],
        ),
        (
            Side::Public,
            vec![
                public(Frame::udp((CLIENT, 4242), (VIP, 53)).ttl(1).payload([0; 18])),
                question(6),
            ],
        ),
        (
            Side::Public,
            vec![
                vec![0; 60],
                question(7),
                public(Frame::udp((CLIENT, 1), (VIP, 53)).vlan(5).payload([0; 18])),
            ],
        ),
    ]
}

/// What leaves on both sides, and what is dropped.
type Outcome = (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<(DropReason, u64)>);

fn outcome(bench: &mut Bench) -> Outcome {
    for (side, frames) in packets() {
        bench.arrive(side, &frames);
    }
    let drops = DropReason::ALL.iter().map(|&reason| (reason, bench.dropped(reason)));
    let drops = drops.filter(|(_, count)| *count > 0).collect();
    // What the worker makes up itself differs from run to run.
    let without_identification = |mut frame: Vec<u8>| {
        for at in [18, 19, 24, 25] {
            if let Some(byte) = frame.get_mut(at) {
                *byte = 0;
            }
        }
        frame
    };
    let mut sent = |side| bench.sent(side).into_iter().map(without_identification).collect();
    (sent(Side::Public), sent(Side::Private), drops)
}

#[test]
fn packets_that_are_followed_go_the_way_of_all_others() {
    let mut bench = Bench::new();
    let plain = outcome(&mut bench);
    assert!(plain.0.len() > 4 && plain.1.len() > 6 && plain.2.len() > 3, "{plain:?}");
    // The same connections are known from now on.
    let known = outcome(&mut bench);
    let drops = |outcome: &Outcome, before: &Outcome| -> Vec<(DropReason, u64)> {
        let of = |reason| before.2.iter().find(|(one, _)| *one == reason).map_or(0, |(_, n)| *n);
        outcome.2.iter().map(|&(reason, count)| (reason, count - of(reason))).collect()
    };
    let mut before = known.clone();
    for point in [Point::Before, Point::After, Point::Either] {
        let sink = bench.trace(&every_packet(), point, Kept::All);
        let traced = outcome(&mut bench);
        assert_eq!((&traced.0, &traced.1), (&known.0, &known.1), "{point:?}");
        assert_eq!(drops(&traced, &before), drops(&known, &plain), "{point:?}");
        before = traced;
        let found = journeys(&sink);
        let all: usize = packets().iter().map(|(_, frames)| frames.len()).sum();
        match point {
            // What is dropped leaves nothing that could be looked at.
            Point::After => assert!(found.len() > 8 && found.len() < all),
            _ => assert_eq!(found.len(), all),
        }
    }
}

#[test]
fn a_filter_that_matches_nothing_sees_nothing_and_changes_nothing() {
    let mut bench = Bench::new();
    outcome(&mut bench);
    let known = outcome(&mut bench);
    for point in [Point::Before, Point::Either] {
        let sink = bench.trace(&[returns(0)], point, Kept::All);
        let traced = outcome(&mut bench);
        assert_eq!((traced.0, traced.1), (known.0.clone(), known.1.clone()));
        assert_eq!(journeys(&sink).len(), 0);
        let all: usize = packets().iter().map(|(_, frames)| frames.len()).sum();
        assert_eq!(sink.counts().examined.load(Relaxed), all as u64);
        assert_eq!(sink.counts().matched.load(Relaxed), 0);
    }
    // The control: without a trace nothing is looked at.
    let sink = bench.trace(&every_packet(), Point::Before, Kept::All);
    bench.order_trace(None);
    outcome(&mut bench);
    assert_eq!((journeys(&sink).len(), sink.counts().examined.load(Relaxed)), (0, 0));
}

#[test]
fn a_journey_says_what_was_found_decided_and_sent() {
    let mut bench = Bench::new();
    let sink = bench.trace(&every_packet(), Point::Before, Kept::All);
    bench.arrive(Side::Public, &[question(1)]);
    bench.arrive(Side::Public, &[question(2)]);
    let [first, second] = journeys(&sink).try_into().unwrap();
    assert_eq!(first.source, Source::MainCore);
    assert!(first.found.is_none() && first.effects.opened && !first.was_fast);
    let considered = first.considered.unwrap();
    let server = considered.servers[0].unwrap();
    assert_eq!((server.id, server.state.weight(), server.load.connections()), (bench.server, 1, 0));
    assert_eq!(first.after.unwrap().record.server(), bench.server);
    let found = second.found.unwrap();
    assert_eq!((found.record.server(), found.direction), (bench.server, Direction::Original));
    assert!(second.was_fast && !second.effects.opened && second.considered.is_none());
    for journey in [first, second] {
        let sent = journey.sent[0].unwrap();
        assert_eq!((sent.side, journey.frames_sent), (Side::Private, 1));
        assert_eq!(sent.frame.ipv4().unwrap().destination, SERVER);
        assert_eq!(sent.frame.packet.unwrap().destination_mac, NEIGHBOURS[1]);
        assert_eq!(journey.drops, [None; 2]);
    }
}

#[test]
fn a_packet_can_be_told_by_what_it_is_after_its_translation() {
    let mut bench = Bench::new();
    let server = byte(33, u32::from(SERVER.octets()[3]));
    for (point, expected) in [(Point::Before, 0), (Point::After, 1), (Point::Either, 1)] {
        let sink = bench.trace(&server, point, Kept::All);
        bench.arrive(Side::Public, &[question(1)]);
        let found = journeys(&sink);
        assert_eq!(found.len(), expected, "{point:?}");
        assert!(found.iter().all(|one| one.matched_after && !one.matched_before));
    }
}

#[test]
fn drops_answers_and_what_waits_are_told_apart() {
    let mut bench = Bench::new();
    let sink = bench.trace(&every_packet(), Point::Before, Kept::All);
    let public = |frame: Frame| arriving(Side::Public, frame).build();
    let mut one = |side, frame: Vec<u8>| {
        bench.arrive(side, &[frame]);
        let [journey] = journeys(&sink).try_into().unwrap();
        journey
    };
    // Nobody listens: dropped, and its sender told.
    let refused = one(Side::Public, public(Frame::udp((CLIENT, 1), (VIP, 54)).payload([0; 18])));
    assert_eq!(refused.drops, [Some(DropReason::NoService), None]);
    assert!(refused.effects.icmp_error);
    let answer = refused.sent[0].unwrap();
    let payload = answer.frame.ipv4().unwrap().payload;
    let is_error = |payload| {
        let Payload::IcmpError { kind, .. } = payload else { return false };
        matches!(kind, icmpv4::Error::DestinationUnreachable { code: 3, .. })
    };
    assert!(answer.side == Side::Public && is_error(payload));
    // A later fragment waits for its first.
    let big = Frame::udp((CLIENT, 5000), (VIP, 53)).payload([7; 64]);
    let later = one(Side::Public, public(big.clone().fragment(16, 24)));
    assert!(later.is_held() && later.arrived.ipv4().unwrap().fragment.is_some());
    let first = one(Side::Public, public(big.fragment(0, 16)));
    assert_eq!((first.frames_sent, first.effects.opened), (2, true));
    // The main core gets what is not resolved, and the kernel's.
    let unknown = datagram(Side::Private, (SERVER, 9), ([198, 51, 100, 77].into(), 80), 3);
    let unresolved = one(Side::Private, unknown);
    let hop = std::net::Ipv4Addr::new(198, 51, 100, 77);
    let (_, tag) = unresolved.to_main_core.unwrap();
    assert_eq!(tag, HandoffTag::Resolve(Side::Public, hop));
    assert!(unresolved.effects.opened && !unresolved.is_held());
    let own = datagram(Side::Public, (CLIENT, 9), (crate::bench::REAL, 22), 3);
    let (_, tag) = one(Side::Public, own).to_main_core.unwrap();
    assert_eq!(tag, HandoffTag::Kernel(Side::Public));
}

#[test]
fn drops_alone_are_kept_if_that_is_wanted() {
    let mut bench = Bench::new();
    let kept = Kept::DroppedFor(DropReason::TtlExpired);
    let sink = bench.trace(&every_packet(), Point::Before, kept);
    outcome(&mut bench);
    let found = journeys(&sink);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].drops[0], Some(DropReason::TtlExpired));
}

/// Programs as nobody's compiler makes them: the worker goes on, and gives none of them more than
/// its part of the time.
#[test]
fn no_program_keeps_a_worker_from_its_packets() {
    // Of each class some: loads, stores, arithmetic, jumps, returns; and one that is none.
    let codes = vec![
        0x00u16, 0x02, 0x04, 0x05, 0x06, 0x07, 0x15, 0x16, 0x1d, 0x20, 0x24, 0x28, 0x30, 0x3c,
        0x40, 0x45, 0x48, 0x50, 0x54, 0x60, 0x61, 0x6c, 0x80, 0x84, 0x87, 0x9c, 0xac, 0xb1, 0xff,
    ];
    let codes = proptest::sample::select(codes);
    let instruction = (codes, 0u8..4, 0u8..4, proptest::num::u32::ANY).prop_map(
        |(code, jump_true, jump_false, operand)| Instruction {
            code,
            jump_true,
            jump_false,
            operand: if operand % 8 == 0 { operand } else { operand % 16 },
        },
    );
    let programs = proptest::collection::vec(instruction, 1..12);
    let mut runner = TestRunner::deterministic();
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.sent(Side::Private);
    let mut taken = 0;
    for round in 0..3000u32 {
        let mut program = programs.new_tree(&mut runner).unwrap().current();
        program.extend([returns(round % 2); 20]);
        let Ok(_) = Program::new(&program) else { continue };
        taken += 1;
        let point = [Point::Before, Point::After, Point::Either][round as usize % 3];
        bench.trace(&program, point, Kept::All);
        bench.arrive(Side::Public, &[question(1), question(2)]);
        assert_eq!(bench.sent(Side::Private).len(), 2, "{program:?}");
    }
    assert!(taken > 500, "{taken} programs were run");
}

#[test]
fn the_longest_program_takes_its_part_of_the_time_and_what_it_misses_is_counted() {
    let mut bench = Bench::new();
    let mut longest = vec![Instruction { code: 0xb1, operand: 14, ..Instruction::default() }; 4095];
    longest.push(returns(1));
    let sink = bench.trace(&longest, Point::Before, Kept::All);
    let burst: Vec<_> = (0..32).map(question).collect();
    bench.arrive(Side::Public, &burst);
    bench.sent(Side::Private);
    let mut sent = 32;
    // Each burst takes 131,072 steps of the million there may be; the poll itself takes a
    // millisecond at the most.
    for _ in 0..400 {
        bench.arrive(Side::Public, &burst);
        sent += bench.sent(Side::Private).len();
    }
    assert_eq!(sent, 401 * 32, "all of them went their way");
    let counts = sink.counts();
    let (seen, missed) = (&counts.examined, &counts.not_examined);
    let (seen, missed) = (seen.load(Relaxed), missed.load(Relaxed));
    assert_eq!(seen + missed, 401 * 32);
    assert!(missed > 0, "{seen} were looked at");
}
