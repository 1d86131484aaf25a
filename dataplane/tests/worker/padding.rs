//! Bytes behind the IP packet end here: frames leave as long as their packet is, whichever
//! way they take.

use dataplane::handoff_tag::HandoffTag;
use nat::Side;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, REAL, SERVER, VIP, arriving};

/// Behind a packet of 33 bytes, these make a frame of 947.
const PADDING: usize = 900;
const PACKET: usize = 33;

fn question() -> Frame {
    let frame = Frame::udp((CLIENT, 4242), (VIP, 53)).payload("short");
    arriving(Side::Public, frame.padding(PADDING))
}

fn lengths(frames: Vec<Vec<u8>>) -> Vec<usize> {
    frames.iter().map(Vec::len).collect()
}

#[test]
fn a_frame_leaves_without_its_padding_on_every_road() {
    let mut bench = Bench::new();
    // Opens the connection, belongs to it, and takes the slow path.
    for (frame, added) in
        [(question(), 0), (question(), 0), (question().options(&[0x94, 4, 0, 0]), 4)]
    {
        let bytes = frame.build();
        assert_eq!(bytes.len(), 947 + added);
        bench.arrive(Side::Public, &[bytes]);
        assert_eq!(lengths(bench.sent(Side::Private)), [14 + PACKET + added]);
    }
    let answer = Frame::udp((SERVER, 53), (CLIENT, 4242)).payload("short").padding(PADDING);
    bench.arrive(Side::Private, &[arriving(Side::Private, answer).build()]);
    assert_eq!(lengths(bench.sent(Side::Public)), [14 + PACKET]);
    assert_eq!(bench.counters.fast.get(), 2);
}

/// A frame that Ethernet filled up to 60 bytes; the next link's driver does so again.
#[test]
fn the_padding_of_the_smallest_frames_goes_as_well() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let frame = Frame::udp((CLIENT, 4242), (VIP, 53)).payload("hello").padding(13);
        let mut bytes = arriving(Side::Public, frame).build();
        assert_eq!(bytes.len(), 60);
        bytes[47..].fill(0xaa);
        bench.arrive(Side::Public, &[bytes]);
        assert_eq!(lengths(bench.sent(Side::Private)), [47]);
    }
    assert_eq!(bench.counters.fast.get(), 1);
}

#[test]
fn what_the_router_answers_has_none() {
    let mut bench = Bench::new();
    let ping = Frame::echo_request(CLIENT, VIP, 7).payload([1; 8]).padding(PADDING);
    let last_hop = question().ttl(1);
    for (frame, length) in [(ping, 14 + 20 + 8 + 8), (last_hop, 14 + 28 + PACKET)] {
        bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
        assert_eq!(lengths(bench.sent(Side::Public)), [length]);
    }
}

#[test]
fn the_kernel_gets_none() {
    let mut bench = Bench::new();
    let frame = Frame::udp((CLIENT, 4242), (REAL, 22)).payload("short").padding(PADDING);
    bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
    let [mbuf] = bench.punted().try_into().unwrap();
    assert_eq!(HandoffTag::of(&mbuf), Some(HandoffTag::Kernel(Side::Public)));
    assert_eq!(mbuf.len(), 14 + PACKET);
}
