//! A service of which each datagram finds its server anew.

use std::net::Ipv4Addr;

use nat::Side;
use wire::parse::{self, Payload};

use crate::bench::{Bench, CLIENT, NEIGHBOURS, SERVER, VIP, datagram, question};

const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 12);

fn bench(more: &str) -> Bench {
    let servers = r#"server = [{ address = "10.0.0.11:53" }, { address = "10.0.0.12:53" }]"#;
    let bench = Bench::with_other(
        r#"server = [{ address = "10.0.0.11:53" }]"#,
        &format!("{servers}{more}"),
    );
    let hop = bench.neighbours.insert(Side::Private, OTHER).unwrap();
    bench.neighbours.publish(hop, Some(NEIGHBOURS[1]));
    bench
}

/// How many of ten questions from one port each server gets, asked one by one and all at once.
fn shares(bench: &mut Bench) -> [usize; 2] {
    (0..5).for_each(|number| bench.arrive(Side::Public, &[question(number)]));
    bench.arrive(Side::Public, &(5..10).map(question).collect::<Vec<_>>());
    let sent = bench.sent(Side::Private);
    let to = |server| {
        let is_to =
            |frame: &&Vec<u8>| parse::frame(frame).unwrap().ipv4().unwrap().destination == server;
        sent.iter().filter(is_to).count()
    };
    [SERVER, OTHER].map(to)
}

#[test]
fn each_datagram_is_scheduled_and_each_answer_leaves_from_the_virtual_ip() {
    let mut bench = bench("\none_packet = true");
    assert_eq!(shares(&mut bench), [5, 5]);
    assert_eq!(bench.counters.connections.get(), 2, "one flow with each server");
    for server in [SERVER, OTHER, SERVER] {
        bench.arrive(Side::Private, &[datagram(Side::Private, (server, 53), (CLIENT, 4242), 1)]);
        let answers = bench.sent(Side::Public);
        let ip = *parse::frame(&answers[0]).unwrap().ipv4().unwrap();
        let Payload::Udp { tuple } = ip.payload else { panic!("{ip:?}") };
        assert_eq!((tuple.source, tuple.source_port.number()), (VIP, 53));
        assert_eq!((tuple.destination, tuple.destination_port.number()), (CLIENT, 4242));
    }
    assert_eq!(bench.counters.connections.get(), 2);
}

/// The control.
#[test]
fn without_it_a_flow_stays_with_its_server() {
    let shares = shares(&mut bench(""));
    assert!(shares.contains(&10), "{shares:?}");
}

#[test]
fn an_answer_of_which_nothing_is_known_opens_no_flow_that_the_clients_datagrams_meet() {
    let mut bench = bench("\none_packet = true");
    bench.arrive(Side::Private, &[datagram(Side::Private, (SERVER, 53), (CLIENT, 4242), 1)]);
    assert_eq!(bench.sent(Side::Public).len(), 1);
    assert_eq!(shares(&mut bench), [5, 5]);
}
