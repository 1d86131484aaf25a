//! A machine that is stopped in an orderly manner.

use super::*;

#[test]
fn a_machine_without_the_role_leaves_at_once_and_says_so() {
    for mut bench in [Bench::new(), Bench::standby()] {
        let actions = bench.step(Event::Leave);
        assert_eq!(deeds(&actions), []);
        assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Leaving));
    }
}

#[test]
fn an_active_machine_hands_over_first_and_then_leaves() {
    let mut bench = Bench::active();
    assert_eq!(deeds(&bench.step(Event::Leave)), [Action::Drain]);
    assert_eq!(bench.machine.role(), Role::Active);
    bench.step(Event::Drained);
    assert_eq!(bench.wish(), Wish::TakeOver);
    let actions = bench.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&actions), [Action::Retire, Action::Report(Notice::HandedOver)]);
    assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Leaving));
}

#[test]
fn an_active_machine_without_a_ready_peer_lets_go_before_it_says_that_it_leaves() {
    let mut bench = Bench::active();
    bench.silence();
    bench.run(200);
    let actions = bench.step(Event::Leave);
    assert!(matches!(&actions[..], [Action::Release, Action::Send(h)] if h.role == Role::Leaving));
}

#[test]
fn a_machine_whose_peer_does_not_take_over_leaves_anyway() {
    let mut bench = Bench::active();
    bench.step(Event::Leave);
    let actions = bench.run(2_000);
    assert_eq!(deeds(&actions), [Action::Report(Notice::HandoverFailed), Action::Release]);
    assert_eq!(bench.machine.role(), Role::Leaving);
}

#[test]
fn a_handover_on_its_way_becomes_a_departure() {
    let mut bench = Bench::active();
    bench.step(Event::Handover);
    bench.step(Event::Drained);
    bench.step(Event::Leave);
    assert_eq!(bench.wish(), Wish::TakeOver);
    bench.hear(peer(Role::Active, 6));
    assert_eq!(bench.machine.role(), Role::Leaving);
}

#[test]
fn a_departing_machine_that_loses_its_role_has_left() {
    for event in [Event::LeaseLost, Event::Fitness(UNABLE)] {
        let mut bench = Bench::active();
        bench.step(Event::Leave);
        assert!(bench.step(event).contains(&Action::Release));
        assert_eq!(bench.machine.role(), Role::Leaving);
    }
}

#[test]
fn one_that_has_left_claims_nothing_and_never_comes_back() {
    let mut bench = Bench::standby();
    bench.step(Event::Leave);
    bench.silence();
    assert_eq!(deeds(&bench.run(1_000)), []);
    bench.ms += 1_000;
    bench.step(Event::Tick);
    bench.step(Event::Leave);
    assert_eq!(deeds(&bench.step(Event::Handover)), [Action::Report(Notice::NotReady)]);
    assert_eq!(bench.machine.role(), Role::Leaving);
}
