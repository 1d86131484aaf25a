//! Servers at which clients fail, as a worker sees it: by resets, ICMP errors and silence.

use std::net::Ipv4Addr;

use etherparse::Icmpv4Type;
use etherparse::icmpv4::DestUnreachableHeader;
use nat::Side;
use nat::service::{Cause, ServerState};
use wire::parse;
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, NEIGHBOURS, SERVER, VIP, arriving, datagram};

pub(crate) const WEB: &str = r#"
[[service]]
name = "web"
listen = "198.51.100.10:80"
protocol = "tcp"
scheduler = "rr"
server = [{ address = "10.0.0.11:80" }, { address = "10.0.0.12:80" }]
"#;
pub(crate) const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 12);
const NUMBER: u32 = 0x7654_3210;

/// A bench with two web servers.
pub(crate) fn web(configuration: &str) -> Bench {
    let bench = Bench::with_more(configuration);
    let hop = bench.neighbours.insert(Side::Private, OTHER).unwrap();
    bench.neighbours.publish(hop, Some(NEIGHBOURS[1]));
    bench
}

pub(crate) fn client(number: u8) -> (Ipv4Addr, u16) {
    (Ipv4Addr::new(203, 0, 113, number), 4242)
}

/// The state of the first web server.
fn state(bench: &Bench) -> ServerState {
    let web = bench.services.iter().find(|service| service.name == "web").unwrap();
    bench.weights.state(web.servers[0].id)
}

/// Where a frame goes.
fn destination(frame: &[u8]) -> Ipv4Addr {
    parse::frame(frame).unwrap().ipv4().unwrap().destination
}

fn syn(number: u8) -> Vec<u8> {
    let frame = Frame::tcp(client(number), (VIP, 80), Flags::SYN).numbers(NUMBER, 0);
    arriving(Side::Public, frame).build()
}

/// A client asks; returns the server that is asked.
fn ask(bench: &mut Bench, number: u8) -> Ipv4Addr {
    bench.arrive(Side::Public, &[syn(number)]);
    destination(&bench.sent(Side::Private).remove(0))
}

fn answer(bench: &mut Bench, server: Ipv4Addr, number: u8, flags: Flags, acknowledgment: u32) {
    let frame = Frame::tcp((server, 80), client(number), flags).numbers(9, acknowledgment);
    bench.arrive(Side::Private, &[arriving(Side::Private, frame).build()]);
    assert_eq!(bench.sent(Side::Public).len(), 1, "the client hears of it");
}

/// Clients ask until so many of them have been refused by the first server.
fn refuse(bench: &mut Bench, clients: u8, acknowledgment: u32) {
    let mut refused = 0;
    for number in 1.. {
        if ask(bench, number) == SERVER {
            answer(bench, SERVER, number, Flags::RST | Flags::ACK, acknowledgment);
            refused += 1;
            if refused == clients {
                return;
            }
        }
    }
}

#[test]
fn the_third_client_that_is_refused_is_the_last() {
    let mut bench = web(WEB);
    refuse(&mut bench, 3, NUMBER + 1);
    assert_eq!(state(&bench).cause(), Some(Cause::Refused));
    assert!((100..120).all(|number| ask(&mut bench, number) == OTHER));
    // A check has found it well.
    let web = bench.services.iter().find(|one| one.name == "web").unwrap();
    bench.weights.trust(web.servers[0].id);
    assert!((120..122).any(|number| ask(&mut bench, number) == SERVER));
}

#[test]
fn resets_that_acknowledge_something_else_are_forged() {
    let mut bench = web(WEB);
    refuse(&mut bench, 10, NUMBER.wrapping_add(0x10_0000));
    assert!(!state(&bench).is_suspect());
}

#[test]
fn a_syn_that_is_sent_again_finds_another_server_than_the_suspect() {
    let mut bench = web(WEB);
    let waiting = (50..52).find(|&number| ask(&mut bench, number) == SERVER).unwrap();
    assert_eq!(ask(&mut bench, waiting), SERVER, "the control: it is the same connection");
    refuse(&mut bench, 3, NUMBER + 1);
    assert_eq!(ask(&mut bench, waiting), OTHER);
    answer(&mut bench, OTHER, waiting, Flags::SYN | Flags::ACK, NUMBER + 1);
}

#[test]
fn a_server_whose_port_is_closed_is_suspect_for_udp() {
    let mut bench = Bench::new();
    for number in 1..=3u8 {
        let (address, port) = client(number);
        bench.arrive(Side::Public, &[datagram(Side::Public, (address, port), (VIP, 53), 1)]);
        let sent = bench.sent(Side::Private).remove(0);
        let (from, to) = ((address, port), (SERVER, 53));
        assert_eq!(destination(&sent), SERVER);
        let kind = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port);
        let quoted = Frame::udp(from, to).payload([1; 18]);
        assert!(!bench.weights.state(bench.server).is_suspect());
        let error = arriving(Side::Private, Frame::error(SERVER, kind, quoted)).build();
        bench.arrive(Side::Private, &[error]);
        assert_eq!(bench.sent(Side::Public).len(), 1);
    }
    let cause = bench.weights.state(bench.server).cause();
    assert_eq!(cause, Some(Cause::Unreachable));
    // Nobody else can serve: it is used.
    bench.arrive(Side::Public, &[datagram(Side::Public, client(9), (VIP, 53), 1)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
}
