//! Each packet ends in one way: sent, given to somebody else, or dropped and counted.

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::role::Deadlines;
use nat::Side;
use wire::parse;

use crate::bench::{Bench, MACS, SERVER, drain, mark, question};

fn questions(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(question).collect()
}

#[test]
fn the_neighbour_goes_silent_and_each_packet_waits_for_it_counted_once() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &questions(1));
    assert_eq!(bench.sent(Side::Private).len(), 1);
    let hop = bench.neighbours.find(Side::Private, SERVER).unwrap();
    bench.neighbours.publish(hop, None);

    bench.arrive(Side::Public, &questions(5));
    assert_eq!(bench.sent(Side::Private).len(), 0);
    let waiting = bench.punted();
    assert!(waiting.iter().map(|mbuf| mark(mbuf.data())).eq(0..5));
    for mbuf in &waiting {
        assert_eq!(HandoffTag::of(mbuf), Some(HandoffTag::Resolve(Side::Private, SERVER)));
        let packet = parse::frame(mbuf.data()).unwrap();
        let ip = packet.ipv4().unwrap();
        assert_eq!((packet.source_mac, ip.destination, ip.ttl), (MACS[1], SERVER, 63));
    }
    assert_eq!(bench.counters.server(bench.server).unwrap().towards()[0].get(), 6);
    assert_eq!((bench.counters.fast.get(), bench.counters.slow.get()), (0, 6));
    drop(waiting);
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn a_full_transmit_queue_loses_what_is_counted_and_no_more() {
    let mut bench = Bench::new();
    // A net_ring has 1,023 places, and a burst waits.
    for _ in 0..40 {
        bench.arrive(Side::Public, &questions(32));
    }
    let lost = bench.dropped(DropReason::TransmitFull);
    assert_eq!(lost, 40 * 32 - 1023 - 32);
    let refused = |bench: &Bench| bench.counters.refused_since.each_ref().map(|at| at.get() != 0);
    assert_eq!(refused(&bench), [false, true], "since when, for the main core to see");
    assert_eq!(bench.counters.sent[Side::Private.index()].get(), 1023);
    assert_eq!(bench.sent(Side::Private).len(), 1023);
    bench.worker.poll();
    assert_eq!(refused(&bench), [false, false]);
    assert_eq!(bench.sent(Side::Private).len(), 32);
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn a_full_ring_to_who_sends_loses_what_is_counted_and_no_more() {
    let mut bench = Bench::with(Deadlines::never(), 2);
    for _ in 0..3 {
        bench.arrive(Side::Public, &questions(32));
    }
    let given = drain(&mut bench.peer);
    assert!(
        given.iter().all(|mbuf| HandoffTag::of(mbuf) == Some(HandoffTag::Transmit(Side::Private)))
    );
    let marks: Vec<_> = given.iter().map(|mbuf| mark(mbuf.data())).collect();
    assert_eq!(marks, (0..15).collect::<Vec<_>>());
    assert_eq!(bench.counters.handed_off.get(), 15);
    assert_eq!(bench.dropped(DropReason::HandoffFull), 3 * 32 - 15);
    drop(given);
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn a_standby_sends_nothing() {
    let mut bench = Bench::with(Deadlines::past(), 1);
    bench.arrive(Side::Public, &questions(32));
    assert_eq!(bench.sent(Side::Private).len() + bench.sent(Side::Public).len(), 0);
    assert_eq!(bench.dropped(DropReason::Standby), 32);
    assert_eq!(bench.pool.in_use(), 0);
}
