//! The term is on disk before it is used.

use super::*;

/// A standby machine whose disk has said nothing yet of the term that comes next.
fn without_a_disk() -> Harness {
    let mut harness = Harness::new();
    harness.fit(Fitness::READY);
    harness.peer = Some(peer(Role::Active, 5));
    let actions = harness.run_with(200, false);
    assert!(actions.contains(&Action::StoreTerm(Term(6))), "asked in advance");
    harness
}

fn claiming() -> Harness {
    let mut harness = without_a_disk();
    let actions = harness.hear(peer(Role::Leaving, 5));
    assert!(actions.contains(&Action::StoreTerm(Term(6))));
    assert_eq!(deeds(&actions), []);
    assert_eq!(harness.machine.role(), Role::Standby);
    harness
}

#[test]
fn the_next_term_is_asked_for_once_in_advance() {
    let mut harness = without_a_disk();
    let actions = harness.run_with(1_000, false);
    assert!(!actions.iter().any(|action| matches!(action, Action::StoreTerm(_))));
}

#[test]
fn a_term_in_advance_is_asked_for_again_when_the_peer_has_moved_on() {
    let mut harness = Harness::standby();
    let actions = harness.hear(peer(Role::Active, 9));
    assert!(actions.contains(&Action::StoreTerm(Term(10))));
}

#[test]
fn a_claim_waits_for_the_disk() {
    let mut harness = claiming();
    let actions = harness.step(Event::TermStored(Term(6)));
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerLeft)]);
}

#[test]
fn what_came_of_another_term_claims_nothing() {
    let mut harness = claiming();
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(5)))), []);
    assert_eq!(deeds(&harness.step(Event::TermNotStored(Term(5)))), []);
    let mut harness = Harness::standby();
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(6)))), []);
    assert_eq!(deeds(&harness.step(Event::TermNotStored(Term(6)))), []);
}

#[test]
fn a_disk_that_refuses_does_not_keep_the_service_down() {
    let mut harness = claiming();
    let actions = harness.step(Event::TermNotStored(Term(6)));
    assert!(actions.contains(&Action::Claim(Term(6))));
    assert!(reports(&actions, Notice::TermNotStored));
}

#[test]
fn a_disk_that_hangs_is_waited_for_one_dead_interval() {
    let mut harness = claiming();
    assert_eq!(deeds(&harness.run_with(140, false)), []);
    let actions = harness.run_with(20, false);
    assert!(actions.contains(&Action::Claim(Term(6))));
    assert!(reports(&actions, Notice::TermNotStored));
}

#[test]
fn a_claim_whose_reason_is_gone_is_dropped() {
    let mut harness = claiming();
    harness.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(6)))), []);
    assert_eq!((harness.machine.role(), harness.machine.term()), (Role::Standby, Term(6)));
    let mut harness = claiming();
    harness.fit(UNABLE);
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(6)))), []);
}

#[test]
fn a_claim_whose_term_is_used_by_another_is_dropped() {
    let mut harness = claiming();
    harness.hear(peer(Role::Leaving, 6));
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(6)))), []);
    harness.run_with(10, false);
    let actions = harness.step(Event::TermStored(Term(7)));
    assert!(actions.contains(&Action::Claim(Term(7))), "it takes the next one");
}

#[test]
fn a_machine_that_stalls_while_it_claims_listens_again() {
    let mut harness = claiming();
    harness.ms += 150;
    assert_eq!(deeds(&harness.step(Event::TermStored(Term(6)))), [Action::Report(Notice::Stalled)]);
    assert_eq!(harness.machine.role(), Role::Listening);
}
