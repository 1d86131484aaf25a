//! On standby nothing is over; after a takeover everything has its full time.

use nat::connection::{Killed, Kind};
use nat::sync::{Change, Event, Session};
use nat::table::Hit;
use nat::tcp::State;
use nat::{Connections, Direction};
use std::net::Ipv4Addr;
use wire::Protocol;

use super::pair::{CAPACITY, Pair, at, establish, opening};

const HOUR: u64 = 3_600_000;
/// Two ticks of the wheel.
const SLACK: u64 = 2 * 1024;

fn expire(connections: &mut Connections<Ipv4Addr>, now: u64) -> usize {
    let mut closed = 0;
    for _ in 0..300 {
        closed += connections.expire(at(now)).closed;
    }
    closed
}

/// A pair with so many established connections, all installed.
fn synced(count: u8) -> Pair {
    let mut pair = Pair::new(1, 1, 4096);
    for number in 0..count {
        let opening = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, number, 0);
        let connections = &mut pair.exporter.workers[0].connections;
        let hit = connections.open(&opening, at(1)).unwrap();
        establish(connections, hit, at(1));
    }
    pair.begin(at(1));
    pair.settle(1);
    assert!(pair.is_equal());
    pair
}

#[test]
fn nothing_expires_on_standby_and_all_have_their_full_time_after_it() {
    let mut pair = synced(100);
    let connections = &mut pair.importer.workers[0].connections;
    assert_eq!(expire(connections, 20 * HOUR), 0);
    let takeover = 30 * HOUR;
    connections.set_standby(false, at(takeover));
    let record = *connections.table().scan(0, 1).next().unwrap().1;
    assert_eq!(connections.idle_millis(&record, at(takeover + 5)), 5);
    assert_eq!(expire(connections, takeover + 899_000), 0);
    assert_eq!(expire(connections, takeover + 900_000 + SLACK), 100);
    assert!(connections.table().is_empty());
}

#[test]
fn a_packet_after_the_takeover_counts_like_any() {
    let mut pair = synced(1);
    let connections = &mut pair.importer.workers[0].connections;
    connections.set_standby(false, at(HOUR));
    expire(connections, HOUR);
    let id = connections.table().scan(0, usize::MAX).next().unwrap().0;
    let hit = Hit { id, direction: Direction::Original };
    connections.pass(hit, wire::tcp::Flags::ACK.into(), at(HOUR + 500_000)).unwrap();
    assert_eq!(expire(connections, HOUR + 1_399_000), 0);
    assert_eq!(expire(connections, HOUR + 1_400_000 + SLACK), 1);
}

#[test]
fn a_reset_right_after_the_takeover_shortens_the_time() {
    let mut pair = synced(3);
    let connections = &mut pair.importer.workers[0].connections;
    connections.set_standby(false, at(HOUR));
    let id = connections.table().scan(0, usize::MAX).next().unwrap().0;
    let hit = Hit { id, direction: Direction::Original };
    connections.pass(hit, wire::tcp::Flags::RST.into(), at(HOUR)).unwrap();
    let state = |connections: &Connections<Ipv4Addr>| {
        connections.table().get(id).map(nat::table::Record::state)
    };
    // What the server has acknowledged is known here when it has sent something.
    assert_eq!(state(connections), Some(State::Established));
    let back = Hit { direction: Direction::Reply, ..hit };
    connections.pass(back, wire::tcp::Flags::ACK.into(), at(HOUR)).unwrap();
    connections.pass(hit, wire::tcp::Flags::RST.into(), at(HOUR)).unwrap();
    assert_eq!(state(connections), Some(State::Close));
    assert_eq!(expire(connections, HOUR + 1), 0);
    assert_eq!(expire(connections, HOUR + 10_000 + SLACK), 1);
}

#[test]
fn a_machine_that_becomes_standby_and_active_again_forgets_no_timer() {
    let mut pair = synced(0);
    let services = pair.exporter.services.clone();
    let connections = &mut pair.exporter.workers[0].connections;
    connections.set_session(Session::Off);
    for number in 0..50 {
        let opening = opening(&services, Kind::Masquerade, Protocol::Udp, number, 0);
        connections.open(&opening, at(100_000)).unwrap();
    }
    connections.set_standby(true, at(110_000));
    // Their time in the wheel comes and goes.
    assert_eq!(expire(connections, 10 * HOUR), 0);
    connections.set_standby(false, at(10 * HOUR));
    assert_eq!(expire(connections, 10 * HOUR + 119_000), 0);
    assert_eq!(expire(connections, 10 * HOUR + 120_000 + SLACK), 50);
}

#[test]
fn the_active_machines_churn_takes_no_room_on_either_machine() {
    let mut pair = synced(0);
    let services = pair.exporter.services.clone();
    let mut now = 10_000;
    for round in 0..400u64 {
        for number in 0..20 {
            let opening = opening(&services, Kind::Service, Protocol::Tcp, number, 0);
            let connections = &mut pair.exporter.workers[0].connections;
            let hit = connections.open(&opening, at(now)).unwrap();
            connections.close(hit.id);
        }
        now += 10;
        pair.export(at(now), usize::MAX);
        pair.import(at(now), usize::MAX);
        pair.importer.follow(at(now));
        pair.begin_after_overflow(at(now));
        let refused = pair.installs.refused.load(core::sync::atomic::Ordering::Relaxed);
        assert_eq!(refused, 0, "round {round}");
    }
}

#[test]
fn an_active_importer_keeps_what_it_has() {
    let mut pair = synced(2);
    let connections = &mut pair.importer.workers[0].connections;
    connections.set_standby(false, at(HOUR));
    let (id, record) = connections.table().scan(0, usize::MAX).next().unwrap();
    let key = *record.key(Direction::Original);
    for (direction, flags) in
        [(Direction::Reply, wire::tcp::Flags::ACK), (Direction::Original, wire::tcp::Flags::RST)]
    {
        connections.pass(Hit { id, direction }, flags.into(), at(HOUR)).unwrap();
    }
    // The machine that retires still tells of the same connection, and that it is over.
    let exporter = &mut pair.exporter.workers[0].connections;
    let hit = exporter.table().look_up(&key).unwrap();
    exporter.close(hit.id);
    pair.export(at(HOUR), usize::MAX);
    pair.import(at(HOUR), usize::MAX);
    pair.importer.follow(at(HOUR));
    let connections = &pair.importer.workers[0].connections;
    assert_eq!(connections.table().get(id).unwrap().state(), State::Close);
    assert_eq!(connections.table().len(), 2);
}

#[test]
fn a_service_that_is_unknown_here_loses_no_connection() {
    let mut pair = Pair::new(1, 1, 64);
    pair.importer.services =
        nat::service::Registry::default().build(&[], super::pair::KEY).unwrap();
    let opening = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, 3, 1);
    pair.exporter.workers[0].connections.open(&opening, at(1)).unwrap();
    pair.begin(at(1));
    pair.settle(1);
    assert!(pair.is_equal());
    let table = pair.importer.workers[0].connections.table();
    let hit = table.look_up(&opening.original).unwrap();
    assert_eq!(table.get(hit.id).unwrap().server(), nat::service::ServerId::NONE);
    assert_eq!(pair.installs.unserved.load(core::sync::atomic::Ordering::Relaxed), 1);
    let event = Event {
        change: Change::Put,
        kind: Kind::Service,
        state: State::SynReceived,
        bulk: false,
        original: opening.original,
        reply: opening.reply,
    };
    assert_eq!(event.remote(), Some(Ipv4Addr::new(203, 0, 113, 3)));
}

/// The SYN was forwarded by the machine that hands over, the answer too, and the rest goes
/// through the one that has taken over.
#[test]
fn a_connection_that_opens_during_a_handover_opens_on_both() {
    let mut pair = Pair::new(1, 1, 4096);
    pair.begin(at(1));
    pair.settle(1);
    let opening = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, 0, 0);
    let exporter = &mut pair.exporter.workers[0].connections;
    let hit = exporter.open(&opening, at(1)).unwrap();
    pair.export(at(1), usize::MAX);
    pair.import(at(1), usize::MAX);
    pair.importer.follow(at(1));
    pair.importer.workers[0].connections.set_standby(false, at(2));
    let exporter = &mut pair.exporter.workers[0].connections;
    let answer =
        wire::tcp::Flags::from_bits(wire::tcp::Flags::SYN.bits() | wire::tcp::Flags::ACK.bits());
    exporter.pass(Hit { direction: Direction::Reply, ..hit }, answer.into(), at(3)).unwrap();
    pair.export(at(3), usize::MAX);
    pair.import(at(3), usize::MAX);
    pair.importer.follow(at(3));
    let connections = &mut pair.importer.workers[0].connections;
    let hit = connections.table().look_up(&opening.original).unwrap();
    connections.pass(hit, wire::tcp::Flags::ACK.into(), at(4)).unwrap();
    assert_eq!(connections.table().get(hit.id).unwrap().state(), State::Established);
}

/// What an operator ends on the active machine ends on the standby.
#[test]
fn connections_that_are_killed_end_on_both_machines() {
    let mut pair = synced(4);
    let udp = opening(&pair.exporter.services, Kind::Masquerade, Protocol::Udp, 9, 0);
    let exporter = &mut pair.exporter.workers[0].connections;
    exporter.open(&udp, at(10_000)).unwrap();
    let now = pair.settle(10_000);
    assert_eq!((pair.importer.seen().len(), pair.is_equal()), (5, true));

    let web = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, 2, 0);
    let exporter = &mut pair.exporter.workers[0].connections;
    for new in [&web, &udp] {
        let id = exporter.table().look_up(&new.original).unwrap().id;
        assert_ne!(exporter.kill(id, &new.original, at(now)), Killed::NotThere);
    }
    let now = pair.settle(now);
    assert!(pair.is_equal(), "tallies are right, also of what was ended");
    assert_eq!(pair.importer.seen(), pair.exporter.seen());
    let table = pair.importer.workers[0].connections.table();
    assert!(table.look_up(&udp.original).is_none());
    let hit = table.look_up(&web.original).unwrap();
    assert_eq!(table.get(hit.id).unwrap().state(), State::Close);

    // The active machine says when a reset connection's time is over.
    expire(&mut pair.exporter.workers[0].connections, now + 20_000);
    pair.settle(now + 20_000);
    assert_eq!((pair.importer.seen().len(), pair.is_equal()), (3, true));
}

/// A table with little room is taken for flooded: what opens then is told when it is answered.
#[test]
fn what_opens_in_a_flood_is_told_when_it_is_answered() {
    let mut pair = synced(0);
    let services = pair.exporter.services.clone();
    let hits: Vec<_> = (0..240)
        .map(|number| {
            let opening = opening(&services, Kind::Masquerade, Protocol::Udp, number, 0);
            pair.exporter.workers[0].connections.open(&opening, at(2)).unwrap()
        })
        .collect();
    pair.settle(10_000);
    assert!(pair.is_equal());
    let told = CAPACITY - CAPACITY / 8;
    assert_eq!(pair.importer.seen().len(), told);
    assert_eq!(pair.exporter.seen().len(), 240);

    // One of the others is answered, and one ends without.
    let connections = &mut pair.exporter.workers[0].connections;
    let reply = Hit { direction: Direction::Reply, ..hits[230] };
    connections.pass(reply, wire::tcp::Flags::EMPTY.into(), at(30_000)).unwrap();
    connections.close(hits[231].id).unwrap();
    pair.settle(30_000);
    assert!(pair.is_equal());
    assert_eq!(pair.importer.seen().len(), told + 1);

    // The control: with room all are told, answered or not.
    let mut pair = synced(0);
    for number in 0..told as u8 {
        let opening = opening(&services, Kind::Masquerade, Protocol::Udp, number, 0);
        pair.exporter.workers[0].connections.open(&opening, at(2)).unwrap();
    }
    pair.settle(10_000);
    assert_eq!(pair.importer.seen(), pair.exporter.seen());
}

/// While the stream was cut every connection was replaced by another: both together are
/// more than the standby's table holds.
#[test]
fn a_full_standby_makes_room_for_what_the_active_has_now() {
    let mut pair = synced(u8::MAX);
    let exporter = &mut pair.exporter.workers[0].connections;
    exporter.set_session(Session::Off);
    let all: Vec<_> = exporter.table().scan(0, usize::MAX).map(|(id, _)| id).collect();
    assert!(2 * all.len() > CAPACITY);
    for id in all {
        exporter.close(id).unwrap();
    }
    for number in 0..u8::MAX {
        let opening = opening(&pair.exporter.services, Kind::Masquerade, Protocol::Tcp, number, 0);
        pair.exporter.workers[0].connections.open(&opening, at(2)).unwrap();
    }
    pair.begin(at(2));
    pair.settle(2);
    assert!(pair.is_equal());
    assert_eq!(pair.importer.seen(), pair.exporter.seen());
}
