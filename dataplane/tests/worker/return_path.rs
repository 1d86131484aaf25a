//! Answers to what the main core asks servers from the virtual IP.

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::punt::PuntClass;
use nat::Side;
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, SERVER, VIP, arriving};

fn from_server(flags: Flags, port: u16) -> Vec<u8> {
    let frame = Frame::tcp((SERVER, 80), (VIP, port), flags).numbers(5, 6);
    arriving(Side::Private, frame).build()
}

#[test]
fn what_may_be_an_answer_goes_to_the_main_core() {
    let mut bench = Bench::new();
    let echo = arriving(Side::Private, Frame::echo_reply(SERVER, VIP, 50_000)).build();
    let answers = [
        from_server(Flags::SYN | Flags::ACK, 50_000),
        from_server(Flags::RST | Flags::ACK, 50_000),
        echo,
    ];
    bench.arrive(Side::Private, &answers);
    let given = bench.punted();
    assert_eq!(given.len(), 3);
    for (mbuf, answer) in given.iter().zip(&answers) {
        assert_eq!(HandoffTag::of(mbuf), Some(HandoffTag::ReturnPath(Side::Private)));
        assert_eq!(mbuf.data(), answer);
    }
    assert_eq!(bench.counters.drops.total(), 0);
    assert_eq!(bench.sent(Side::Private).len(), 0);
}

#[test]
fn what_cannot_be_one_is_refused_as_ever() {
    let mut bench = Bench::new();
    bench.arrive(
        Side::Private,
        &[
            // Nobody asks from there.
            from_server(Flags::SYN | Flags::ACK, 2000),
            from_server(Flags::SYN, 50_000),
            from_server(Flags::ACK, 50_000),
        ],
    );
    let public = Frame::tcp(([203, 0, 113, 9], 80), (VIP, 50_000), Flags::SYN | Flags::ACK);
    bench.arrive(Side::Public, &[arriving(Side::Public, public).build()]);
    assert_eq!(bench.punted().len(), 0);
    assert_eq!(bench.dropped(DropReason::NoService), 4);
}

#[test]
fn a_flood_of_answers_leaves_the_main_core_to_others() {
    let mut bench = Bench::new();
    for _ in 0..40 {
        let flood: Vec<_> = (0..30).map(|_| from_server(Flags::SYN | Flags::ACK, 50_000)).collect();
        bench.arrive(Side::Private, &flood);
        drop(bench.punted());
    }
    let given = bench.counters.punted[PuntClass::Check.index()].get();
    assert!((1..600).contains(&given), "{given}");
}
