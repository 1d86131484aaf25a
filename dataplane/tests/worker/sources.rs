//! What one source may take.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use nat::Side;
use wire::parse::{self, Payload};

use crate::bench::{Bench, CLIENT, CONFIGURATION, SERVER, VIP, datagram};

const OTHER_CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

fn limited(section: &str) -> Bench {
    Bench::with_more(&format!("\n[sources]\n{section}\n"))
}

/// A question of a client from each of these ports.
fn ask(bench: &mut Bench, client: Ipv4Addr, ports: core::ops::Range<u16>) -> usize {
    let question = |port| datagram(Side::Public, (client, port), (VIP, 53), 0);
    bench.arrive(Side::Public, &ports.map(question).collect::<Vec<_>>());
    bench.sent(Side::Private).len()
}

#[test]
fn a_client_beyond_its_connections_is_refused_in_silence_and_others_are_not() {
    let mut bench = limited("client = { connections = 3 }");
    assert_eq!(ask(&mut bench, CLIENT, 1000..1005), 3);
    assert_eq!(bench.dropped(DropReason::SourceConnections), 2);
    assert_eq!(bench.sent(Side::Public).len(), 0, "its address may be forged");
    assert_eq!(ask(&mut bench, CLIENT, 1000..1003), 3, "what is open goes on");
    assert_eq!(ask(&mut bench, OTHER_CLIENT, 1000..1005), 3);
    // A reload changes the number; who is allowed is not limited at all.
    let more = "\n[sources]\nclient = { connections = 4 }\n";
    bench.reload(&format!("{CONFIGURATION}{more}"));
    assert_eq!(ask(&mut bench, CLIENT, 1010..1015), 1);
    let allow = format!("\n[sources]\nallow = [\"{CLIENT}/32\"]\nclient = {{ connections = 4 }}\n");
    bench.reload(&format!("{CONFIGURATION}{allow}"));
    assert_eq!(ask(&mut bench, CLIENT, 1020..1025), 5);
}

#[test]
fn flows_without_an_answer_are_limited_by_themselves() {
    let mut bench = limited("client = { half_open = 2 }");
    assert_eq!(ask(&mut bench, CLIENT, 1000..1005), 2);
    assert_eq!(bench.dropped(DropReason::SourceHalfOpen), 3);
    // An answer, and the client goes on from it.
    let answer = datagram(Side::Private, (SERVER, 53), (CLIENT, 1000), 0);
    bench.arrive(Side::Private, &[answer]);
    assert_eq!(bench.sent(Side::Public).len(), 1);
    assert_eq!(ask(&mut bench, CLIENT, 1000..1001), 1);
    assert_eq!(ask(&mut bench, CLIENT, 1010..1015), 1);
}

#[test]
fn so_many_new_ones_open_in_a_second() {
    let mut bench = limited("client = { new_per_second = 4 }");
    assert_eq!(ask(&mut bench, CLIENT, 1000..1010), 4);
    assert_eq!(bench.dropped(DropReason::SourceRate), 6);
}

/// The control.
#[test]
fn nobody_is_limited_who_has_no_limit() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, CLIENT, 1000..1010), 10);
}

#[test]
fn a_private_host_beyond_its_connections_is_told_so() {
    let mut bench = limited("host = { connections = 2 }");
    let remote = Ipv4Addr::new(203, 0, 113, 9);
    let from = |port| datagram(Side::Private, (SERVER, port), (remote, 123), 0);
    bench.arrive(Side::Private, &(2000..2005).map(from).collect::<Vec<_>>());
    assert_eq!(bench.sent(Side::Public).len(), 2);
    assert_eq!(bench.dropped(DropReason::SourceConnections), 3);
    let told = bench.sent(Side::Private);
    let is_error = |frame: &Vec<u8>| {
        let packet = parse::frame(frame).unwrap();
        matches!(packet.ipv4().unwrap().payload, Payload::IcmpError { .. })
    };
    assert!(!told.is_empty() && told.iter().all(is_error), "administratively prohibited");
}
