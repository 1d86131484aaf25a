//! What a reload, or another weight of a server, does to a worker's connections and counters.

use std::net::Ipv4Addr;

use api::{ServerChange, SetServers};
use dataplane::snapshot::Snapshot;
use nat::Side;
use nat::service::ServerId;
use wire::parse;

use crate::bench::{Bench, CLIENT, CONFIGURATION, SERVER, VIP, datagram, question};

/// The same configuration with other servers.
fn with_servers(servers: &str) -> String {
    CONFIGURATION.replace(r#"{ address = "10.0.0.11:53" }"#, servers)
}

fn first(snapshot: &Snapshot) -> ServerId {
    snapshot.policy.services.iter().next().unwrap().servers[0].id
}

#[test]
fn a_server_with_the_number_of_another_counts_from_zero() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    let towards = |bench: &Bench, server| bench.counters.server(server).unwrap().towards()[0].get();
    assert_eq!(towards(&bench, bench.server), 1);
    // The flow leaves its server with its next packet.
    for (last, is_first) in [(12, false), (13, true), (14, false)] {
        let servers = format!("{{ address = \"10.0.0.{last}:53\" }}");
        let server = first(&bench.reload(&with_servers(&servers)));
        assert_eq!(server == bench.server, is_first, "10.0.0.{last}");
        assert_eq!(towards(&bench, server), 0);
        bench.arrive(Side::Public, &[question(1)]);
        assert!(bench.loads.has_connections(server));
        assert_eq!(towards(&bench, server), 1);
    }
}

/// How many of so many questions of a known client took the slow path; all are answered for.
fn slow(bench: &mut Bench, count: u8) -> u64 {
    let before = bench.counters.slow.get();
    for number in 0..count {
        bench.arrive(Side::Public, &[question(number)]);
    }
    assert_eq!(bench.sent(Side::Private).len(), usize::from(count));
    bench.counters.slow.get() - before
}

#[test]
fn another_weight_sends_no_known_packet_through_the_slow_path() {
    let mut bench = Bench::new();
    let snapshot = bench.reload(CONFIGURATION);
    assert_eq!(slow(&mut bench, 5), 1, "the packet that opens the connection");
    for weight in [0, 7, 1].repeat(10) {
        let server = "10.0.0.11:53".parse().unwrap();
        let change = ServerChange { weight: Some(weight), ..ServerChange::new("dns", server) };
        let change = SetServers { servers: vec![change], ..SetServers::default() };
        bench.builder.servers.set(&snapshot.policy.services, &change).unwrap();
        assert_eq!(snapshot.policy.weights.of(bench.server), u32::from(weight));
        assert_eq!(slow(&mut bench, 5), 0, "weight {weight}");
    }
}

#[test]
fn a_reload_sends_known_packets_through_the_slow_path_only_when_their_way_may_be_another() {
    let mut bench = Bench::new();
    assert_eq!(slow(&mut bench, 5), 1, "the packet that opens the connection");
    for weight in [5, 0, 1] {
        bench.reload(&with_servers(&format!(
            "{{ address = \"10.0.0.11:53\", weight = {weight} }}, {{ address = \"10.0.0.12:53\" }}"
        )));
        assert_eq!(slow(&mut bench, 5), 0, "weight {weight}");
    }
    let route = r#"route = [{ to = "10.9.0.0/16", via = "10.0.0.254" }]"#;
    let private = "floating = [\"10.0.0.1/24\"]\n";
    let routed = with_servers(r#"{ address = "10.0.0.11:53" }, { address = "10.0.0.12:53" }"#)
        .replace(private, &format!("{private}{route}\n"));
    bench.reload(&routed);
    assert_eq!(slow(&mut bench, 5), 1, "each connection looks again, once");
    bench.reload(&with_servers(r#"{ address = "10.0.0.11:53" }"#));
    assert_eq!(slow(&mut bench, 5), 1, "a server and a route are gone");
}

/// The address and port that a frame comes from.
fn source(frame: &[u8]) -> (Ipv4Addr, u16) {
    let tuple = parse::frame(frame).unwrap().ipv4().unwrap().tuple().unwrap();
    (tuple.source, tuple.source_port.number())
}

/// A server that nobody has asked sends from its service's port; then the service moves.
#[test]
fn what_a_server_sends_by_itself_follows_its_service() {
    let mut bench = Bench::new();
    let push = datagram(Side::Private, (SERVER, 53), (CLIENT, 4242), 1);
    let sends = |bench: &mut Bench, from: (Ipv4Addr, u16)| {
        bench.arrive(Side::Private, core::slice::from_ref(&push));
        assert_eq!(source(&bench.sent(Side::Public).remove(0)), from);
    };
    sends(&mut bench, (VIP, 53));
    let moved = CONFIGURATION.replace("198.51.100.10:53", "198.51.100.10:5353");
    bench.reload(&moved.replace("\"dns\"", "\"other\""));
    sends(&mut bench, (VIP, 5353));
}

/// A private host's flow, whose end a reload gives to a service.
#[test]
fn a_masqueraded_flow_gives_way_to_a_new_service() {
    let mut bench = Bench::with_other("10.0.0.11:53", "10.0.0.12:53");
    let push = datagram(Side::Private, (SERVER, 7000), (CLIENT, 4242), 1);
    bench.arrive(Side::Private, core::slice::from_ref(&push));
    assert_eq!(source(&bench.sent(Side::Public).remove(0)), (VIP, 7000));
    let service = "[[service]]\nname = \"new\"\nlisten = \"198.51.100.10:9\"\nprotocol = \"udp\"\n\
                   server = [{ address = \"10.0.0.11:7000\" }]\n";
    bench.reload(&format!("{CONFIGURATION}{service}"));
    bench.arrive(Side::Private, core::slice::from_ref(&push));
    assert_eq!(source(&bench.sent(Side::Public).remove(0)), (VIP, 9));
}
