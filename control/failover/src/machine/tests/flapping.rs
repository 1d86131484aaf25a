//! A machine that loses its fitness again and again is damped, and never where it is needed.

use super::*;
use crate::damping::Damping;
use crate::reach::Reach;

const ALL: [Reach; 2] =
    [Reach { set: 7, asked: 1, answering: 1 }, Reach { set: 8, asked: 3, answering: 3 }];
/// The reach of a machine whose gateway does not answer.
const NO_GATEWAY: [Reach; 2] = [Reach { set: 7, asked: 1, answering: 0 }, ALL[1]];
/// The reach of a machine one of whose three servers does not answer.
const NO_SERVER: [Reach; 2] = [ALL[0], Reach { set: 8, asked: 3, answering: 2 }];

fn fit(reach: [Reach; 2]) -> Fitness {
    Fitness { reach, ..Fitness::READY }
}

fn reaching(role: Role, reach: [Reach; 2]) -> Heartbeat {
    Heartbeat { fitness: fit(reach), ..peer(role, 5) }
}

fn seconds_left(harness: &Harness) -> Option<u64> {
    harness.machine.damped(Instant(harness.ms * 1_000)).map(|damped| damped.left.as_secs())
}

/// A standby machine whose link goes down for a moment, so often, once a second.
fn flapping(times: u32, timers: Timers) -> Harness {
    let mut harness = Harness::standby_with(timers);
    harness.fit(fit(ALL));
    harness.hear(reaching(Role::Active, ALL));
    for _ in 0..times {
        harness.fit(Fitness { links: false, ..fit(ALL) });
        harness.run(500);
        harness.fit(fit(ALL));
        harness.run(500);
    }
    harness
}

/// What the peer has lost is seen, and was asked for anew; then time passes.
fn wish_beside(harness: &mut Harness, theirs: [Reach; 2]) -> Wish {
    harness.hear(reaching(Role::Active, theirs));
    harness.step(Event::Probed);
    harness.run(400);
    harness.wish()
}

#[test]
fn it_is_damped_at_the_third_loss_and_says_so_once() {
    let mut harness = flapping(2, Timers::default());
    assert_eq!(seconds_left(&harness), None);
    assert!(reports(&harness.fit(NO_LINK), Notice::Damped));
    assert_eq!(harness.machine.damped(Instant(harness.ms * 1_000)).unwrap().losses, 3);
    for _ in 0..10 {
        harness.fit(fit(ALL));
        assert!(!reports(&harness.run(500), Notice::Damped));
        assert!(!reports(&harness.fit(NO_LINK), Notice::Damped));
    }
}

#[test]
fn a_damped_machine_does_not_ask_because_it_reaches_more_until_the_penalty_has_decayed() {
    let mut harness = flapping(4, Timers::default());
    assert_eq!(wish_beside(&mut harness, NO_SERVER), Wish::None);
    let left = seconds_left(&harness).unwrap();
    assert!((20..60).contains(&left), "{left}");
    harness.run(left * 1_000 - 500);
    assert_eq!(harness.wish(), Wish::None);
    harness.run(2_000);
    assert_eq!((harness.wish(), seconds_left(&harness)), (Wish::ReachesMore, None));
}

/// The control of the one above.
#[test]
fn where_damping_is_off_it_asks_at_once() {
    let mut harness = flapping(4, Timers { damping: Damping::OFF, ..Timers::default() });
    assert_eq!(wish_beside(&mut harness, NO_SERVER), Wish::ReachesMore);
}

#[test]
fn a_damped_machine_asks_as_fast_as_ever_beside_one_that_is_cut_off() {
    let mut harness = flapping(20, Timers::default());
    assert!(seconds_left(&harness).is_some());
    assert_eq!(wish_beside(&mut harness, NO_GATEWAY), Wish::ReachesMore);
}

#[test]
fn a_damped_machine_takes_what_a_peer_gives_up_and_what_a_dead_one_had() {
    let mut harness = flapping(20, Timers::default());
    let mut offer = Heartbeat { fitness: NO_LINK, ..peer(Role::Active, 5) };
    offer.wish = Wish::TakeOver;
    assert!(deeds(&harness.hear(offer)).contains(&Action::Claim(Term(6))));

    let mut harness = flapping(20, Timers::default());
    harness.silence();
    assert_eq!(deeds(&harness.run(140)), []);
    assert!(reports(&harness.run(10), Notice::PeerDead), "after the dead interval, no later");
}

#[test]
fn a_damped_machine_does_not_preempt_and_obeys_an_operator() {
    let preempt = Some(Duration::from_millis(300));
    for damping in [Damping::default(), Damping::OFF] {
        let mut harness = flapping(4, Timers { preempt, damping, ..Timers::default() });
        let mut low = reaching(Role::Active, ALL);
        low.identity.priority = 1;
        harness.hear(low);
        harness.run(1_000);
        let is_off = damping == Damping::OFF;
        assert_eq!(harness.wish(), if is_off { Wish::LetMe } else { Wish::None });
        assert_eq!(deeds(&harness.step(Event::Handover)), []);
        assert_eq!(harness.wish(), Wish::LetMe);
    }
}

#[test]
fn next_hops_that_come_back_after_the_link_are_no_loss_of_their_own() {
    let mut harness = Harness::standby();
    harness.fit(fit(ALL));
    harness.hear(reaching(Role::Active, ALL));
    harness.fit(Fitness { links: false, ..fit(ALL) });
    harness.run(500);
    // The link is back, and the gateway does not answer yet.
    harness.fit(fit(NO_GATEWAY));
    harness.run(100);
    harness.step(Event::Probed);
    harness.run(100);
    harness.fit(fit(ALL));
    harness.run(100);
    harness.fit(NO_LINK);
    assert!(!reports(&harness.run(10), Notice::Damped), "that was the second loss");
    harness.fit(fit(ALL));
    harness.run(100);
    assert!(reports(&harness.fit(NO_LINK), Notice::Damped), "and this the third");
}

/// A server that dies for both is found by one of them first.
#[test]
fn a_difference_that_passes_is_no_loss() {
    let mut harness = Harness::standby();
    harness.fit(fit(ALL));
    harness.hear(reaching(Role::Active, ALL));
    for _ in 0..20 {
        harness.fit(fit(NO_SERVER));
        harness.run(100);
        harness.hear(reaching(Role::Active, NO_SERVER));
        harness.fit(fit(ALL));
        harness.hear(reaching(Role::Active, ALL));
        harness.run(100);
    }
    assert_eq!(seconds_left(&harness), None);
    // The control: what only this machine loses is.
    for _ in 0..3 {
        harness.fit(fit(NO_SERVER));
        harness.step(Event::Probed);
        harness.fit(fit(ALL));
        harness.run(100);
    }
    assert!(seconds_left(&harness).is_some());
}

#[test]
fn a_machine_that_starts_has_lost_nothing() {
    for _ in 0..3 {
        let mut harness = Harness::new();
        harness.run(500);
        harness.fit(NO_LINK);
        harness.fit(Fitness::READY);
        harness.peer = Some(peer(Role::Active, 5));
        harness.run(200);
        assert_eq!(seconds_left(&harness), None);
    }
}
