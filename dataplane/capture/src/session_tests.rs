#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the table of a test may be the same each time"
)]

use std::net::Ipv4Addr;

use bpf::{Instruction, Program};
use nat::Instant;
use nat::timeouts::Timeouts;
use pieces::{connections, frames};

use super::*;
use crate::selection::Points;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);

/// Accepts frames whose IPv4 destination is this address.
fn to(address: Ipv4Addr) -> Option<Program> {
    let instruction =
        |code, jump_true, jump_false, operand| Instruction { code, jump_true, jump_false, operand };
    let program = [
        instruction(0x20, 0, 0, 30),
        instruction(0x15, 0, 1, address.to_bits()),
        instruction(0x06, 0, 0, u32::MAX),
        instruction(0x06, 0, 0, 0),
    ];
    Some(Program::new(&program).unwrap())
}

struct Worker {
    session: Session,
    intake: Intake,
    connections: Connections<Ipv4Addr>,
}

/// One packet of an open connection before and after its translation.
fn packets() -> [Vec<u8>; 2] {
    let opening = &connections::openings(1)[0];
    let tuple = opening.original.tuple();
    [tuple, frames::translated(tuple)].map(frames::plain)
}

impl Worker {
    fn new(selection: Selection, snap_length: usize) -> Self {
        let settings = Settings {
            selection: Arc::new(selection),
            snap_length,
            buffers: 0,
            capture: 5,
            worker: 1,
            workers: 2,
        };
        let (session, intake) = session(&settings);
        let mut table = Connections::from_seed(1, 16, Timeouts::default(), Instant::from_millis(1));
        connections::open(&mut table, &connections::openings(1), connections::OPENED);
        Worker { session, intake, connections: table }
    }

    fn arrives(&mut self, frame: &[u8]) -> Arrived {
        self.session.arrives(Side::Public, 1, Frame { bytes: frame, length: frame.len() })
    }

    fn leaves(&mut self, frame: &[u8], mark: Option<Mark>) {
        self.session.begins_to_send();
        let frame = Frame { bytes: frame, length: frame.len() };
        self.session.leaves(Side::Private, 2, frame, mark, 0);
        self.session.sent(Side::Private, 1);
    }

    #[allow(clippy::vec_box, reason = "as they come out of the ring")]
    fn captured(&mut self) -> Vec<Box<PacketCopy>> {
        self.session.settle(&self.connections);
        std::iter::from_fn(|| self.intake.next()).collect()
    }

    /// A packet that arrives and leaves.
    #[allow(clippy::vec_box, reason = "as they come out of the ring")]
    fn passes(&mut self) -> Vec<Box<PacketCopy>> {
        let [before, after] = packets();
        let arrived = self.arrives(&before);
        if arrived.is_selected {
            self.session.ended(Ending::Passed);
        }
        self.leaves(&after, Some(arrived.mark));
        self.captured()
    }
}

fn filtered(filter: Option<Program>) -> Selection {
    Selection { filter, ..Selection::ALL }
}

fn assert_both(copies: &[Box<PacketCopy>]) {
    let [before, after] = packets();
    assert_eq!(copies.len(), 2, "{copies:?}");
    assert_eq!((copies[0].side, copies[0].course), (Side::Public, Course::Received));
    assert_eq!((copies[1].side, copies[1].course), (Side::Private, Course::Sent));
    assert_eq!((copies[0].bytes(), copies[1].bytes()), (&before[..], &after[..]));
    assert_eq!(copies[0].number, copies[1].number);
    let [there, back] = [0, 1].map(|at: usize| copies[at].connection.unwrap().0);
    assert_eq!(there, back, "both know the connection");
}

#[test]
fn a_packet_that_the_filter_accepts_as_it_arrives_is_copied_as_it_leaves_too() {
    let arriving = connections::openings(1)[0].original.tuple().destination;
    let mut worker = Worker::new(filtered(to(arriving)), 2048);
    assert_both(&worker.passes());
    let seen = worker.intake.counts().get(Side::Public);
    assert_eq!((seen.seen, seen.selected, seen.lost), (1, 1, 0));
}

#[test]
fn a_packet_that_the_filter_accepts_as_it_leaves_was_copied_as_it_arrived() {
    let mut worker = Worker::new(filtered(to(SERVER)), 2048);
    assert_both(&worker.passes());
}

#[test]
fn nothing_is_copied_of_what_the_filter_accepts_nowhere() {
    let mut worker = Worker::new(filtered(to(Ipv4Addr::LOCALHOST)), 2048);
    for _ in 0..10_000 {
        assert!(worker.passes().is_empty());
    }
    let seen = worker.intake.counts().get(Side::Private);
    assert_eq!((seen.seen, seen.selected, seen.lost), (10_000, 0, 0));
}

#[test]
fn only_what_is_dropped_is_copied_where_that_is_wanted() {
    let points = Points { received: false, sent: false, dropped: true };
    let mut worker = Worker::new(Selection { points, ..Selection::ALL }, 2048);
    assert!(worker.passes().is_empty());
    worker.arrives(&packets()[0]);
    worker.session.ended(Ending::Dropped(7));
    let copies = worker.captured();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].ending, Ending::Dropped(7));
}

#[test]
fn one_side_alone_is_copied_where_that_is_wanted() {
    let mut worker = Worker::new(Selection { sides: [false, true], ..Selection::ALL }, 2048);
    let copies = worker.passes();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].side, Side::Private);
}

#[test]
fn another_worker_copies_what_it_is_handed() {
    let mut worker = Worker::new(Selection::ALL, 2048);
    worker.arrives(&packets()[0]);
    worker.session.ended(Ending::OtherWorker);
    assert!(worker.captured().is_empty());
}

#[test]
fn packets_are_cut_to_the_snap_length_and_tell_how_long_they_were() {
    let mut worker = Worker::new(Selection::ALL, 20);
    let copies = worker.passes();
    assert_eq!(copies[0].bytes(), &packets()[0][..20]);
    assert_eq!(copies[0].length as usize, packets()[0].len());
}

#[test]
fn what_a_full_queue_does_not_take_is_copied_when_it_leaves() {
    let mut worker = Worker::new(Selection::ALL, 2048);
    let [_, after] = packets();
    for count in [0, 1] {
        worker.session.begins_to_send();
        for place in 0..2 {
            let frame = Frame { bytes: &after, length: after.len() };
            worker.session.leaves(Side::Private, 2, frame, None, place);
        }
        worker.session.sent(Side::Private, count);
        assert_eq!(worker.captured().len(), count);
    }
}

#[test]
fn what_nobody_takes_is_lost_and_counted_and_nothing_waits_for_it() {
    let mut worker = Worker::new(Selection::ALL, 64);
    let frame = packets()[0].clone();
    let arrive = |worker: &mut Worker| {
        worker.arrives(&frame);
        worker.session.ended(Ending::Passed);
        worker.session.settle(&worker.connections);
    };
    (0..3000).for_each(|_| arrive(&mut worker));
    let counts = worker.intake.counts().get(Side::Public);
    assert_eq!((counts.seen, counts.selected), (3000, 2 * PENDING as u64));
    assert_eq!(counts.lost, 3000 - 2 * PENDING as u64);
    // Whoever takes some and gives them back makes room again.
    for _ in 0..10 {
        let copy = worker.intake.next().unwrap();
        worker.intake.give_back(copy);
    }
    (0..20).for_each(|_| arrive(&mut worker));
    assert_eq!(worker.intake.counts().get(Side::Public).selected, 2 * PENDING as u64 + 10);
}

#[test]
fn a_mark_of_an_earlier_capture_means_nothing() {
    let mut worker = Worker::new(filtered(to(Ipv4Addr::LOCALHOST)), 2048);
    let stale = Mark { capture: 4, is_selected: true, number: 0 };
    worker.leaves(&packets()[1], Some(stale));
    assert!(worker.captured().is_empty());
    // The control: the mark of this one does.
    worker.leaves(&packets()[1], Some(Mark { capture: 5, ..stale }));
    assert_eq!(worker.captured().len(), 1);
}

#[test]
fn a_filter_that_takes_too_long_loses_packets_and_holds_no_worker_up() {
    let no = Instruction { code: 0x00, jump_true: 0, jump_false: 0, operand: 0 };
    let end = Instruction { code: 0x06, jump_true: 0, jump_false: 0, operand: 1 };
    let longest = [vec![no; Program::LIMIT - 1], vec![end]].concat();
    let mut worker = Worker::new(filtered(Some(Program::new(&longest).unwrap())), 2048);
    let frame = packets()[0].clone();
    for polls in 1..=3 {
        let selected = (0..32).filter(|_| worker.arrives(&frame).is_selected).count();
        assert_eq!(selected, STEPS as usize / Program::LIMIT);
        worker.captured();
        let lost = worker.intake.counts().get(Side::Public).lost;
        assert_eq!(lost as usize, polls * (32 - selected));
    }
}
