//! Ports: a client's that two services share, and those of closed connections.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use nat::Side::{Private, Public};
use nat::policy::{Policy, Refusal, Request};
use nat::record::Kind;
use nat::translator::Decision;
use nat::{Direction, Instant, Translator};
use wire::Protocol::{Tcp, Udp};
use wire::tcp::Flags;

use crate::world::{CLIENT, OTHER_VIP, Rule, VIP, World, request, server};

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

fn opened(decision: Decision) -> (nat::table::Hit, bool) {
    match decision {
        Decision::Opened { hit, replaced } => (hit, replaced),
        other => panic!("{other:?} opens nothing"),
    }
}

/// The port that the connection's replies go to.
fn port(translator: &Translator<Ipv4Addr>, hit: nat::table::Hit) -> u16 {
    let record = translator.connections.table().get(hit.id).unwrap();
    record.key(Direction::Reply).tuple().destination_port.number()
}

#[test]
fn one_client_port_reaches_two_services_of_one_server() {
    let mut world = World::usual();
    world.services.iter_mut().for_each(|service| service.servers.truncate(1));
    let mut second = world.services[0].clone();
    (second.name, second.listens[0].address) = ("other".to_owned(), OTHER_VIP);
    world.services.push(second);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let syn = |to| request(Public, Tcp, (CLIENT, 4242), (to, 80));
    let (first, _) = opened(translator.decide(&policy, &syn(VIP), None, at(1)));
    let (second, _) = opened(translator.decide(&policy, &syn(OTHER_VIP), None, at(1)));
    assert_eq!(port(&translator, first), 4242);
    let translated = port(&translator, second);
    assert!(translated != 4242 && translated >= 1024);
    let record = translator.connections.table().get(second.id).unwrap();
    assert_eq!(record.translated(Direction::Original).source, CLIENT, "the address stays");
    assert_eq!(record.translated(Direction::Reply).destination_port.number(), 4242);
}

#[test]
fn a_server_that_speaks_first_is_in_one_flow_with_the_client_that_answers() {
    let world = World::usual();
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let first = request(Private, Udp, (server(11), 53), (CLIENT, 4242));
    let (hit, _) = opened(translator.decide(&policy, &first, None, at(1)));
    let record = *translator.connections.table().get(hit.id).unwrap();
    let leaves = record.translated(hit.direction);
    assert_eq!((leaves.source, leaves.source_port.number()), (VIP, 53));
    assert_eq!(record.server(), policy.services.iter().nth(1).unwrap().servers[0].id);
    let answer = request(Public, Udp, (CLIENT, 4242), (VIP, 53));
    let found = translator.connections.table().look_up(&answer.key).unwrap();
    assert_eq!((found.id, found.direction), (hit.id, hit.direction.flipped()));
}

/// Two time servers ask one upstream server from their service's port.
#[test]
fn where_the_flow_is_another_servers_this_one_speaks_for_itself() {
    let mut world = World::usual();
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let from = |last| request(Private, Udp, (server(last), 53), (CLIENT, 53));
    opened(translator.decide(&policy, &from(11), None, at(1)));
    let (second, _) = opened(translator.decide(&policy, &from(12), None, at(1)));
    let record = translator.connections.table().get(second.id).unwrap();
    assert_eq!(
        (record.kind(), record.key(Direction::Reply).tuple().destination),
        (Kind::Masquerade, VIP)
    );
    assert!(port(&translator, second) < 1024 && port(&translator, second) != 53);
    // The control: nothing allows it to.
    world.rules.clear();
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    opened(translator.decide(&policy, &from(11), None, at(1)));
    let refused = translator.decide(&policy, &from(12), None, at(1));
    assert_eq!(refused, Decision::Refused(Refusal::TupleTaken));
}

/// A SYN from the port of a service is a connection of the server's own.
#[test]
fn a_server_opens_no_tcp_connection_that_no_rule_allows() {
    let mut world = World::usual();
    world.rules.clear();
    let policy = world.policy();
    let syn = request(Private, Tcp, (server(11), 8080), (CLIENT, 4242));
    let refused = world.translator(&policy).decide(&policy, &syn, None, at(1));
    assert_eq!(refused, Decision::Refused(Refusal::NotMasqueraded));
}

#[test]
fn a_flow_whose_end_becomes_a_services_is_masqueradings_no_longer() {
    let mut world = World::usual();
    let dns = world.services.pop().unwrap();
    let before = world.policy();
    let mut translator = world.translator(&before);
    let push = request(Private, Udp, (server(11), 53), (CLIENT, 4242));
    let (hit, _) = opened(translator.decide(&before, &push, None, at(1)));
    world.services.push(dns);
    let after = world.policy();
    let record = translator.connections.table().get(hit.id).unwrap();
    assert!(!before.is_stale(record, Direction::Original));
    assert!(after.is_stale(record, Direction::Original));
    assert!(!after.is_stale(record, Direction::Reply), "the remote still knows nothing of it");
}

#[test]
fn a_range_across_1024_is_used_whole() {
    let mut world = World::usual();
    world.rules = vec![Rule { first: 900, last: 1030, ..world.rules[0].clone() }];
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    for number in 0..131 {
        let out = request(Private, Udp, (server(77), 40_000 + number), (CLIENT, 9));
        opened(translator.decide(&policy, &out, None, at(1)));
    }
    let out = request(Private, Udp, (server(77), 50_000), (CLIENT, 9));
    let refused = translator.decide(&policy, &out, None, at(1));
    assert_eq!(refused, Decision::Refused(Refusal::PortsExhausted));
}

/// Lets a masqueraded connection pass through its whole life, the router's FIN last.
fn close(translator: &mut Translator<Ipv4Addr>, hit: nat::table::Hit, now: Instant) {
    let fin = Flags::from_bits(Flags::FIN.bits() | Flags::ACK.bits());
    let syn_ack = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
    let reply = nat::table::Hit { direction: Direction::Reply, ..hit };
    for (hit, flags) in
        [(reply, syn_ack), (hit, Flags::ACK), (hit, fin), (reply, fin), (hit, Flags::ACK)]
    {
        translator.connections.pass(hit, flags.into(), now).unwrap();
    }
}

fn hundred_ports() -> (World, Policy<Ipv4Addr>) {
    let mut world = World::usual();
    world.rules = vec![Rule { first: 5000, last: 5099, ..world.rules[0].clone() }];
    let policy = world.policy();
    (world, policy)
}

fn from(number: u16) -> Request<Ipv4Addr> {
    request(Private, Tcp, (server(20 + (number % 5) as u8), 30_000 + number), (CLIENT, 80))
}

#[test]
fn a_closed_connection_gives_its_port_to_another_oldest_first() {
    let (world, policy) = hundred_ports();
    let mut translator = world.translator(&policy);
    let mut order = Vec::new();
    for number in 0..100 {
        let now = at(1 + u64::from(number));
        let (hit, replaced) = opened(translator.decide(&policy, &from(number), None, now));
        assert!(!replaced, "port {number} of 100");
        order.push(port(&translator, hit));
        close(&mut translator, hit, now);
    }
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), 100);
    for number in 100..220 {
        let now = at(1 + u64::from(number));
        let (hit, replaced) = opened(translator.decide(&policy, &from(number), None, now));
        assert!(replaced, "port {number} of 100");
        assert_eq!(port(&translator, hit), order[usize::from(number) % 100]);
        close(&mut translator, hit, now);
    }
    assert_eq!(translator.connections.table().len(), 100);
}

#[test]
fn a_connection_that_is_open_keeps_its_port() {
    let (world, policy) = hundred_ports();
    let mut translator = world.translator(&policy);
    for number in 0..100 {
        opened(translator.decide(&policy, &from(number), None, at(1)));
    }
    let refused = translator.decide(&policy, &from(100), None, at(1));
    assert_eq!(refused, Decision::Refused(Refusal::PortsExhausted));
    assert_eq!(translator.connections.table().len(), 100);
}
