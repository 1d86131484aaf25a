//! A full table: who makes room, and who does not.

use std::sync::Arc;

use super::*;
use crate::room::{Reserve, Room};

const CAPACITY: usize = 100;

/// A table that these have filled, each in a state.
fn filled(states: impl Iterator<Item = State>) -> Connections<Ipv4Addr> {
    let mut connections = connections(CAPACITY);
    for (number, state) in (0..).zip(states.take(CAPACITY)) {
        let protocol = match state {
            State::Unreplied | State::Replied | State::None => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        let id = connections.open(&opening(Kind::Service, protocol, number), at(0)).unwrap().id;
        let segments: &[Timed] = match state {
            State::Unreplied | State::SynReceived => &[],
            State::Replied => &[(1, R, Flags::EMPTY)],
            State::None => &[(1, R, Flags::EMPTY), (2, O, Flags::EMPTY)],
            State::SynAck => &[(1, R, SYN_ACK)],
            State::Close => &[(1, R, RST)],
            State::Established => &[(1, R, SYN_ACK), (2, O, ACK)],
            State::TimeWait => {
                &[(1, R, SYN_ACK), (2, O, ACK), (3, O, FIN_ACK), (4, R, FIN_ACK), (5, O, ACK)]
            }
            other => panic!("nobody asks for {other:?}"),
        };
        follow(&mut connections, id, segments);
        assert_eq!(connections.table().get(id).unwrap().state(), state);
    }
    assert_eq!(connections.table().len(), CAPACITY);
    connections
}

fn newcomer(number: u16) -> NewConnection<Ipv4Addr> {
    opening(Kind::Masquerade, Protocol::Udp, number)
}

/// Opens one more, as the translator does.
fn open(connections: &mut Connections<Ipv4Addr>, number: u16) -> Result<Hit, InsertError> {
    match connections.open(&newcomer(number), at(10)) {
        Err(InsertError::Full) if connections.make_room() => {
            connections.open(&newcomer(number), at(10))
        }
        opened => opened,
    }
}

#[test]
fn what_was_never_answered_makes_room_and_what_was_never_does() {
    let states =
        [State::Unreplied, State::Replied, State::SynReceived, State::SynAck, State::Close];
    for state in states {
        let mut connections = filled(core::iter::repeat(state));
        for number in 0..10 {
            open(&mut connections, number).unwrap();
        }
        assert_eq!(connections.evicted(), 10, "{state:?}");
        assert_eq!(connections.table().len(), CAPACITY);
    }
    for state in [State::None, State::Established, State::TimeWait] {
        let mut connections = filled(core::iter::repeat(state));
        for number in 0..10 {
            assert_eq!(open(&mut connections, number).unwrap_err(), InsertError::Full);
        }
        assert_eq!(connections.evicted(), 0, "{state:?}");
    }
}

#[test]
fn of_a_mixture_those_that_were_answered_stay_whoever_comes() {
    let states = [State::Established, State::Unreplied, State::None, State::SynReceived];
    let mut connections = filled(states.into_iter().cycle());
    for number in 0..1000 {
        open(&mut connections, number).unwrap();
    }
    let stayed = connections.table().scan(0, usize::MAX);
    let stayed = stayed.filter(|(_, record)| record.kind() == Kind::Service).count();
    assert_eq!(stayed, CAPACITY / 2, "half were answered");
    assert_eq!(connections.evicted(), 1000);
}

#[test]
fn the_oldest_newcomer_makes_room_for_the_next() {
    let mut connections = filled(core::iter::repeat(State::Unreplied));
    for number in 0..3 * CAPACITY as u16 {
        open(&mut connections, number).unwrap();
    }
    let mut left: Vec<_> = connections
        .table()
        .scan(0, usize::MAX)
        .map(|(_, record)| record.key(O).tuple().source_port.number() - 10_000)
        .collect();
    left.sort_unstable();
    assert_eq!(left, (2 * CAPACITY as u16..3 * CAPACITY as u16).collect::<Vec<_>>());
}

#[test]
fn whoever_was_open_stays_though_it_was_reset() {
    let mut connections = connections(2);
    let new = opening(Kind::Service, Protocol::Tcp, 1);
    let id = connections.open(&new, at(0)).unwrap().id;
    follow(&mut connections, id, &[(1, R, SYN_ACK), (2, O, ACK), (3, R, RST)]);
    assert_eq!(connections.table().get(id).unwrap().state(), State::Close);
    // A reset may be forged: the next segment revives the connection.
    assert!(!connections.make_room());
    follow(&mut connections, id, &[(4, R, ACK)]);
    assert_eq!(connections.table().get(id).unwrap().state(), State::Established);
}

#[test]
fn the_hand_finds_the_only_one_in_a_long_row() {
    let mut connections = connections(1000);
    for number in 0..1000 {
        let new = opening(Kind::Service, Protocol::Udp, number);
        let id = connections.open(&new, at(0)).unwrap().id;
        if number != 700 {
            follow(&mut connections, id, &[(1, R, Flags::EMPTY), (2, O, Flags::EMPTY)]);
        }
    }
    assert!(connections.make_room());
    assert!(!connections.make_room(), "every other one was answered");
    assert!(
        connections.table().look_up(&opening(Kind::Service, Protocol::Udp, 700).original).is_none()
    );
    // What opens in its place may go, and nothing else.
    connections.open(&newcomer(1), at(10)).unwrap();
    assert!(connections.make_room());
    assert!(connections.table().look_up(&newcomer(1).original).is_none());
    assert_eq!(connections.table().len(), 999);
}

#[test]
fn a_flow_that_nobody_replies_to_lives_briefly_and_one_that_is_answered_as_ever() {
    let mut connections = connections(4);
    connections.open(&opening(Kind::Service, Protocol::Udp, 1), at(0)).unwrap();
    assert!((30_000..30_000 + SLACK).contains(&end_of(&mut connections, 0)));

    // Its own datagrams keep it, on the fast path as well.
    let id = connections.open(&opening(Kind::Service, Protocol::Udp, 2), at(100_000)).unwrap().id;
    follow(&mut connections, id, &[(120_000, O, Flags::EMPTY), (140_000, O, Flags::EMPTY)]);
    assert_eq!(connections.table().get(id).unwrap().state(), State::Unreplied);
    let end = end_of(&mut connections, 140_000);
    assert!((170_000..170_000 + SLACK).contains(&end), "{end}");

    let id = connections.open(&opening(Kind::Service, Protocol::Udp, 3), at(200_000)).unwrap().id;
    follow(&mut connections, id, &[(201_000, R, Flags::EMPTY)]);
    assert_eq!(connections.table().get(id).unwrap().state(), State::Replied);
    let end = end_of(&mut connections, 201_000);
    assert!((501_000..501_000 + SLACK).contains(&end), "{end}");
}

/// Beyond its own part a worker has what it is lent, and memory does not move as it grows.
#[test]
fn a_worker_opens_as_many_as_it_is_lent() {
    let mut reserve = Reserve::new(200, 2);
    let rooms = [0, 1].map(|_| Arc::new(Room::new(reserve.capacity())));
    let mut connections: Connections<Ipv4Addr> =
        Connections::new(reserve.capacity(), Timeouts::default(), at(0), &mut |_| ())
            .within(Arc::clone(&rooms[0]));
    let mut opened = 0;
    let mut fill = |connections: &mut Connections<Ipv4Addr>| {
        while connections.open(&newcomer(opened), at(0)).is_ok() {
            opened += 1;
        }
        connections.table().len()
    };
    let own = reserve.capacity().own;
    assert_eq!((own, fill(&mut connections)), (50, 50));
    for _ in 0..20 {
        let held = [connections.table().len(), 0];
        reserve.share(&rooms, |at| held[at], &mut |_| ());
        fill(&mut connections);
    }
    assert_eq!(connections.table().len(), 150);
    // The other worker takes its part of what is given back.
    let ids: Vec<_> = connections.table().scan(0, 40).map(|(id, _)| id).collect();
    for id in ids {
        connections.close(id).unwrap();
    }
    reserve.share(&rooms, |at| [110, 50][at], &mut |_| ());
    assert_eq!(rooms.map(|room| room.limit()), [130, 70]);
}
