//! Connections in their life.

mod eviction;
mod forged;
mod killing;
mod lives;
mod one_packet;

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{FiveTuple, Port};

use super::*;
use crate::ports::{Candidates, PortRange};
use crate::scheduler::Load;
use crate::service::ServiceId;

const ACK: Flags = Flags::ACK;
const SYN: Flags = Flags::SYN;
const RST: Flags = Flags::RST;
const FIN_ACK: Flags = Flags::from_bits(Flags::FIN.bits() | Flags::ACK.bits());
const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());

/// A connection may outlive its timeout by two ticks of the wheel and no more: up to one
/// because its deadline lies in the midst of one, and one for the step that asks for it.
const SLACK: u64 = 2 * 1024;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn connections(capacity: usize) -> Connections<Ipv4Addr> {
    Connections::new(capacity, Timeouts::default(), at(0), &mut |_| ())
}

fn tuple(
    source: [u8; 4],
    port: u16,
    to: [u8; 4],
    to_port: u16,
    protocol: Protocol,
) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        source: source.into(),
        destination: to.into(),
        source_port: Port::new(port),
        destination_port: Port::new(to_port),
        protocol,
    }
}

fn opening(kind: Kind, protocol: Protocol, number: u16) -> NewConnection<Ipv4Addr> {
    let port = 10_000 + number;
    let client = [198, 51, 100, 100];
    let (original, reply, side) = match kind {
        Kind::Service | Kind::Hairpin => (
            tuple(client, port, [198, 51, 100, 10], 80, protocol),
            tuple([10, 0, 0, 11], 8080, client, port, protocol),
            Side::Public,
        ),
        Kind::Masquerade => (
            tuple([10, 0, 0, 11], port, client, 80, protocol),
            tuple(client, 80, [198, 51, 100, 10], port, protocol),
            Side::Private,
        ),
    };
    NewConnection {
        kind,
        original: Key::new(original, side),
        reply: Key::new(reply, side.other()),
        service: ServiceId::NONE,
        server: match kind {
            Kind::Masquerade => ServerId::NONE,
            _ => ServerId::numbered(u32::from(number) % 4),
        },
        direction: Direction::Original,
        flags: if protocol == Protocol::Tcp { SYN } else { Flags::EMPTY },
    }
}

/// Expires all that is due, as many bursts would.
fn drain(connections: &mut Connections<Ipv4Addr>, now: Instant) -> Vec<Record<Ipv4Addr>> {
    let before: Vec<_> =
        connections.table().scan(0, usize::MAX).map(|(id, record)| (id, *record)).collect();
    // `expire` says that nothing is due also after a run of empty slots.
    let mut idle = 0;
    while idle < 70 {
        idle = if connections.expire(now).goes_on { 0 } else { idle + 1 };
    }
    let is_open = |id| connections.table().get(id).is_some();
    before.into_iter().filter(|&(id, _)| !is_open(id)).map(|(_, record)| record).collect()
}

fn hit(id: ConnectionId, direction: Direction) -> Hit {
    Hit { id, direction }
}

/// A packet: its time in milliseconds, its way, its flags.
type Timed = (u64, Direction, Flags);

/// Passes segments at the times given.
fn follow(connections: &mut Connections<Ipv4Addr>, id: ConnectionId, segments: &[Timed]) {
    for &(millis, direction, flags) in segments {
        drain(connections, at(millis));
        assert!(
            connections.pass(hit(id, direction), flags.into(), at(millis)).is_some(),
            "at {millis} ms"
        );
    }
}

use Direction::{Original as O, Reply as R};

/// When the only connection ends, to the tick, if nothing more comes.
fn end_of(connections: &mut Connections<Ipv4Addr>, from: u64) -> u64 {
    for millis in (from..from + 20_000_000).step_by(256) {
        if !drain(connections, at(millis)).is_empty() {
            return millis;
        }
    }
    panic!("it never ends");
}

fn assert_ends(connections: &mut Connections<Ipv4Addr>, last_packet: u64, timeout: u64) {
    let end = end_of(connections, last_packet);
    let deadline = last_packet + timeout * 1000;
    assert!((deadline..=deadline + SLACK).contains(&end), "ended at {end} ms, not {deadline}");
    assert!(connections.table().is_empty());
}

#[test]
fn each_state_has_its_time() {
    let handshake = [(10, R, SYN_ACK), (20, O, ACK)];
    let cases: [(&[Timed], u64); 5] = [
        (&[], 60),
        (&[(10, R, SYN_ACK)], 120),
        (&handshake, 900),
        (&[(10, R, SYN_ACK), (20, O, ACK), (30, O, FIN_ACK)], 60),
        (&[(10, R, SYN_ACK), (20, O, ACK), (30, R, RST)], 10),
    ];
    for (segments, timeout) in cases {
        let mut connections = connections(4);
        let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap().id;
        follow(&mut connections, id, segments);
        let last = segments.last().map_or(0, |segment| segment.0);
        assert_ends(&mut connections, last, timeout);
    }
}

#[test]
fn a_reset_shortens_what_had_long_to_go() {
    let mut connections = connections(4);
    let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap().id;
    follow(&mut connections, id, &[(10, R, SYN_ACK), (20, O, ACK), (500_000, O, RST)]);
    assert_ends(&mut connections, 500_000, 10);
}

#[test]
fn two_hours_are_beyond_the_horizon_and_still_exact() {
    let mut connections = connections(4);
    let id = connections.open(&opening(Kind::Masquerade, Protocol::Tcp, 1), at(0)).unwrap().id;
    follow(&mut connections, id, &[(10, R, SYN_ACK), (20, O, ACK)]);
    assert_ends(&mut connections, 20, 7440);
}

#[test]
fn packets_of_either_direction_keep_it_alive() {
    for direction in [O, R] {
        let mut connections = connections(4);
        let id = connections.open(&opening(Kind::Service, Protocol::Udp, 1), at(0)).unwrap().id;
        follow(&mut connections, id, &[(1, R, Flags::EMPTY)]);
        let packets: Vec<_> =
            (1..20).map(|count| (count * 299_000, direction, Flags::EMPTY)).collect();
        follow(&mut connections, id, &packets);
        assert_ends(&mut connections, 19 * 299_000, 300);
    }
}

#[test]
fn an_error_message_refreshes_nothing() {
    let mut connections = connections(4);
    let id = connections.open(&opening(Kind::Service, Protocol::Udp, 1), at(0)).unwrap().id;
    follow(&mut connections, id, &[(0, R, Flags::EMPTY)]);
    drain(&mut connections, at(299_000));
    assert!(connections.peek(hit(id, R)).is_some());
    assert_ends(&mut connections, 0, 300);
}

#[test]
fn new_timeouts_count_for_old_connections() {
    let mut connections = connections(4);
    let id = connections.open(&opening(Kind::Service, Protocol::Udp, 1), at(0)).unwrap().id;
    follow(&mut connections, id, &[(0, R, Flags::EMPTY)]);
    let mut timeouts = Timeouts::default();
    timeouts.service.udp = Seconds(600);
    connections.set_timeouts(timeouts);
    assert_ends(&mut connections, 0, 600);
}

#[test]
fn one_step_is_bounded_however_many_are_due() {
    let mut connections = connections(2000);
    for number in 0..2000 {
        connections.open(&opening(Kind::Service, Protocol::Udp, number), at(0)).unwrap();
    }
    let mut steps = 0;
    while !connections.table().is_empty() {
        let before = connections.table().len();
        connections.expire(at(400_000));
        assert!(before - connections.table().len() <= 14);
        steps += 1;
        assert!(steps < 1000, "expiry stands still");
    }
    assert!(steps >= 2000 / 14);
}

#[test]
fn a_packet_in_the_last_moment_keeps_a_connection_and_one_that_took_its_place_stays() {
    for reused in [false, true] {
        let mut connections = connections(4);
        let one = opening(Kind::Service, Protocol::Udp, 1);
        let id = connections.open(&one, at(0)).unwrap().id;
        // Step by step until it is found over, and not yet closed.
        let late = at(10_000_000);
        let mut steps = 0;
        while connections.ending[0].is_none() {
            assert!(steps < 1000, "it is found over");
            assert_eq!(connections.expire(late).closed, 0, "closed without a second look");
            steps += 1;
        }
        if reused {
            connections.close(id).unwrap();
            let other = connections.open(&opening(Kind::Service, Protocol::Udp, 2), late).unwrap();
            assert_eq!(other.id, id);
        } else {
            connections.pass(hit(id, O), Flags::EMPTY.into(), late).unwrap();
        }
        assert!(drain(&mut connections, late).is_empty());
        assert_eq!(connections.table().len(), 1);
        assert_ends(&mut connections, late.millis(), 30);
    }
}

/// The server closes first, as after each answer without keep-alive, and the client takes
/// the port again at once: what was closed early leaves its visits to what comes after it.
#[test]
fn ports_used_again_and_again_take_no_room_from_others() {
    let mut connections = connections(2000);
    let mut now = 0;
    for _ in 0..100 {
        for number in 0..200 {
            now += 1;
            let opening = opening(Kind::Service, Protocol::Tcp, number);
            if let Some(old) = connections.table().look_up(&opening.original) {
                assert!(connections.pass(old, SYN.into(), at(now)).unwrap().reopened);
                connections.close(old.id).unwrap();
            }
            let id = connections.open(&opening, at(now)).expect("there is room").id;
            let rest = [(R, SYN_ACK), (O, ACK), (R, FIN_ACK), (O, FIN_ACK), (R, ACK)];
            for (direction, flags) in rest {
                connections.pass(hit(id, direction), flags.into(), at(now)).unwrap();
            }
        }
        assert_eq!(connections.expire(at(now)).closed, 0, "nothing is over");
    }
    for number in 200..2000 {
        connections.open(&opening(Kind::Service, Protocol::Tcp, number), at(now)).unwrap();
    }
    let more = opening(Kind::Service, Protocol::Tcp, 2000);
    assert_eq!(connections.open(&more, at(now)), Err(InsertError::Full), "the control");
    let times = [60, 120].map(|seconds| at(now + seconds * 1000 + SLACK));
    assert_eq!(times.map(|time| drain(&mut connections, time).len()), [1800, 200]);
}

#[test]
fn a_connection_that_changes_its_state_for_ever_ends_in_its_time() {
    let mut connections = connections(1);
    let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 0), at(0)).unwrap().id;
    follow(&mut connections, id, &[(1, R, SYN_ACK), (2, O, ACK)]);
    for second in 1..2000 {
        let flags = if second % 2 == 0 { ACK } else { RST };
        follow(&mut connections, id, &[(second * 1000, O, flags)]);
    }
    assert_ends(&mut connections, 1_999_000, 10);
}

/// Masquerades one UDP flow of a private host on the first port that is free.
fn masquerade(
    connections: &mut Connections<Ipv4Addr>,
    host: u8,
    port: u16,
    range: PortRange,
    random: u64,
) -> Option<Hit> {
    let original = tuple([10, 0, 0, host], port, [203, 0, 113, 5], 53, Protocol::Udp);
    for candidate in Candidates::new(Port::new(port), range, random) {
        let reply = FiveTuple {
            source: original.destination,
            destination: Ipv4Addr::new(198, 51, 100, 10),
            source_port: original.destination_port,
            destination_port: candidate,
            protocol: Protocol::Udp,
        };
        let opening = NewConnection {
            kind: Kind::Masquerade,
            original: Key::new(original, Side::Private),
            reply: Key::new(reply, Side::Public),
            service: ServiceId::NONE,
            server: ServerId::NONE,
            direction: Direction::Original,
            flags: Flags::EMPTY,
        };
        match connections.open(&opening, at(0)) {
            Ok(hit) => return Some(hit),
            Err(InsertError::Taken(R)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}

proptest! {
    /// Every port of the range is used once and comes back: as many connections as ports,
    /// and when one ends the next can have its port.
    #[test]
    fn ports_are_conserved(size in 1..100u16, random: u64, closes in vec(any::<u16>(), 0..40)) {
        let range = PortRange::new(2000, 2000 + size - 1).unwrap();
        let mut connections = connections(256);
        let mut hits = Vec::new();
        for number in 0..size {
            let hit = masquerade(&mut connections, 1, number + 1, range, random ^ u64::from(number));
            hits.push(hit.expect("a port is free"));
        }
        prop_assert!(masquerade(&mut connections, 2, 7, range, random).is_none());
        for (count, close) in closes.into_iter().enumerate() {
            let at = usize::from(close) % hits.len();
            let closed = connections.close(hits[at].id).expect("it is open");
            let freed = closed.key(R).tuple().destination_port;
            let source = 30_000 + count as u16;
            let next = masquerade(&mut connections, 3, source, range, random).expect("one is free");
            let record = connections.table().get(next.id).expect("just opened");
            prop_assert_eq!(record.key(R).tuple().destination_port, freed);
            hits[at] = next;
        }
        let used: HashSet<_> = connections
            .table()
            .scan(0, usize::MAX)
            .map(|(_, record)| record.key(R).tuple().destination_port)
            .collect();
        prop_assert_eq!(used.len(), usize::from(size));
    }
}

#[test]
fn a_port_is_shared_by_connections_to_different_ends() {
    let mut connections = connections(8);
    let range = PortRange::new(2000, 2000).unwrap();
    assert!(masquerade(&mut connections, 1, 2000, range, 0).is_some());
    let elsewhere = tuple([10, 0, 0, 2], 2000, [203, 0, 113, 6], 53, Protocol::Udp);
    let reply = tuple([203, 0, 113, 6], 53, [198, 51, 100, 10], 2000, Protocol::Udp);
    let opening = NewConnection {
        original: Key::new(elsewhere, Side::Private),
        reply: Key::new(reply, Side::Public),
        ..opening(Kind::Masquerade, Protocol::Udp, 1)
    };
    assert!(connections.open(&opening, at(0)).is_ok());
}

#[test]
fn a_taken_tuple_leaves_the_loads_as_they_were() {
    let mut connections = connections(8);
    let first = opening(Kind::Service, Protocol::Udp, 1);
    connections.open(&first, at(0)).unwrap();
    assert_eq!(connections.open(&first, at(0)), Err(InsertError::Taken(O)));
    assert_eq!(connections.loads().of(first.server), Load { active: 1, inactive: 0 });
}

#[test]
fn next_hops_are_remembered_with_their_epoch() {
    let mut connections = connections(8);
    let hit = connections.open(&opening(Kind::Service, Protocol::Udp, 1), at(0)).unwrap();
    connections.set_next_hops(hit.id, [NextHop(3), NextHop(4)], 9);
    assert!(connections.is_current(hit, 9));
    assert!(!connections.is_current(hit, 10));
    let forwarding = connections.pass(hit, Flags::EMPTY.into(), at(0)).unwrap();
    assert_eq!(
        (forwarding.next_hop, forwarding.epoch, forwarding.exit),
        (NextHop(3), 9, Side::Private)
    );
    let back = Hit { direction: R, ..hit };
    assert_eq!(connections.peek(back).unwrap().next_hop, NextHop(4));
}

#[test]
fn a_packet_for_a_connection_that_is_gone_gets_nothing() {
    let mut connections = connections(8);
    let hit = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap();
    assert!(connections.close(hit.id).is_some());
    assert!(connections.close(hit.id).is_none());
    assert!(connections.pass(hit, ACK.into(), at(0)).is_none());
    assert!(connections.peek(hit).is_none());
    connections.set_next_hops(hit.id, [NextHop(1); 2], 1);
    assert!(!connections.is_current(hit, 1));
}

#[test]
fn a_new_syn_on_old_ports_is_reported() {
    let mut connections = connections(8);
    let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap().id;
    let segments = [(R, SYN_ACK), (O, ACK), (O, FIN_ACK), (R, FIN_ACK), (O, ACK)];
    for (direction, flags) in segments {
        assert!(!connections.pass(hit(id, direction), flags.into(), at(1)).unwrap().reopened);
    }
    assert!(connections.pass(hit(id, O), SYN.into(), at(2)).unwrap().reopened);
}

#[test]
fn what_was_reset_is_not_kept_by_resets_and_syns() {
    let mut connections = connections(8);
    let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap().id;
    for (direction, flags) in [(R, SYN_ACK), (O, ACK), (O, RST)] {
        connections.pass(hit(id, direction), flags.into(), at(1)).unwrap();
    }
    for second in 2..9 {
        connections.pass(hit(id, O), SYN.into(), at(second)).unwrap();
        connections.pass(hit(id, O), RST.into(), at(second)).unwrap();
    }
    let seen = connections.table().get(id).unwrap().last_seen();
    assert_eq!(at(9).age(seen), at(9).age(at(1).stamp()), "the first reset counts, no other");
}
