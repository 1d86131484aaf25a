//! What becomes of clients whose server is full.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use nat::Side;
use wire::parse::{self, Payload};
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, CONFIGURATION, NEIGHBOURS, SERVER, VIP, arriving, datagram};

const SORRY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 12);

/// One server for so many connections, and what else the service has.
fn limited(most: u32, more: &str) -> Bench {
    let server = r#"server = [{ address = "10.0.0.11:53" }]"#;
    let bench = Bench::with_other(server, &list(most, more));
    let hop = bench.neighbours.insert(Side::Private, SORRY).unwrap();
    bench.neighbours.publish(hop, Some(NEIGHBOURS[1]));
    bench
}

fn list(most: u32, more: &str) -> String {
    format!(r#"server = [{{ address = "10.0.0.11:53", max_connections = {most} }}]{more}"#)
}

fn configuration(most: u32, more: &str) -> String {
    let server = r#"server = [{ address = "10.0.0.11:53" }]"#;
    CONFIGURATION.replace(server, &list(most, more))
}

/// A question from each of these ports.
fn ask(bench: &mut Bench, ports: core::ops::Range<u16>) {
    let question = |port| datagram(Side::Public, (CLIENT, port), (VIP, 53), 0);
    bench.arrive(Side::Public, &ports.map(question).collect::<Vec<_>>());
}

fn destinations(bench: &mut Bench) -> Vec<Ipv4Addr> {
    let sent = bench.sent(Side::Private);
    sent.iter().map(|frame| parse::frame(frame).unwrap().ipv4().unwrap().destination).collect()
}

#[test]
fn clients_beyond_the_limit_are_refused_counted_and_told() {
    let mut bench = limited(3, "");
    ask(&mut bench, 1000..1005);
    assert_eq!(destinations(&mut bench), [SERVER; 3]);
    assert_eq!(bench.dropped(DropReason::ServerFull), 2);
    let told = bench.sent(Side::Public);
    let is_error = |frame: &Vec<u8>| {
        let packet = parse::frame(frame).unwrap();
        matches!(packet.ipv4().unwrap().payload, Payload::IcmpError { .. })
    };
    assert!(told.len() == 2 && told.iter().all(is_error), "port unreachable");
    // Who has a connection goes on.
    ask(&mut bench, 1000..1003);
    assert_eq!(destinations(&mut bench).len(), 3);
}

#[test]
fn an_operator_may_choose_silence_and_a_tcp_client_gets_a_reset() {
    let mut bench = limited(1, "\nunserved = \"drop\"");
    ask(&mut bench, 1000..1003);
    assert_eq!(destinations(&mut bench), [SERVER]);
    assert_eq!((bench.dropped(DropReason::ServerFull), bench.sent(Side::Public).len()), (2, 0));
    let tcp = configuration(2, "").replace("\"udp\"", "\"tcp\"");
    bench.reload(&tcp);
    let syn =
        |port| arriving(Side::Public, Frame::tcp((CLIENT, port), (VIP, 53), Flags::SYN)).build();
    bench.arrive(Side::Public, &[syn(2000), syn(2001)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
    let told = bench.sent(Side::Public);
    let packet = parse::frame(&told[0]).unwrap();
    let Payload::Tcp { flags, .. } = packet.ipv4().unwrap().payload else { panic!("{told:?}") };
    assert!(flags.contains(Flags::RST) && told.len() == 1);
}

#[test]
fn a_sorry_server_answers_above_the_limit_from_the_same_address() {
    let mut bench = limited(2, "\nsorry = [{ address = \"10.0.0.12:5353\" }]");
    ask(&mut bench, 1000..1004);
    let mut to = destinations(&mut bench);
    to.sort_unstable();
    assert_eq!(to, [SERVER, SERVER, SORRY, SORRY]);
    assert_eq!(bench.dropped(DropReason::ServerFull), 0);
    let answer = |port| datagram(Side::Private, (SORRY, 5353), (CLIENT, port), 1);
    bench.arrive(Side::Private, &[answer(1002), answer(1003)]);
    for frame in bench.sent(Side::Public) {
        let ip = *parse::frame(&frame).unwrap().ipv4().unwrap();
        let Payload::Udp { tuple } = ip.payload else { panic!("{ip:?}") };
        assert_eq!((tuple.source, tuple.source_port.number()), (VIP, 53));
    }
}

#[test]
fn a_reload_that_changes_a_limit_counts_at_once_and_what_is_there_counts() {
    let mut bench = limited(2, "");
    ask(&mut bench, 1000..1003);
    assert_eq!(destinations(&mut bench).len(), 2);
    bench.reload(&configuration(3, ""));
    ask(&mut bench, 1003..1005);
    assert_eq!(destinations(&mut bench).len(), 1);
    bench.reload(&configuration(1, ""));
    ask(&mut bench, 1005..1006);
    assert_eq!(destinations(&mut bench).len(), 0);
    // The control: without a limit.
    bench.reload(CONFIGURATION);
    ask(&mut bench, 1006..1009);
    assert_eq!(destinations(&mut bench).len(), 3);
    bench.reload(&configuration(7, ""));
    ask(&mut bench, 1009..1011);
    assert_eq!(destinations(&mut bench).len(), 1, "six were there");
}
