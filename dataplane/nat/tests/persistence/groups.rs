//! Services that share their clients' servers.

use std::net::Ipv4Addr;

use nat::Side;
use nat::service::ServiceSpecification;

use crate::machine::{Machine, client, server, service, with};

fn shop(service: ServiceSpecification<Ipv4Addr>) -> ServiceSpecification<Ipv4Addr> {
    with(service, |persist| persist.group = Some("shop".to_owned()))
}

fn both(http: &[u8], https: &[u8]) -> [ServiceSpecification<Ipv4Addr>; 2] {
    [shop(service("http", 80, http)), shop(service("https", 443, https))]
}

#[test]
fn services_of_a_group_send_a_client_to_one_address_each_to_its_own_port() {
    let mut machine = Machine::new(2, 1000, &both(&[11, 12, 13], &[13, 12, 11]));
    for number in 0..100 {
        let (first, port) = machine.try_open(0, Side::Public, client(number), 80).unwrap();
        assert_eq!(port, 80);
        let second = machine.try_open(1, Side::Public, client(number), 443);
        assert_eq!(second, Some((first, 443)));
    }
    assert_eq!((machine.clients_of("http"), machine.clients_of("https")), (100, 100));
    assert_eq!(machine.clients().entries, 100);
}

#[test]
fn services_that_share_no_group_choose_by_themselves() {
    let services = [service("http", 80, &[11, 12, 13]), service("https", 443, &[13, 12, 11])];
    let mut machine = Machine::new(1, 1000, &services);
    let differ = (0..100).filter(|&number| {
        machine.open(0, client(number)) != machine.open_to(0, client(number), 443)
    });
    assert!(differ.count() > 40);
}

#[test]
fn a_client_moves_in_one_service_and_the_other_follows() {
    let mut machine = Machine::new(1, 1000, &both(&[11, 12], &[11, 12]));
    let one = (0..100).map(client).find(|&one| machine.open(0, one) == 11).unwrap();
    machine.set_weight("http", 11, 0);
    assert_eq!(machine.open(0, one), 12);
    assert_eq!(machine.open_to(0, one, 443), 12);
    machine.set_weight("http", 11, 1);
    assert_eq!((machine.open(0, one), machine.open_to(0, one, 443)), (12, 12));
}

#[test]
fn a_service_without_the_address_gives_its_clients_servers_of_its_own_for_good() {
    let mut machine = Machine::new(1, 1000, &both(&[11, 12], &[12, 21, 22]));
    let one = (0..100).map(client).find(|&one| machine.open(0, one) == 11).unwrap();
    let https = machine.open_to(0, one, 443);
    for _ in 0..5 {
        assert_eq!(machine.open(0, one), 11, "the other service takes nobody away");
        assert_eq!(machine.open_to(0, one, 443), https);
    }
    // It is remembered, and not only what the hash says.
    machine.reload(&both(&[11, 12], &[12, 21, 22, 23, 24, 25, 26, 27, 28, 29]));
    assert_eq!(machine.open_to(0, one, 443), https);
    let others: Vec<_> =
        (0..300).map(client).filter(|&other| machine.open(0, other) == 11).collect();
    let others: std::collections::BTreeSet<_> =
        others.into_iter().map(|other| machine.open_to(0, other, 443)).collect();
    assert!(others.len() > 8, "{others:?}");
    assert!(machine.clients_of("https") > machine.clients_of("http"));
}

#[test]
fn a_group_that_a_reload_joins_or_leaves_forgets_only_what_it_must() {
    let mut machine = Machine::new(1, 1000, &both(&[11, 12, 13], &[11, 12, 13]));
    let before: Vec<_> = (0..100).map(|number| machine.open(0, client(number))).collect();
    // https goes its own way: http is alone in the group, and keeps its clients.
    let alone = [shop(service("http", 80, &[11, 12, 13, 14])), service("https", 443, &[11, 12])];
    machine.reload(&alone);
    let after: Vec<_> = (0..100).map(|number| machine.open(0, client(number))).collect();
    assert_eq!(before, after);
}

#[test]
fn a_server_number_that_is_given_anew_never_takes_a_client_to_a_stranger() {
    let mut machine = Machine::new(1, 10_000, &[]);
    // More servers than there are numbers, in many configurations.
    for round in 0..120u8 {
        let servers: Vec<u8> = (1..=200).collect();
        let mut web = service("web", 80, &servers);
        for (at, one) in (0u16..).zip(&mut web.servers) {
            one.port = wire::Port::new(1000 + u16::from(round) * 200 + at);
        }
        machine.reload(&[web.clone()]);
        for number in 0..50 {
            let (address, port) = machine.try_open(0, Side::Public, client(number), 80).unwrap();
            let mut known = web.servers.iter();
            assert!(known.any(|one| (one.address, one.port.number()) == (address, port)));
            let again = machine.try_open(0, Side::Public, client(number), 80);
            assert_eq!(again, Some((address, port)), "{}", server(1));
        }
    }
}
