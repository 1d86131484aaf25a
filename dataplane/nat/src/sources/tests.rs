use std::collections::HashMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use wire::{FiveTuple, Port, Protocol};

use super::*;
use crate::Side;
use crate::record::Key;

const RECORDS: usize = 512;

fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xcb00_7100 + number)
}

fn record(kind: Kind, source: Ipv4Addr) -> Record<Ipv4Addr> {
    let other = Ipv4Addr::new(198, 51, 100, 10);
    let tuple = |source, destination| FiveTuple {
        source,
        destination,
        source_port: Port::new(4000),
        destination_port: Port::new(80),
        protocol: Protocol::Tcp,
    };
    let [from, to] = match kind {
        Kind::Service => [Side::Public, Side::Private],
        Kind::Masquerade => [Side::Private, Side::Public],
        Kind::Hairpin => [Side::Private, Side::Private],
    };
    let (original, reply) = (tuple(source, other), tuple(Ipv4Addr::new(10, 0, 0, 11), source));
    Record::new(Key::new(original, from), Key::new(reply, to), at(0))
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn sources(quotas: [Quota; 3]) -> Sources<Ipv4Addr> {
    let allow = vec![Cidr { address: Ipv4Addr::new(203, 0, 114, 0), prefix: 24 }];
    let rules = Rules { allow, quotas, prefix: 24 };
    Sources::new(Arc::new(rules), Arc::default(), RECORDS)
}

fn most(connections: u32) -> Quota {
    Quota { connections: Some(connections), ..Quota::default() }
}

const NONE: Quota = Quota { connections: None, half_open: None, rate: None };

#[test]
fn a_client_has_so_many_connections_and_its_neighbours_as_many() {
    let mut sources = sources([most(3), NONE, NONE]);
    let one = record(Kind::Service, client(1));
    for id in 0..3 {
        assert_eq!(sources.admits(client(1), Kind::Service, at(0)), Ok(()));
        sources.opened(&one, ConnectionId(id), false, at(0));
    }
    let full = Err(Refusal::SourceConnections);
    assert_eq!(sources.admits(client(1), Kind::Service, at(0)), full);
    assert_eq!(sources.admits(client(2), Kind::Service, at(0)), Ok(()));
    assert_eq!(sources.admits(client(1), Kind::Masquerade, at(0)), Ok(()), "another class");
    sources.closed(&one, ConnectionId(1), false);
    assert_eq!(sources.admits(client(1), Kind::Service, at(0)), Ok(()));
    // What was not counted takes nothing with it.
    sources.closed(&one, ConnectionId(9), false);
    sources.opened(&one, ConnectionId(1), false, at(0));
    assert_eq!(sources.admits(client(1), Kind::Service, at(0)), full);
}

#[test]
fn what_is_half_open_is_limited_by_itself() {
    let quota = Quota { half_open: Some(2), ..Quota::default() };
    for (kind, quotas) in [
        (Kind::Service, [quota, NONE, NONE]),
        (Kind::Service, [NONE, quota, NONE]),
        (Kind::Masquerade, [NONE, NONE, quota]),
    ] {
        let mut sources = sources(quotas);
        let one = record(kind, client(1));
        sources.opened(&one, ConnectionId(0), true, at(0));
        sources.opened(&one, ConnectionId(1), true, at(0));
        let refused = Err(Refusal::SourceHalfOpen);
        assert_eq!(sources.admits(client(1), kind, at(0)), refused, "{quotas:?}");
        sources.changed(&one, ConnectionId(0), false);
        assert_eq!(sources.admits(client(1), kind, at(0)), Ok(()));
        sources.changed(&one, ConnectionId(0), true);
        sources.closed(&one, ConnectionId(1), true);
        assert_eq!(sources.admits(client(1), kind, at(0)), Ok(()));
    }
}

#[test]
fn so_many_open_in_a_second() {
    let quota = Quota { rate: Some(10), ..Quota::default() };
    for quotas in [[quota, NONE, NONE], [NONE, quota, NONE]] {
        let mut sources = sources(quotas);
        let mut opened = 0;
        for millis in (0..10_000).step_by(10) {
            let one = record(Kind::Service, client(1));
            if sources.admits(client(1), Kind::Service, at(5000 + millis)).is_ok() {
                sources.opened(&one, ConnectionId(opened), false, at(5000 + millis));
                opened += 1;
            }
        }
        // Those of the first second besides, as nobody had asked before.
        assert!((100..=110).contains(&opened), "{quotas:?}: {opened}");
        let refused = sources.admits(client(1), Kind::Service, at(14_995));
        assert_eq!(refused, Err(Refusal::SourceRate));
    }
}

#[test]
fn a_network_is_all_its_clients_over_all_workers() {
    let rules = Arc::new(Rules { allow: Vec::new(), quotas: [NONE, most(4), NONE], prefix: 24 });
    let shared = Arc::new(SharedCounts::default());
    let mut workers =
        [0, 1].map(|_| Sources::new(Arc::clone(&rules), Arc::clone(&shared), RECORDS));
    for number in 0..4 {
        let worker = &mut workers[number as usize % 2];
        worker.opened(&record(Kind::Service, client(number)), ConnectionId(number), false, at(0));
    }
    for worker in &workers {
        let refused = worker.admits(client(77), Kind::Service, at(0));
        assert_eq!(refused, Err(Refusal::SourceConnections));
        assert_eq!(worker.admits(client(256), Kind::Service, at(0)), Ok(()), "the next network");
    }
}

#[test]
fn who_is_allowed_is_not_counted() {
    let mut sources = sources([most(1), most(1), most(1)]);
    let friend = Ipv4Addr::new(203, 0, 114, 9);
    for id in 0..5 {
        assert_eq!(sources.admits(friend, Kind::Service, at(0)), Ok(()));
        sources.opened(&record(Kind::Service, friend), ConnectionId(id), true, at(0));
    }
    assert_eq!(sources.clients.len(), 0);
    sources.closed(&record(Kind::Service, friend), ConnectionId(0), true);
}

proptest! {
    /// The table against a map: whoever has a connection is in it, with as many.
    #[test]
    fn counts_as_a_map_does(steps in prop::collection::vec((0..40_u32, any::<bool>()), 1..600)) {
        // Room for hardly more than come: long rows, and holes in them.
        let rules = Rules { allow: Vec::new(), quotas: [most(1), NONE, NONE], prefix: 24 };
        let mut sources = Sources::new(Arc::new(rules), Arc::default(), 44);
        let mut open: HashMap<Ipv4Addr, Vec<u32>> = HashMap::new();
        let mut free: Vec<u32> = (0..44).collect();
        for (number, opens) in steps {
            let source = client(number * 0x0101);
            let record = record(Kind::Service, source);
            let ids = open.entry(source).or_default();
            match (opens, ids.pop()) {
                (true, last) => {
                    ids.extend(last);
                    let Some(id) = free.pop() else { continue };
                    sources.opened(&record, ConnectionId(id), id % 2 == 0, at(0));
                    ids.push(id);
                }
                (false, Some(id)) => {
                    sources.closed(&record, ConnectionId(id), id % 2 == 0);
                    free.push(id);
                }
                (false, None) => {}
            }
            for (source, ids) in &open {
                let count = sources.clients.count(*source, None, at(0));
                prop_assert_eq!(count.connections as usize, ids.len());
                let half_open = ids.iter().filter(|id| **id % 2 == 0).count();
                prop_assert_eq!(count.half_open as usize, half_open);
            }
            let clients = open.values().filter(|ids| !ids.is_empty()).count();
            prop_assert_eq!(sources.clients.len(), clients);
        }
    }
}

#[test]
fn a_client_that_closes_each_connection_before_the_next_opens_no_faster() {
    let rate = Quota { rate: Some(5), ..NONE };
    let mut sources = sources([rate, NONE, NONE]);
    let one = record(Kind::Service, client(1));
    let mut opened = 0;
    for _ in 0..20 {
        if sources.admits(client(1), Kind::Service, at(1000)).is_ok() {
            sources.opened(&one, ConnectionId(0), true, at(1000));
            sources.closed(&one, ConnectionId(0), true);
            opened += 1;
        }
    }
    assert_eq!(opened, 5);
    assert_eq!(sources.admits(client(2), Kind::Service, at(1000)), Ok(()), "another client");
    assert_eq!(sources.admits(client(1), Kind::Service, at(1200)), Ok(()), "a fifth of a second");
}
