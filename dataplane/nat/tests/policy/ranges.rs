//! A service of a range of ports, whose servers serve each client on the port that it asked for.

use std::net::Ipv4Addr;

use nat::Side::{Private, Public};
use nat::policy::{Policy, Refusal, Request};
use nat::record::{Kind, Record};
use nat::service::{AS_ASKED, Listen};
use nat::translator::Decision;
use nat::{Direction, Instant, Translator};
use wire::Protocol::{Tcp, Udp};
use wire::{Port, Protocol};

use crate::world::{CLIENT, GATEWAY, VIP, World, request, server};

const NOW: Instant = Instant::from_millis(1000);

fn range(first: u16, last: u16, protocol: Protocol) -> Listen<Ipv4Addr> {
    let (port, last) = (Port::new(first), Port::new(last));
    Listen { address: VIP, port, last, protocol }
}

/// The usual services, and one of a range of ports that has these two servers.
fn media(port: Port) -> World {
    let mut world = World::usual();
    let mut media = world.services[1].clone();
    media.name = "media".to_owned();
    media.listens = vec![range(50_000, 60_000, Udp), range(7000, 7000, Udp)];
    media.servers.iter_mut().for_each(|server| server.port = port);
    world.services.push(media);
    world
}

fn decide(
    translator: &mut Translator<Ipv4Addr>,
    policy: &Policy<Ipv4Addr>,
    request: &Request<Ipv4Addr>,
) -> Result<(Record<Ipv4Addr>, Direction), Decision> {
    match translator.decide(policy, request, None, NOW) {
        Decision::Opened { hit, .. } => {
            Ok((*translator.connections.table().get(hit.id).unwrap(), hit.direction))
        }
        other => Err(other),
    }
}

#[test]
fn the_server_is_asked_on_the_port_that_the_client_has_asked() {
    let world = media(AS_ASKED);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let media = policy.services.named("media").unwrap().id;
    for port in [50_000, 55_555, 60_000, 7000] {
        let asked = request(Public, Udp, (CLIENT, 4242), (VIP, port));
        let (record, _) = decide(&mut translator, &policy, &asked).unwrap();
        let to = record.translated(Direction::Original);
        assert_eq!((to.destination_port.number(), to.source), (port, CLIENT));
        assert_eq!(record.service(), media);
        let back = record.translated(Direction::Reply);
        assert_eq!((back.source, back.source_port.number()), (VIP, port));
    }
    // The control: beside the range, and by another protocol.
    for (protocol, port) in [(Udp, 49_999), (Udp, 60_001), (Udp, 7001), (Tcp, 50_000)] {
        let asked = request(Public, protocol, (CLIENT, 4242), (VIP, port));
        let refused = decide(&mut translator, &policy, &asked).unwrap_err();
        assert_eq!(refused, Decision::Refused(Refusal::NoService), "{port}");
    }
}

#[test]
fn a_server_with_a_port_has_all_clients_of_the_range_on_it() {
    let mut world = media(Port::new(9000));
    world.services[2].servers.truncate(1);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let mut ports = Vec::new();
    for port in [50_000, 50_001] {
        let asked = request(Public, Udp, (CLIENT, 4242), (VIP, port));
        let (record, _) = decide(&mut translator, &policy, &asked).unwrap();
        let to = record.translated(Direction::Original);
        assert_eq!(to.destination_port.number(), 9000);
        ports.push(to.source_port.number());
        let back = record.translated(Direction::Reply);
        assert_eq!((back.source_port.number(), back.destination_port.number()), (port, 4242));
    }
    assert_eq!(ports[0], 4242);
    assert_ne!(ports[1], 4242, "the server could not tell the two apart");
}

#[test]
fn a_private_host_reaches_the_range_through_the_gateway() {
    let world = media(AS_ASKED);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let asked = request(Private, Udp, (server(11), 4242), (VIP, 50_500));
    let (record, _) = decide(&mut translator, &policy, &asked).unwrap();
    let to = record.translated(Direction::Original);
    assert_eq!((record.kind(), to.source), (Kind::Hairpin, GATEWAY));
    assert_eq!(to.destination_port.number(), 50_500);
}

#[test]
fn what_a_server_sends_by_itself_leaves_from_the_port_of_the_range() {
    let world = media(AS_ASKED);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let sends = request(Private, Udp, (server(12), 50_123), (CLIENT, 4242));
    let (record, direction) = decide(&mut translator, &policy, &sends).unwrap();
    let leaves = record.translated(direction);
    assert_eq!((leaves.source, leaves.source_port.number()), (VIP, 50_123));
    assert_eq!(record.server(), policy.services.named("media").unwrap().servers[1].id);
    // The control: from a port beside the range it is masqueraded.
    let sends = request(Private, Udp, (server(12), 40_123), (CLIENT, 4242));
    let (record, _) = decide(&mut translator, &policy, &sends).unwrap();
    assert_eq!(record.kind(), Kind::Masquerade);
}

#[test]
fn masquerading_gives_no_port_of_the_range_out() {
    let world = media(AS_ASKED);
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    for port in 50_000..50_100 {
        let sends = request(Private, Udp, (server(99), port), (CLIENT, 4242));
        let (record, direction) = decide(&mut translator, &policy, &sends).unwrap();
        let given = record.translated(direction).source_port.number();
        assert!(!(50_000..=60_000).contains(&given) && given != 7000, "{given}");
    }
}
