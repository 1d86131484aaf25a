//! What becomes of connections when their server goes down.

use std::net::Ipv4Addr;

use api::{ServerChange, SetServers};
use dataplane::drop_reason::DropReason;
use nat::Side;
use wire::parse::{self, Payload};
use wire::tcp::{Flags, Segment};
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, SERVER, VIP, arriving, datagram, question};
use crate::suspects::{OTHER, WEB, client, web};

/// Polls in which a walk over the bench's table comes to its end.
const POLLS: usize = 10;

/// The check of a server says that it is down, or up again.
fn set_down(bench: &mut Bench, service: &str, server: &str, down: bool) {
    let change =
        ServerChange { down: Some(down), ..ServerChange::new(service, server.parse().unwrap()) };
    let changes = SetServers { servers: vec![change], ..SetServers::default() };
    bench.builder.servers.set(&bench.services, &changes).unwrap();
    (0..POLLS).for_each(|_| _ = bench.worker.poll());
}

fn two_dns_servers() -> Bench {
    let bench = Bench::with_other(
        r#"{ address = "10.0.0.11:53" }"#,
        r#"{ address = "10.0.0.11:53" }, { address = "10.0.0.12:53" }"#,
    );
    let hop = bench.neighbours.insert(Side::Private, OTHER).unwrap();
    bench.neighbours.publish(hop, Some(crate::bench::NEIGHBOURS[1]));
    bench
}

fn destination(frame: &[u8]) -> Ipv4Addr {
    parse::frame(frame).unwrap().ipv4().unwrap().destination
}

#[test]
fn a_udp_flow_moves_with_its_clients_next_packet() {
    moves(0);
}

#[test]
fn what_a_server_that_is_down_still_says_does_not_keep_its_flow() {
    moves(3);
}

/// A flow moves, after so many packets of its server.
fn moves(late: u8) {
    let mut bench = two_dns_servers();
    bench.arrive(Side::Public, &[question(0)]);
    let first = destination(&bench.sent(Side::Private).remove(0));
    let second = if first == SERVER { OTHER } else { SERVER };
    set_down(&mut bench, "dns", &format!("{first}:53"), true);
    for number in 0..late {
        let answer = datagram(Side::Private, (first, 53), (CLIENT, 4242), number);
        bench.arrive(Side::Private, &[answer]);
        assert_eq!(bench.sent(Side::Public).len(), 1, "it is passed on");
    }
    assert_eq!(bench.counters.moved.get(), 0);
    let slow = bench.counters.slow.get();
    for number in 1..5 {
        bench.arrive(Side::Public, &[question(number)]);
        assert_eq!(destination(&bench.sent(Side::Private).remove(0)), second);
    }
    assert_eq!(bench.counters.moved.get(), 1);
    assert!(bench.counters.slow.get() - slow <= 2, "the others are fast");
    // The control: it stays where it is when the first is up again.
    set_down(&mut bench, "dns", &format!("{first}:53"), false);
    bench.arrive(Side::Public, &[question(9)]);
    assert_eq!(destination(&bench.sent(Side::Private).remove(0)), second);
}

#[test]
fn flows_of_other_servers_stay_fast() {
    let mut bench = two_dns_servers();
    bench.arrive(Side::Public, &[question(0)]);
    let first = destination(&bench.sent(Side::Private).remove(0));
    let second = if first == SERVER { OTHER } else { SERVER };
    set_down(&mut bench, "dns", &format!("{second}:53"), true);
    let slow = bench.counters.slow.get();
    bench.arrive(Side::Public, &[question(1)]);
    assert_eq!(destination(&bench.sent(Side::Private).remove(0)), first);
    assert_eq!((bench.counters.slow.get(), bench.counters.moved.get()), (slow, 0));
}

#[test]
fn a_client_that_nobody_can_serve_any_more_is_told_so() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.sent(Side::Private);
    set_down(&mut bench, "dns", "10.0.0.11:53", true);
    bench.arrive(Side::Public, &[question(1)]);
    assert_eq!(bench.sent(Side::Private).len(), 0);
    assert_eq!(bench.sent(Side::Public).len(), 1, "port unreachable");
    assert_eq!(bench.dropped(DropReason::NoServer), 1);
}

/// What client and server have sent, and wait for.
pub(crate) const CLIENT_NEXT: u32 = 0x1000_5678;
pub(crate) const SERVER_NEXT: u32 = 0x2000_9abc;

/// An established connection of a client with the first web server.
pub(crate) struct Open {
    pub(crate) bench: Bench,
    pub(crate) client: (Ipv4Addr, u16),
}

impl Open {
    pub(crate) fn new(configuration: &str) -> Self {
        let mut bench = web(configuration);
        let mut asks = |number: u8| {
            let syn = Frame::tcp(client(number), (VIP, 80), Flags::SYN);
            let syn = syn.numbers(CLIENT_NEXT - 1, 0);
            bench.arrive(Side::Public, &[arriving(Side::Public, syn).build()]);
            destination(&bench.sent(Side::Private).remove(0))
        };
        // Round robin begins anywhere.
        let number = (1..=2).find(|&number| asks(number) == SERVER).unwrap();
        let mut open = Open { bench, client: client(number) };
        open.server_sends(Flags::SYN | Flags::ACK, SERVER_NEXT - 1, CLIENT_NEXT);
        open.client_sends(Flags::ACK, CLIENT_NEXT, SERVER_NEXT);
        open.server_sends(Flags::ACK, SERVER_NEXT, CLIENT_NEXT);
        open.drain();
        open
    }

    pub(crate) fn client_sends(&mut self, flags: Flags, sequence: u32, acknowledgment: u32) {
        let frame = Frame::tcp(self.client, (VIP, 80), flags).numbers(sequence, acknowledgment);
        self.bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
    }

    pub(crate) fn server_sends(&mut self, flags: Flags, sequence: u32, acknowledgment: u32) {
        let frame = Frame::tcp((SERVER, 80), self.client, flags).numbers(sequence, acknowledgment);
        self.bench.arrive(Side::Private, &[arriving(Side::Private, frame).build()]);
    }

    pub(crate) fn drain(&mut self) -> [Vec<Segment>; 2] {
        Side::ALL.map(|side| self.bench.sent(side).iter().map(|frame| segment(frame)).collect())
    }
}

fn segment(frame: &[u8]) -> Segment {
    let packet = parse::frame(frame).unwrap();
    let ip = packet.ipv4().unwrap();
    assert!(matches!(ip.payload, Payload::Tcp { .. }));
    ip.payload.segment()
}

fn with_cut() -> String {
    WEB.replace("protocol", "on_down = \"cut\"\nprotocol")
}

#[test]
fn connections_are_kept_unless_the_service_says_otherwise() {
    let mut open = Open::new(WEB);
    set_down(&mut open.bench, "web", "10.0.0.11:80", true);
    assert_eq!(open.drain(), [vec![], vec![]]);
    let slow = open.bench.counters.slow.get();
    open.client_sends(Flags::ACK, CLIENT_NEXT, SERVER_NEXT);
    assert_eq!(open.drain()[1].len(), 1);
    assert_eq!(open.bench.counters.slow.get(), slow);
    assert_eq!(open.bench.counters.cut.get(), 0);
}

#[test]
fn both_ends_of_a_connection_that_is_cut_are_asked_and_then_reset_with_the_numbers_they_wait_for() {
    let mut open = Open::new(&with_cut());
    set_down(&mut open.bench, "web", "10.0.0.11:80", true);
    let [to_client, to_server] = open.drain();
    // Before what each end waits for, as a keep-alive: it answers with its numbers.
    assert_eq!(to_client[0].flags, Flags::ACK);
    assert_eq!(to_client[0].sequence, (SERVER_NEXT & 0xffff_0000) - 1);
    assert_eq!(to_server[0].sequence, (CLIENT_NEXT & 0xffff_0000) - 1);

    open.server_sends(Flags::ACK, SERVER_NEXT, CLIENT_NEXT);
    let [to_client, to_server] = open.drain();
    let reset = |segments: &[Segment]| {
        assert_eq!(segments.len(), 1);
        assert!(segments[0].flags.contains(Flags::RST));
        segments[0].sequence
    };
    assert_eq!(reset(&to_server), CLIENT_NEXT, "what the server acknowledges");
    assert_eq!(reset(&to_client), SERVER_NEXT, "where the server is");
    assert_eq!(open.bench.counters.cut.get(), 1);

    // An end that was not convinced says so, and is reset again; its peer is left alone.
    open.client_sends(Flags::ACK, CLIENT_NEXT + 5, SERVER_NEXT - 7);
    let [to_client, to_server] = open.drain();
    assert_eq!((reset(&to_client), to_server.len()), (SERVER_NEXT - 7, 0));
    assert_eq!(open.bench.counters.cut.get(), 1);

    // The client connects anew, from the same port.
    open.client_sends(Flags::SYN, 77, 0);
    let sent = open.bench.sent(Side::Private);
    assert_eq!(destination(&sent[0]), OTHER);
}

#[test]
fn a_connection_is_cut_by_its_next_segment_when_nothing_was_asked() {
    let mut open = Open::new(&with_cut());
    set_down(&mut open.bench, "web", "10.0.0.11:80", true);
    open.drain();
    open.client_sends(Flags::ACK | Flags::PSH, CLIENT_NEXT, SERVER_NEXT);
    let [to_client, to_server] = open.drain();
    assert_eq!((to_client[0].sequence, to_server[0].sequence), (SERVER_NEXT, CLIENT_NEXT));
    // A reset is passed on, and not answered.
    open.server_sends(Flags::RST, SERVER_NEXT, 0);
    let [to_client, to_server] = open.drain();
    assert_eq!((to_client.len(), to_server.len()), (0, 0), "the other end has had its own");
}

#[test]
fn a_server_that_comes_back_before_its_connections_were_cut_keeps_them() {
    let mut open = Open::new(&with_cut());
    set_down(&mut open.bench, "web", "10.0.0.11:80", true);
    set_down(&mut open.bench, "web", "10.0.0.11:80", false);
    open.drain();
    open.client_sends(Flags::ACK, CLIENT_NEXT, SERVER_NEXT);
    let [to_client, to_server] = open.drain();
    assert_eq!((to_client.len(), to_server.len()), (0, 1));
    assert_eq!(to_server[0].flags, Flags::ACK);
}
