//! Datagrams put together: only what is whole comes out, and nobody blocks the others for long.

use nat::fragment::Key;
use nat::reassembly::{Reassembly, Refused};
use nat::{Instant, Side};
use wire::parse;
use wire::testing::Frame;

use crate::world::{CLIENT, VIP, server};

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A ping of this size, told from others by its identification.
fn ping(size: usize, identification: u16, byte: u8) -> Frame {
    Frame::echo_request(CLIENT, VIP, 7).payload(vec![byte; size]).identification(identification)
}

fn add(all: &mut Reassembly, frame: &Frame, now: Instant) -> Result<Option<Vec<u8>>, Refused> {
    let bytes = frame.build();
    let packet = parse::frame(&bytes).unwrap();
    let ip = packet.ipv4().unwrap();
    let key = Key {
        source: ip.source,
        destination: ip.destination,
        protocol: ip.protocol,
        identification: u32::from(ip.fragment.unwrap().identification),
        side: Side::Public,
    };
    all.add(key, &packet, &bytes, now).map(|frame| frame.map(|frame| frame.to_vec()))
}

#[test]
fn a_datagram_with_a_hole_is_never_whole() {
    let mut all = Reassembly::default();
    // Somebody else's, whose bytes are still in the buffer.
    let fragments = ping(2000, 1, 0x53).fragments(1480);
    assert_eq!(add(&mut all, &fragments[0], at(1)), Ok(None));
    assert!(add(&mut all, &fragments[1], at(1)).unwrap().is_some());
    // As many bytes as the end says, and not those before it.
    let long = ping(4000, 2, 0);
    for (start, length) in [(0, 8), (2000, 800)] {
        assert_eq!(add(&mut all, &long.clone().fragment(start, length), at(2)), Ok(None));
    }
    let end = ping(808, 2, 0).fragment(808, 8);
    assert_eq!(add(&mut all, &end, at(2)), Err(Refused::Overlap));
}

#[test]
fn unfinished_datagrams_make_room_for_others() {
    let mut all = Reassembly::default();
    for number in 0..100 {
        let first = ping(2000, number, 1).fragment(0, 1480);
        assert_eq!(add(&mut all, &first, at(1)), Ok(None));
    }
    assert_eq!(all.take_given_up(), 92);
    let fragments = Frame::echo_request(server(9), VIP, 7).payload([1; 2000]).fragments(1480);
    assert_eq!(add(&mut all, &fragments[0], at(2)), Ok(None));
    assert!(add(&mut all, &fragments[1], at(2)).unwrap().is_some());
}

#[test]
fn a_fragment_that_comes_again_after_the_end_begins_nothing() {
    let mut all = Reassembly::default();
    for number in 0..20 {
        let fragments = ping(2000, number, 1).fragments(1480);
        assert_eq!(add(&mut all, &fragments[0], at(1)), Ok(None));
        assert!(add(&mut all, &fragments[1], at(1)).unwrap().is_some());
        assert_eq!(add(&mut all, &fragments[1], at(1)), Ok(None));
    }
    assert_eq!(all.take_given_up(), 0);
}
