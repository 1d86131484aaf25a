//! Flows of services of which each datagram finds its server anew.

use super::*;
use crate::service::MAXIMUM_SERVERS;
use crate::sync::{Export, ring};

fn flow(server: u32) -> NewConnection<Ipv4Addr> {
    let new = opening(Kind::Service, Protocol::Udp, 1);
    let server = ServerId::numbered(server);
    let from = [10, 0, 0, 11 + server.index() as u8];
    let reply = FiveTuple { source: from.into(), ..new.reply.tuple() };
    NewConnection {
        original: new.original.of_one_packet(server),
        reply: Key::new(reply, Side::Private),
        server,
        ..new
    }
}

#[test]
fn a_client_has_one_with_each_server_and_its_datagrams_meet_none() {
    let mut connections = connections(8);
    for server in 0..3 {
        let hit = connections.open(&flow(server), at(0)).unwrap();
        let reply = connections.table().look_up(&flow(server).reply).unwrap();
        assert_eq!((reply.id, reply.direction), (hit.id, R));
        let rewrite = connections.peek(reply).unwrap().rewrite;
        assert_eq!(rewrite.source, Ipv4Addr::new(198, 51, 100, 10), "the virtual IP");
    }
    let asked = opening(Kind::Service, Protocol::Udp, 1).original;
    assert!(connections.table().look_up(&asked).is_none());
    assert!(connections.open(&flow(1), at(0)).is_err(), "it is there");
}

#[test]
fn the_highest_number_makes_a_key_of_its_own() {
    let asked = opening(Kind::Service, Protocol::Udp, 1).original;
    let last = MAXIMUM_SERVERS as u32 - 1;
    let keys = [0, 1, last - 1, last].map(|number| asked.of_one_packet(ServerId::numbered(number)));
    for (at, key) in keys.iter().enumerate() {
        assert!(key.is_of_one_packet() && *key != asked && !keys[..at].contains(key));
        assert_eq!((key.tuple(), key.side()), (asked.tuple(), asked.side()));
        assert!(key.is_of(asked.side()) && !key.is_of(asked.side().other()));
    }
    assert!(!asked.is_of_one_packet());
}

#[test]
fn it_lasts_two_seconds() {
    let mut connections = connections(8);
    connections.open(&flow(0), at(0)).unwrap();
    connections.open(&opening(Kind::Service, Protocol::Udp, 2), at(0)).unwrap();
    let mut now = 0;
    while connections.table().len() == 2 {
        now += 100;
        while connections.expire(at(now)).goes_on {}
        assert!(now <= 2000 + SLACK, "{now}");
    }
    assert!(now >= 2000, "{now}");
}

#[test]
fn a_peer_is_told_of_others_alone() {
    let mut connections = connections(8);
    connections.open(&flow(0), at(0)).unwrap();
    let (producer, _told) = ring::ring(64);
    connections.set_session(Session::Export(Box::new(Export::new(producer))));
    let told = connections.open(&flow(1), at(0)).unwrap();
    connections.close(told.id);
    connections.open(&opening(Kind::Service, Protocol::Udp, 2), at(0)).unwrap();
    let services = crate::service::Registry::default()
        .build(&[], crate::scheduler::ClientKey::from_bits([1, 2]))
        .unwrap();
    (0..10).for_each(|_| _ = connections.follow_session(at(1), &services));
    let Session::Export(export) = connections.session() else { panic!() };
    assert!(export.is_complete());
    let mut others = super::connections(8);
    let (producer, _other) = ring::ring(64);
    others.set_session(Session::Export(Box::new(Export::new(producer))));
    others.open(&opening(Kind::Service, Protocol::Udp, 2), at(0)).unwrap();
    let Session::Export(expected) = others.session() else { panic!() };
    assert_eq!(export.tally(), expected.tally());
}
