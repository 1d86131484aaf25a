//! Copies of packets as they arrive and as they leave, and what became of each.

use std::net::Ipv4Addr;

use bpf::{Instruction, Program};
use capture::{Course, Ending, Intake, PacketCopy, Points, Selection};
use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::{self, HandoffTag};
use dataplane::role::Deadlines;
use nat::Side;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, SERVER, VIP, arriving, datagram, drain, mark, question};

#[allow(clippy::vec_box, reason = "as they come out of the ring")]
fn captured(intake: &Intake) -> Vec<Box<PacketCopy>> {
    std::iter::from_fn(|| intake.next()).collect()
}

fn instruction(code: u16, jump_true: u8, jump_false: u8, operand: u32) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

fn by(program: &[Instruction]) -> Selection {
    Selection { filter: Some(Program::new(program).unwrap()), ..Selection::ALL }
}

/// Frames whose IPv4 destination is this address.
fn to(address: Ipv4Addr) -> Selection {
    by(&[
        instruction(0x20, 0, 0, 30),
        instruction(0x15, 0, 1, address.to_bits()),
        instruction(0x06, 0, 0, u32::MAX),
        instruction(0x06, 0, 0, 0),
    ])
}

fn assert_translated(copies: &[Box<PacketCopy>], sent: &[u8]) {
    let [before, after] = copies else { panic!("{copies:?}") };
    assert_eq!((before.side, before.course), (Side::Public, Course::Received));
    assert_eq!((after.side, after.course), (Side::Private, Course::Sent));
    assert_eq!((before.bytes(), after.bytes()), (&question(5)[..], sent));
    assert_eq!((before.number, before.ending), (after.number, Ending::Passed));
    let connections = [before, after].map(|copy| copy.connection.unwrap().0);
    assert_eq!(connections[0], connections[1]);
}

#[test]
fn a_packet_is_copied_before_and_after_its_translation() {
    let mut bench = Bench::new();
    let intake = bench.capture(Selection::ALL);
    // The first opens the connection, the second takes the fast path.
    for _ in 0..2 {
        bench.arrive(Side::Public, &[question(5)]);
        let sent = bench.sent(Side::Private);
        assert_translated(&captured(&intake), &sent[0]);
    }
    bench.end_capture();
    bench.arrive(Side::Public, &[question(5)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
    assert!(captured(&intake).is_empty());
}

#[test]
fn the_filter_may_speak_of_the_packet_as_it_is_on_either_side() {
    let mut bench = Bench::new();
    for address in [VIP, SERVER] {
        let intake = bench.capture(to(address));
        bench.arrive(Side::Public, &[question(5)]);
        let sent = bench.sent(Side::Private);
        assert_translated(&captured(&intake), &sent[0]);
        bench.end_capture();
    }
    // The control: of neither.
    let intake = bench.capture(to(Ipv4Addr::new(192, 0, 2, 1)));
    bench.arrive(Side::Public, &[question(5)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
    assert!(captured(&intake).is_empty());
    assert_eq!(intake.counts().get(Side::Public).seen, 1);
}

#[test]
fn a_dropped_packet_has_its_reason() {
    let mut bench = Bench::new();
    let dropped = Points { received: false, sent: false, dropped: true };
    let intake = bench.capture(Selection { points: dropped, ..Selection::ALL });
    let nobodys = datagram(Side::Public, (CLIENT, 4242), (VIP, 54), 1);
    bench.arrive(Side::Public, &[question(1), nobodys.clone(), question(2)]);
    let copies = captured(&intake);
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert_eq!(copies[0].bytes(), nobodys);
    assert_eq!(copies[0].ending, Ending::Dropped(DropReason::NoService as u8));
    assert_eq!(bench.dropped(DropReason::NoService), 1);
}

#[test]
fn the_order_of_packets_stays_while_some_are_copied() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.sent(Side::Private);
    // Every other one by its mark, which is the last byte.
    let program = [
        instruction(0x30, 0, 0, 59),
        instruction(0x45, 0, 1, 1),
        instruction(0x06, 0, 0, u32::MAX),
        instruction(0x06, 0, 0, 0),
    ];
    let intake = bench.capture(by(&program));
    let questions: Vec<_> = (1..=30).map(question).collect();
    bench.arrive(Side::Public, &questions);
    let marks: Vec<u8> = bench.sent(Side::Private).iter().map(|frame| mark(frame)).collect();
    assert_eq!(marks, (1..=30).collect::<Vec<_>>());
    let copies = captured(&intake);
    for course in [Course::Received, Course::Sent] {
        let these = copies.iter().filter(|copy| copy.course == course);
        let marks: Vec<u8> = these.map(|copy| mark(copy.bytes())).collect();
        assert_eq!(marks, (1..=30).step_by(2).collect::<Vec<_>>());
    }
}

#[test]
fn what_the_router_answers_itself_is_copied_as_it_leaves() {
    let mut bench = Bench::new();
    let intake = bench.capture(Selection::ALL);
    let ping = arriving(Side::Public, Frame::echo_request(CLIENT, VIP, 7)).build();
    bench.arrive(Side::Public, core::slice::from_ref(&ping));
    let sent = bench.sent(Side::Public);
    let copies = captured(&intake);
    assert_eq!(copies.len(), 2, "{copies:?}");
    assert_eq!((copies[0].bytes(), copies[1].bytes()), (&ping[..], &sent[0][..]));
    assert!(copies.iter().all(|copy| copy.side == Side::Public && copy.connection.is_none()));
}

#[test]
fn what_the_main_core_is_given_is_copied_as_it_arrives() {
    let mut bench = Bench::new();
    let intake = bench.capture(Selection::ALL);
    let hop = bench.neighbours.find(Side::Private, SERVER).unwrap();
    bench.neighbours.publish(hop, None);
    bench.arrive(Side::Public, &[question(5)]);
    let copies = captured(&intake);
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert_eq!(copies[0].ending, Ending::MainCore);
    assert!(copies[0].connection.is_some());
    // The mark goes with it, so that its other copy has its number.
    let punted = bench.punted();
    assert_eq!(HandoffTag::of(&punted[0]), Some(HandoffTag::Resolve(Side::Private, SERVER)));
    assert!(handoff_tag::mark_of(&punted[0]).is_some());
}

#[test]
fn the_mark_goes_to_the_worker_that_sends_the_packet() {
    let mut bench = Bench::with(Deadlines::never(), 2);
    let intake = bench.capture(Selection::ALL);
    bench.arrive(Side::Public, &[question(5)]);
    let handed = drain(&mut bench.peer);
    assert_eq!(HandoffTag::of(&handed[0]), Some(HandoffTag::Transmit(Side::Private)));
    assert!(handoff_tag::mark_of(&handed[0]).is_some());
    assert_eq!(captured(&intake).len(), 1, "the other worker copies what it sends");
}

#[test]
fn a_standby_machine_says_that_it_is_one() {
    let mut bench = Bench::with(Deadlines::past(), 1);
    let intake = bench.capture(Selection::ALL);
    bench.arrive(Side::Public, &[question(5)]);
    let copies = captured(&intake);
    assert_eq!(copies[0].ending, Ending::Dropped(DropReason::Standby as u8));
}

#[test]
fn without_buffers_packets_go_their_way_and_are_counted() {
    let mut bench = Bench::new();
    let intake = bench.capture(Selection::ALL);
    for _ in 0..50 {
        let burst: Vec<_> = (0..32).map(question).collect();
        bench.arrive(Side::Public, &burst);
        assert_eq!(bench.sent(Side::Private).len(), 32);
    }
    let sides = [Side::Public, Side::Private].map(|side| intake.counts().get(side));
    let all: u64 = sides.iter().map(|side| side.selected + side.lost).sum();
    assert_eq!(all, 2 * 50 * 32);
    assert!(sides.iter().all(|side| side.lost > 0), "{sides:?}");
    assert_eq!(captured(&intake).len() as u64, sides[0].selected + sides[1].selected);
}
