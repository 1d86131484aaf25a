//! Connections that an operator ends.

use dataplane::drop_reason::DropReason;
use dataplane::mailbox::FoundConnection;
use nat::table::{ConnectionId, Key};
use nat::tcp::State;
use nat::{Direction, Side};
use std::net::Ipv4Addr;
use wire::tcp::{Flags, Segment};

use crate::bench::{Bench, CLIENT, VIP, datagram, question};
use crate::leaving::{CLIENT_NEXT, Open, SERVER_NEXT};
use crate::suspects::WEB;

type Target = (ConnectionId, Key<Ipv4Addr>);

fn target(found: &FoundConnection) -> Target {
    (found.id, *found.record.key(Direction::Original))
}

/// All connections of the bench.
fn targets(bench: &mut Bench) -> Vec<Target> {
    bench.walk().iter().map(target).collect()
}

fn only(segments: &[Segment]) -> Segment {
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments[0]
}

#[test]
fn both_ends_are_asked_and_then_reset_with_the_numbers_they_wait_for() {
    let mut open = Open::new(WEB);
    // The connection with the server, and perhaps one that was not answered.
    let of_client = |found: &FoundConnection| found.record.state() == State::Established;
    let established: Vec<_> =
        open.bench.walk().iter().filter(|found| of_client(found)).map(target).collect();
    assert_eq!(open.bench.kill(established.clone()), (1, 1));
    assert_eq!(open.bench.counters.killed.get(), 1);
    let [to_client, to_server] = open.drain();
    let (asked_client, asked_server) = (only(&to_client), only(&to_server));
    assert_eq!((asked_client.flags, asked_server.flags), (Flags::ACK, Flags::ACK));
    assert_eq!(asked_client.sequence, (SERVER_NEXT & 0xffff_0000) - 1);

    open.server_sends(Flags::ACK, SERVER_NEXT, CLIENT_NEXT);
    let [to_client, to_server] = open.drain();
    let (client, server) = (only(&to_client), only(&to_server));
    assert!(client.flags.contains(Flags::RST) && server.flags.contains(Flags::RST));
    assert_eq!((client.sequence, server.sequence), (SERVER_NEXT, CLIENT_NEXT));
    assert_eq!(open.bench.dropped(DropReason::Killed), 1);
    assert_eq!(open.bench.counters.cut.get(), 0, "no server is down");

    // Whoever goes on is reset again, and alone; nothing passes.
    open.client_sends(Flags::ACK | Flags::PSH, CLIENT_NEXT, SERVER_NEXT);
    let [to_client, to_server] = open.drain();
    assert!(only(&to_client).flags.contains(Flags::RST));
    assert_eq!(to_server.len(), 0);
    assert_eq!(open.bench.kill(established), (0, 1), "it has ended");

    // The client's port serves for a new connection.
    open.client_sends(Flags::SYN, 77, 0);
    let [_, to_server] = open.drain();
    assert_eq!((only(&to_server).flags, only(&to_server).sequence), (Flags::SYN, 77));
}

#[test]
fn a_segment_on_its_way_ends_it_as_well_and_other_connections_stay_fast() {
    let mut open = Open::new(WEB);
    open.bench.arrive(Side::Public, &[question(1)]);
    open.bench.sent(Side::Private);
    let udp = |found: &FoundConnection| found.record.state() == State::Unreplied;
    let other: Vec<_> = open.bench.walk().iter().filter(|one| !udp(one)).map(target).collect();
    open.bench.kill(other);
    open.drain();
    open.client_sends(Flags::ACK | Flags::PSH, CLIENT_NEXT, SERVER_NEXT);
    let [to_client, to_server] = open.drain();
    assert_eq!((only(&to_client).sequence, only(&to_server).sequence), (SERVER_NEXT, CLIENT_NEXT));
    // The control: the flow that was not meant is where it was.
    let slow = open.bench.counters.slow.get();
    open.bench.arrive(Side::Public, &[question(2)]);
    assert_eq!((open.bench.sent(Side::Private).len(), open.bench.counters.slow.get()), (1, slow));
}

#[test]
fn a_flow_is_forgotten_and_opens_anew() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(1)]);
    let all = targets(&mut bench);
    assert_eq!(bench.kill(all.clone()), (1, 1));
    assert_eq!((bench.walk().len(), bench.counters.connections.get()), (0, 0));
    assert_eq!(bench.kill(all), (0, 1));
    bench.sent(Side::Private);
    bench.arrive(Side::Public, &[question(2)]);
    assert_eq!((bench.sent(Side::Private).len(), bench.counters.opened.get()), (1, 2));
}

/// However many there are, a poll ends a few of them, and packets go on between.
#[test]
fn a_poll_ends_a_few() {
    let mut bench = Bench::new();
    for port in 0..60 {
        bench.arrive(Side::Public, &[datagram(Side::Public, (CLIENT, 5000 + port), (VIP, 53), 1)]);
    }
    bench.sent(Side::Private);
    let all = targets(&mut bench);
    assert_eq!(all.len(), 60);
    let (killed, polls) = bench.kill(all);
    assert_eq!(killed, 60);
    assert!((7..=9).contains(&polls), "{polls} polls of eight each");
}

#[test]
fn listings_tell_ages() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(1)]);
    assert!(bench.walk()[0].age_seconds <= 60, "it was opened just now");
}
