//! Fragments against a plain map that does the same.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Packets = Tracker<Ipv4Addr, u32, char>;

fn key(identification: u32) -> Key<Ipv4Addr> {
    Key {
        source: Ipv4Addr::new(198, 51, 100, 100),
        destination: Ipv4Addr::new(198, 51, 100, 10),
        protocol: 17,
        identification,
        side: Side::Public,
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn tracker() -> Packets {
    Tracker::new(4, 100, Seconds(5))
}

fn release(tracker: &mut Packets, held: Result<Held, Refusal>) -> Vec<u32> {
    let mut held = held.unwrap();
    core::iter::from_fn(|| tracker.next_held(&mut held)).collect()
}

#[test]
fn in_order() {
    let mut tracker = tracker();
    let first = tracker.first(key(1), at(0), 'a');
    assert!(release(&mut tracker, first).is_empty());
    assert_eq!(tracker.later(key(1), 7, at(0)), Later::Known('a', 7));
}

#[test]
fn in_reverse_order() {
    let mut tracker = tracker();
    assert_eq!(tracker.later(key(1), 7, at(0)), Later::Held);
    assert_eq!(tracker.later(key(1), 6, at(0)), Later::Held);
    let first = tracker.first(key(1), at(1), 'a');
    assert_eq!(release(&mut tracker, first), [7, 6]);
    assert_eq!(tracker.later(key(1), 8, at(2)), Later::Known('a', 8));
}

#[test]
fn datagrams_and_sides_are_apart() {
    let mut tracker = tracker();
    let other = Key { side: Side::Private, ..key(1) };
    tracker.first(key(1), at(0), 'a').unwrap();
    tracker.first(key(2), at(0), 'b').unwrap();
    assert_eq!(tracker.later(key(2), 1, at(0)), Later::Known('b', 1));
    assert_eq!(tracker.later(other, 2, at(0)), Later::Held);
}

#[test]
fn an_identification_used_again_decides_anew() {
    let mut tracker = tracker();
    tracker.first(key(1), at(0), 'a').unwrap();
    tracker.first(key(1), at(0), 'x').unwrap();
    assert_eq!(tracker.later(key(1), 1, at(0)), Later::Known('x', 1));
}

#[test]
fn a_first_fragment_that_comes_again_is_known_until_the_datagrams_time_is_over() {
    let mut tracker = tracker();
    assert_eq!(tracker.decided(&key(1), at(0)), None);
    assert_eq!(tracker.later(key(1), 7, at(0)), Later::Held);
    assert_eq!(tracker.decided(&key(1), at(0)), None);
    tracker.first(key(1), at(0), 'a').unwrap();
    for millis in [0, 2500, 4999] {
        assert_eq!(tracker.decided(&key(1), at(millis)), Some('a'));
        // Copies of the first fragment make the time no longer.
        tracker.first(key(1), at(millis), 'a').unwrap();
    }
    assert_eq!(tracker.decided(&key(1), at(5000)), None);
    // But the later fragments of a datagram with the same identification find their way.
    assert_eq!(tracker.later(key(1), 8, at(5000)), Later::Known('a', 8));
    tracker.first(key(1), at(6000), 'b').unwrap();
    assert_eq!(tracker.decided(&key(1), at(10_999)), Some('b'));
}

#[test]
fn a_flood_is_refused_and_stops_nobody() {
    let mut tracker = tracker();
    tracker.first(key(0), at(0), 'a').unwrap();
    for datagram in 1..3 {
        assert_eq!(tracker.later(key(datagram), datagram, at(0)), Later::Held);
    }
    for datagram in 10..1000 {
        let refused = Later::Refused(9, Refusal::Table);
        assert_eq!(tracker.later(key(datagram), 9, at(0)), refused);
    }
    assert_eq!(tracker.later(key(0), 5, at(0)), Later::Known('a', 5));
    // Datagrams in order pass, however many; those that waited still do.
    for datagram in 20..1000 {
        tracker.first(key(datagram), at(0), 'b').unwrap();
        assert_eq!(tracker.later(key(datagram), 3, at(0)), Later::Known('b', 3));
    }
    for fragment in 1..HELD_PER_DATAGRAM as u32 {
        assert_eq!(tracker.later(key(1), fragment, at(0)), Later::Held);
    }
    assert_eq!(tracker.later(key(1), 99, at(0)), Later::Refused(99, Refusal::Held));
}

#[test]
fn datagrams_that_are_through_make_room() {
    let mut tracker = tracker();
    for datagram in 0..100 {
        let now = at(u64::from(datagram) * 10);
        tracker.first(key(datagram), now, 'a').unwrap();
        assert_eq!(tracker.later(key(datagram), 7, now), Later::Known('a', 7));
    }
    assert_eq!(tracker.len(), 4);
}

#[test]
fn the_seed_is_its_own() {
    let (one, other): (Packets, Packets) = (tracker(), tracker());
    assert_ne!(one.hash(&key(1)), other.hash(&key(1)));
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    First(u32, char),
    Later(u32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..DATAGRAMS, proptest::char::range('a', 'c')).prop_map(|(id, v)| Step::First(id, v)),
        (0u32..DATAGRAMS).prop_map(Step::Later),
        (0u64..4000).prop_map(Step::Wait),
    ]
}

#[derive(Default)]
struct Model {
    datagrams: HashMap<u32, (u64, Option<char>, VecDeque<u32>)>,
}

/// Datagrams in the property, and places: nobody is pushed out, and too many can wait.
const DATAGRAMS: u32 = 12;
const PLACES: usize = 16;

impl Model {
    fn entry(&mut self, id: u32, now: u64) -> &mut (u64, Option<char>, VecDeque<u32>) {
        self.datagrams.entry(id).or_insert((now, None, VecDeque::new()))
    }

    fn is_crowded_for(&self, id: u32) -> bool {
        let waiting = self.datagrams.values().filter(|(_, verdict, _)| verdict.is_none());
        !self.datagrams.contains_key(&id) && waiting.count() >= PLACES / 2
    }
}

proptest! {
    #[test]
    fn does_what_a_map_does(steps in vec(step(), 1..200)) {
        let mut tracker: Packets = Tracker::new(PLACES, 100, Seconds(5));
        let mut model = Model::default();
        let (mut now, mut packet) = (0, 0);
        for step in steps {
            match step {
                Step::Wait(millis) => {
                    now += millis;
                    let mut expired = Vec::new();
                    tracker.expire(at(now), PLACES, |packet| expired.push(packet));
                    let mut expected = Vec::new();
                    model.datagrams.retain(|_, (since, _, held)| {
                        let over = now - *since >= 5000;
                        if over {
                            expected.extend(held.drain(..));
                        }
                        !over
                    });
                    expired.sort_unstable();
                    expected.sort_unstable();
                    prop_assert_eq!(expired, expected);
                }
                Step::First(id, verdict) => {
                    let (since, known, held) = model.entry(id, now);
                    (*since, *known) = (now, Some(verdict));
                    let expected: Vec<_> = held.drain(..).collect();
                    let first = tracker.first(key(id), at(now), verdict);
                    prop_assert_eq!(release(&mut tracker, first), expected);
                }
                Step::Later(id) => {
                    packet += 1;
                    let got = tracker.later(key(id), packet, at(now));
                    let expected = if model.is_crowded_for(id) {
                        Later::Refused(packet, Refusal::Table)
                    } else {
                        match model.entry(id, now) {
                            (_, Some(verdict), _) => Later::Known(*verdict, packet),
                            (_, None, held) if held.len() == HELD_PER_DATAGRAM => {
                                Later::Refused(packet, Refusal::Held)
                            }
                            (_, None, held) => {
                                held.push_back(packet);
                                Later::Held
                            }
                        }
                    };
                    prop_assert_eq!(got, expected);
                }
            }
            prop_assert_eq!(tracker.len(), model.datagrams.len());
        }
    }
}
