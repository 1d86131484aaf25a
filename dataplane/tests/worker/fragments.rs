//! Fragments of what a real server sends, some of them more than once: the receiver, who is
//! etherparse, puts them together.

use etherparse::defrag::IpDefragPool;
use etherparse::{NetSlice, SlicedPacket};
use nat::Side;
use wire::parse;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, SERVER, arriving};

/// A datagram that takes three fragments of these bytes.
const SIZE: usize = 400;

fn datagram(port: u16) -> Frame {
    let frame = Frame::udp((SERVER, port), (CLIENT, 4242)).payload([port as u8; 1000]);
    arriving(Side::Private, frame.identification(77))
}

/// The fragments of a datagram in this order, the first being 1, as they leave.
fn sent(bench: &mut Bench, datagram: &Frame, order: &[usize]) -> Vec<Vec<u8>> {
    let fragments = datagram.fragments(SIZE);
    for number in order {
        bench.arrive(Side::Private, &[fragments[number - 1].build()]);
    }
    bench.sent(Side::Public)
}

fn identification(frame: &[u8]) -> u16 {
    parse::frame(frame).unwrap().ipv4().unwrap().fragment.unwrap().identification
}

/// The payloads of the datagrams that come out of these fragments.
fn put_together(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut pool = IpDefragPool::<(), ()>::new();
    let whole = frames.iter().filter_map(|frame| {
        let sliced = SlicedPacket::from_ethernet(frame).unwrap();
        assert!(matches!(sliced.net, Some(NetSlice::Ipv4(_))));
        pool.process_sliced_packet(&sliced, (), ()).unwrap()
    });
    whole.map(|whole| whole.payload).collect()
}

#[test]
fn a_datagram_whose_fragments_come_twice_is_put_together() {
    let mut bench = Bench::new();
    let orders: [&[usize]; 7] = [
        &[1, 2, 3],
        &[1, 2, 1, 3],
        &[1, 1, 2, 3],
        &[2, 1, 1, 3],
        &[3, 2, 2, 1],
        &[1, 2, 2, 1, 3],
        &[2, 3, 1],
    ];
    for (at, order) in orders.into_iter().enumerate() {
        let frame = datagram(53).identification(at as u16);
        let frames = sent(&mut bench, &frame, order);
        assert_eq!(frames.len(), order.len(), "{order:?}");
        let one = identification(&frames[0]);
        assert!(frames.iter().all(|frame| identification(frame) == one), "{order:?}");
        let whole = put_together(&frames);
        assert_eq!(whole.len(), 1, "{order:?}");
        assert_eq!(whole[0][8..], [53; 1000], "{order:?}");
    }
    assert_eq!(bench.pool.in_use(), 0);
}

/// The control: identifications are the router's own, and differ between datagrams.
#[test]
fn another_datagram_with_the_same_identification_gets_another() {
    let mut bench = Bench::new();
    let [one] = sent(&mut bench, &datagram(53), &[1]).try_into().unwrap();
    let [other] = sent(&mut bench, &datagram(54), &[1]).try_into().unwrap();
    assert_ne!(identification(&one), identification(&other));
    let [again] = sent(&mut bench, &datagram(53), &[1]).try_into().unwrap();
    assert_ne!(identification(&again), identification(&other));
}

#[test]
fn a_fragment_that_is_cut_further_keeps_its_identification_when_it_comes_again() {
    let mut bench = Bench::new();
    let frame =
        arriving(Side::Private, Frame::udp((SERVER, 53), (CLIENT, 4242)).payload(vec![7; 2000]));
    // The first fragment has more than the link's 1,500 bytes.
    let fragments = frame.fragments(1600);
    for fragment in [0, 1, 0, 1].map(|at: usize| &fragments[at]) {
        bench.arrive(Side::Private, &[fragment.build()]);
    }
    let frames = bench.sent(Side::Public);
    assert_eq!(frames.len(), 6);
    assert!(frames.iter().all(|frame| frame.len() <= 1514));
    assert!(frames.iter().all(|frame| identification(frame) == identification(&frames[0])));
    assert_eq!(put_together(&frames[..3]), put_together(&frames[3..]));
}

#[test]
fn copies_and_overlaps_in_number_take_no_more_room_than_one() {
    let mut bench = Bench::new();
    let frame = datagram(53);
    for length in [800, 400, 8, 400].into_iter().cycle().take(500) {
        bench.arrive(Side::Private, &[frame.clone().fragment(0, length).build()]);
        bench.sent(Side::Public);
    }
    let frames = sent(&mut bench, &frame, &[1, 2, 3]);
    assert_eq!(put_together(&frames).len(), 1);
    assert_eq!(bench.pool.in_use(), 0);
}
