//! A machine that is stopped in an orderly manner.

use super::*;

#[test]
fn a_machine_without_the_role_leaves_at_once_and_says_so() {
    for mut harness in [Harness::new(), Harness::standby()] {
        let actions = harness.step(Event::Leave);
        assert_eq!(deeds(&actions), []);
        assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Leaving));
    }
}

#[test]
fn an_active_machine_hands_over_first_and_then_leaves() {
    let mut harness = Harness::active();
    assert_eq!(deeds(&harness.step(Event::Leave)), [Action::Drain]);
    assert_eq!(harness.machine.role(), Role::Active);
    harness.step(Event::Drained);
    assert_eq!(harness.wish(), Wish::TakeOver);
    let actions = harness.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&actions), [Action::Retire, Action::Report(Notice::HandedOver)]);
    assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Leaving));
}

#[test]
fn an_active_machine_without_a_ready_peer_lets_go_before_it_says_that_it_leaves() {
    let mut harness = Harness::active();
    harness.silence();
    harness.run(200);
    let actions = harness.step(Event::Leave);
    assert!(matches!(&actions[..], [Action::Release, Action::Send(h)] if h.role == Role::Leaving));
}

#[test]
fn a_machine_whose_peer_does_not_take_over_leaves_anyway() {
    let mut harness = Harness::active();
    harness.step(Event::Leave);
    let actions = harness.run(2_000);
    assert_eq!(deeds(&actions), [Action::Report(Notice::HandoverFailed), Action::Release]);
    assert_eq!(harness.machine.role(), Role::Leaving);
}

#[test]
fn a_handover_on_its_way_becomes_a_departure() {
    let mut harness = Harness::active();
    harness.step(Event::Handover);
    harness.step(Event::Drained);
    harness.step(Event::Leave);
    assert_eq!(harness.wish(), Wish::TakeOver);
    harness.hear(peer(Role::Active, 6));
    assert_eq!(harness.machine.role(), Role::Leaving);
}

#[test]
fn a_departing_machine_that_loses_its_role_has_left() {
    for event in [Event::LeaseLost, Event::Fitness(UNABLE)] {
        let mut harness = Harness::active();
        harness.step(Event::Leave);
        assert!(harness.step(event).contains(&Action::Release));
        assert_eq!(harness.machine.role(), Role::Leaving);
    }
}

#[test]
fn one_that_has_left_claims_nothing_and_never_comes_back() {
    let mut harness = Harness::standby();
    harness.step(Event::Leave);
    harness.silence();
    assert_eq!(deeds(&harness.run(1_000)), []);
    harness.ms += 1_000;
    harness.step(Event::Tick);
    harness.step(Event::Leave);
    assert_eq!(deeds(&harness.step(Event::Handover)), [Action::Report(Notice::NotReady)]);
    assert_eq!(harness.machine.role(), Role::Leaving);
}
