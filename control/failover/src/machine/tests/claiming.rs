//! The term is on disk before it is used.

use super::*;

/// A standby machine whose disk has said nothing yet of the term that comes next.
fn without_a_disk() -> Bench {
    let mut bench = Bench::new();
    bench.fit(Fitness::READY);
    bench.peer = Some(peer(Role::Active, 5));
    let actions = bench.run_with(200, false);
    assert!(actions.contains(&Action::StoreTerm(Term(6))), "asked in advance");
    bench
}

fn claiming() -> Bench {
    let mut bench = without_a_disk();
    let actions = bench.hear(peer(Role::Leaving, 5));
    assert!(actions.contains(&Action::StoreTerm(Term(6))));
    assert_eq!(deeds(&actions), []);
    assert_eq!(bench.machine.role(), Role::Standby);
    bench
}

#[test]
fn the_next_term_is_asked_for_once_in_advance() {
    let mut bench = without_a_disk();
    let actions = bench.run_with(1_000, false);
    assert!(!actions.iter().any(|action| matches!(action, Action::StoreTerm(_))));
}

#[test]
fn a_term_in_advance_is_asked_for_again_when_the_peer_has_moved_on() {
    let mut bench = Bench::standby();
    let actions = bench.hear(peer(Role::Active, 9));
    assert!(actions.contains(&Action::StoreTerm(Term(10))));
}

#[test]
fn a_claim_waits_for_the_disk() {
    let mut bench = claiming();
    let actions = bench.step(Event::TermStored(Term(6)));
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerLeft)]);
}

#[test]
fn what_came_of_another_term_claims_nothing() {
    let mut bench = claiming();
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(5)))), []);
    assert_eq!(deeds(&bench.step(Event::TermNotStored(Term(5)))), []);
    let mut bench = Bench::standby();
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(6)))), []);
    assert_eq!(deeds(&bench.step(Event::TermNotStored(Term(6)))), []);
}

#[test]
fn a_disk_that_refuses_does_not_keep_the_service_down() {
    let mut bench = claiming();
    let actions = bench.step(Event::TermNotStored(Term(6)));
    assert!(actions.contains(&Action::Claim(Term(6))));
    assert!(reports(&actions, Notice::TermNotStored));
}

#[test]
fn a_disk_that_hangs_is_waited_for_one_dead_interval() {
    let mut bench = claiming();
    assert_eq!(deeds(&bench.run_with(140, false)), []);
    let actions = bench.run_with(20, false);
    assert!(actions.contains(&Action::Claim(Term(6))));
    assert!(reports(&actions, Notice::TermNotStored));
}

#[test]
fn a_claim_whose_reason_is_gone_is_dropped() {
    let mut bench = claiming();
    bench.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(6)))), []);
    assert_eq!((bench.machine.role(), bench.machine.term()), (Role::Standby, Term(6)));
    let mut bench = claiming();
    bench.fit(UNABLE);
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(6)))), []);
}

#[test]
fn a_claim_whose_term_is_used_by_another_is_dropped() {
    let mut bench = claiming();
    bench.hear(peer(Role::Leaving, 6));
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(6)))), []);
    bench.run_with(10, false);
    let actions = bench.step(Event::TermStored(Term(7)));
    assert!(actions.contains(&Action::Claim(Term(7))), "it takes the next one");
}

#[test]
fn a_machine_that_stalls_while_it_claims_listens_again() {
    let mut bench = claiming();
    bench.ms += 150;
    assert_eq!(deeds(&bench.step(Event::TermStored(Term(6)))), [Action::Report(Notice::Stalled)]);
    assert_eq!(bench.machine.role(), Role::Listening);
}
