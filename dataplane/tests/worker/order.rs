//! Packets of one flow leave in the order in which they came, whichever way they take.

use nat::Side;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, VIP, arriving, mark, question};

/// A datagram with options in its IP header, which the fast path leaves alone.
fn with_options(mark: u8) -> Vec<u8> {
    let frame = Frame::udp((CLIENT, 4242), (VIP, 53)).payload([mark; 18]).options(&[1, 1, 1]);
    arriving(Side::Public, frame).build()
}

#[test]
fn what_takes_the_slow_path_stays_in_its_place() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    let every_third = |n| if n % 3 == 1 { with_options(n) } else { question(n) };
    let burst: Vec<_> = (1..33).map(every_third).collect();
    bench.arrive(Side::Public, &burst);
    let sent = bench.sent(Side::Private);
    let marks: Vec<_> = sent.iter().map(|frame| mark(frame)).collect();
    assert_eq!(marks, (0..33).collect::<Vec<_>>());
    assert_eq!(bench.counters.fast.get(), 21);
    assert_eq!(bench.counters.slow.get(), 12);
}
