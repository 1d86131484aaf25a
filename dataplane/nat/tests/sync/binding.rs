//! The standby's configuration is older than the active machine's, and comes up to it later.

use nat::connection::Kind;
use nat::service::{Registry, ServerId, ServiceId};
use wire::Protocol;
use wire::tcp::Flags;

use super::pair::{CAPACITY, KEY, Pair, at, establish, opening, services, specification};

/// A pair whose standby has installed connections of services that it does not know.
fn ahead(count: u8) -> Pair {
    let mut pair = Pair::new(1, 1, 4096);
    pair.importer.services = Registry::default().build(&[], KEY).unwrap();
    for number in 0..count {
        let protocol = if number % 3 == 0 { Protocol::Udp } else { Protocol::Tcp };
        let kind = [Kind::Service, Kind::Masquerade][usize::from(number % 5 == 4)];
        let opening = opening(&pair.exporter.services, kind, protocol, number, number);
        let connections = &mut pair.exporter.workers[0].connections;
        // Few masqueraded connections find their port free; which ones does not matter.
        let Ok(hit) = connections.open(&opening, at(1)) else { continue };
        if protocol == Protocol::Tcp && number % 2 == 0 {
            establish(connections, hit, at(1));
        }
    }
    pair.begin(at(1));
    pair.settle(1);
    assert!(pair.is_equal());
    pair
}

/// Polls as a worker does after a reload, until nothing is left to be looked at.
fn reload(pair: &mut Pair) {
    pair.importer.services = services(true);
    let connections = &mut pair.importer.workers[0].connections;
    connections.services_changed();
    let mut polls = 0;
    loop {
        let looked_at = connections.bind_on(&pair.importer.services);
        assert!(looked_at <= 32, "{looked_at} records in one poll");
        if looked_at == 0 {
            return;
        }
        polls += 1;
        assert!(polls <= CAPACITY.div_ceil(32), "the search never ends");
    }
}

#[test]
fn connections_are_bound_when_a_reload_brings_their_service() {
    let mut pair = ahead(60);
    assert_ne!(pair.importer.seen(), pair.exporter.seen());
    reload(&mut pair);
    assert_eq!(pair.importer.seen(), pair.exporter.seen());
    assert_eq!(pair.importer.loads(), pair.exporter.loads());
    reload(&mut pair);
    assert_eq!(pair.importer.loads(), pair.exporter.loads(), "each is counted once");
    assert!(pair.is_equal(), "the tallies are as before");
}

#[test]
fn what_was_bound_late_is_closed_like_any_other() {
    let mut pair = ahead(60);
    reload(&mut pair);
    let connections = &mut pair.importer.workers[0].connections;
    let all: Vec<_> = connections.table().scan(0, usize::MAX).map(|(id, _)| id).collect();
    for id in all {
        connections.close(id).unwrap();
    }
    assert!(pair.importer.loads().values().all(|load| *load == (0, 0)));
}

#[test]
fn a_connection_that_opens_after_it_was_bound_counts_as_active() {
    let mut pair = ahead(0);
    let opening = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, 1, 0);
    let exporter = &mut pair.exporter.workers[0].connections;
    let hit = exporter.open(&opening, at(2)).unwrap();
    pair.export(at(2), usize::MAX);
    pair.import(at(2), usize::MAX);
    pair.importer.follow(at(2));
    reload(&mut pair);
    establish(&mut pair.exporter.workers[0].connections, hit, at(3));
    pair.export(at(3), usize::MAX);
    pair.import(at(3), usize::MAX);
    pair.importer.follow(at(3));
    assert_eq!(pair.importer.loads(), pair.exporter.loads());
    assert!(pair.importer.loads().values().any(|load| *load == (1, 0)));
    let connections = &mut pair.importer.workers[0].connections;
    let hit = connections.table().look_up(&opening.original).unwrap();
    connections.set_standby(false, at(4));
    assert_ne!(connections.pass(hit, Flags::ACK.into(), at(4)).unwrap().server, ServerId::NONE);
}

#[test]
fn a_configuration_that_has_not_their_service_either_changes_nothing() {
    let mut pair = ahead(20);
    let before = pair.importer.seen();
    let none = Registry::default().build(&[], KEY).unwrap();
    let connections = &mut pair.importer.workers[0].connections;
    connections.services_changed();
    let mut looked_at = 0;
    loop {
        match connections.bind_on(&none) {
            0 => break,
            count => looked_at += count,
        }
    }
    assert_eq!(looked_at, CAPACITY);
    assert_eq!(pair.importer.seen(), before);
    assert!(pair.importer.loads().values().all(|load| *load == (0, 0)));
}

/// Otherwise the number of a service would be in use without a server that shows it.
#[test]
fn a_connection_whose_server_is_not_here_has_no_service_either() {
    let mut pair = Pair::new(1, 1, 4096);
    let mut web = specification("web", 80, Protocol::Tcp);
    web.servers.truncate(1);
    pair.importer.services = Registry::default().build(&[web], KEY).unwrap();
    for choice in 0..3 {
        let opening =
            opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, choice, choice);
        pair.exporter.workers[0].connections.open(&opening, at(1)).unwrap();
    }
    pair.begin(at(1));
    pair.settle(1);
    let table = pair.importer.workers[0].connections.table();
    let bound: Vec<_> = table
        .scan(0, usize::MAX)
        .map(|(_, one)| (one.service() != ServiceId::NONE, one.server() != ServerId::NONE))
        .collect();
    assert_eq!(bound.len(), 3);
    assert!(bound.iter().all(|(service, server)| service == server), "{bound:?}");
    assert_eq!(bound.iter().filter(|(service, _)| *service).count(), 1);
}
