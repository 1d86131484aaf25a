//! When a machine takes the role, and when it does not.

use super::*;

#[test]
fn it_takes_over_when_the_peer_has_been_silent_for_the_dead_interval() {
    let mut harness = Harness::standby();
    harness.silence();
    assert_eq!(deeds(&harness.run(140)), []);
    let actions = harness.run(10);
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerDead)]);
    assert_eq!((harness.machine.role(), harness.machine.term()), (Role::Active, Term(6)));
}

#[test]
fn it_claims_before_it_says_that_it_is_active() {
    let mut harness = Harness::standby();
    harness.silence();
    let actions = harness.run(150);
    let end = &actions[actions.len() - 4..];
    assert!(matches!(
        end,
        [Action::Claim(_), Action::Report(_), Action::Renew(_), Action::Send(_)]
    ));
}

#[test]
fn it_does_not_preempt() {
    let mut harness = Harness::standby();
    let mut low = peer(Role::Active, 5);
    low.identity.priority = 1;
    harness.peer = Some(low);
    assert_eq!(deeds(&harness.run(5_000)), []);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn with_preemption_it_asks_after_the_delay() {
    let preempt = Some(Duration::from_millis(300));
    let mut harness = Harness::standby_with(Timers { preempt, ..Timers::default() });
    let mut low = peer(Role::Active, 5);
    low.identity.priority = 1;
    harness.peer = Some(low.clone());
    harness.run(300);
    assert_eq!(harness.wish(), Wish::None);
    harness.run(10);
    assert_eq!(harness.wish(), Wish::LetMe);
    low.wish = Wish::TakeOver;
    let actions = harness.hear(low);
    assert!(deeds(&actions).contains(&Action::Claim(Term(6))));
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn the_delay_of_preemption_begins_anew_when_it_is_not_ready() {
    let preempt = Some(Duration::from_millis(300));
    let mut harness = Harness::standby_with(Timers { preempt, ..Timers::default() });
    let mut low = peer(Role::Active, 5);
    low.identity.priority = 1;
    harness.peer = Some(low);
    harness.run(290);
    harness.fit(NO_LINK);
    harness.fit(Fitness::READY);
    harness.run(290);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn a_machine_of_equal_priority_does_not_preempt() {
    let preempt = Some(Duration::ZERO);
    let mut harness = Harness::standby_with(Timers { preempt, ..Timers::default() });
    harness.run(500);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn it_takes_the_role_that_is_offered_if_it_is_ready() {
    let mut offer = peer(Role::Active, 5);
    offer.wish = Wish::TakeOver;
    for unfit in [UNSYNCED, NO_LINK, UNABLE] {
        let mut harness = Harness::standby();
        harness.fit(unfit);
        assert_eq!(deeds(&harness.hear(offer.clone())), []);
    }
    let mut harness = Harness::standby();
    let actions = harness.hear(offer);
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerYielded)]);
}

#[test]
fn it_takes_the_role_at_once_from_a_peer_that_leaves() {
    let mut harness = Harness::standby();
    harness.fit(UNSYNCED);
    let actions = harness.hear(peer(Role::Leaving, 5));
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerLeft)]);
}

#[test]
fn it_takes_the_role_at_once_from_a_peer_that_starts_again() {
    let mut harness = Harness::standby();
    let actions = harness.hear(peer(Role::Listening, 5));
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::NobodyActive)]);
}

#[test]
fn of_two_without_a_role_the_fitter_leads() {
    // Own fitness, the peer's, and whether this one claims; the names say "b" < "m".
    let cases = [
        (Fitness::READY, Fitness::READY, true),
        (UNSYNCED, Fitness::READY, false),
        (Fitness::READY, UNSYNCED, true),
        (NO_LINK, Fitness::READY, false),
        (Fitness::READY, NO_LINK, true),
        (NO_LINK, UNSYNCED, true),
        (UNSYNCED, NO_LINK, false),
        (UNSYNCED, UNABLE, true),
        (UNABLE, UNABLE, false),
        (NO_LINK, UNABLE, true),
    ];
    for (own, theirs, claims) in cases {
        let mut harness = Harness::standby();
        harness.fit(own);
        let mut other = peer(Role::Standby, 5);
        other.fitness = theirs;
        harness.hear(other);
        assert_eq!(harness.machine.role() == Role::Active, claims, "{own:?} {theirs:?}");
    }
}

#[test]
fn of_two_that_are_alike_priority_and_then_the_name_leads() {
    for (name, priority, claims) in [("z", 100, false), ("b", 101, false), ("b", 99, true)] {
        let mut harness = Harness::standby();
        let mut other = peer(Role::Standby, 5);
        other.identity = identity(name, priority);
        harness.hear(other);
        assert_eq!(harness.machine.role() == Role::Active, claims, "{name} {priority}");
    }
}

#[test]
fn an_unsynced_machine_waits_for_a_synced_one_that_listens() {
    let mut harness = Harness::standby();
    harness.fit(UNSYNCED);
    assert_eq!(deeds(&harness.hear(peer(Role::Listening, 5))), []);
}

#[test]
fn it_does_not_wait_for_a_peer_that_hears_nobody_and_no_witness() {
    let seeing = Fitness { witness: Some(true), ..UNSYNCED };
    for (hears_peer, role) in [(true, Role::Standby), (false, Role::Active)] {
        let mut harness = Harness::standby();
        harness.fit(seeing);
        let mut blind = peer(Role::Standby, 5);
        blind.fitness.witness = Some(false);
        blind.hears_peer = hears_peer;
        harness.hear(blind);
        assert_eq!(harness.machine.role(), role);
    }
}

#[test]
fn a_peer_is_not_cut_off_that_had_no_time_to_hear_this_machine() {
    let mut harness = Harness::standby();
    harness.fit(Fitness { witness: Some(true), ..UNSYNCED });
    harness.ms += 100;
    let mut blind = peer(Role::Standby, 5);
    blind.fitness.witness = Some(false);
    blind.hears_peer = false;
    harness.hear(blind);
    assert_eq!(deeds(&harness.run(140)), []);
    harness.run(10);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn with_a_witness_that_does_not_answer_silence_is_no_death() {
    let mut harness = Harness::standby();
    harness.fit(Fitness { witness: Some(false), ..Fitness::READY });
    harness.silence();
    assert_eq!(deeds(&harness.run(1_000)), []);
    let actions = harness.fit(Fitness { witness: Some(true), ..Fitness::READY });
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerDead)]);
}

#[test]
fn the_witness_is_not_asked_while_the_peer_is_heard() {
    let mut harness = Harness::standby();
    harness.fit(Fitness { witness: Some(false), ..Fitness::READY });
    let mut offer = peer(Role::Active, 5);
    offer.wish = Wish::TakeOver;
    harness.hear(offer);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn what_a_peer_said_long_ago_is_no_reason_to_claim() {
    let mut harness = Harness::standby();
    harness.fit(UNABLE);
    harness.hear(peer(Role::Standby, 5));
    harness.ms += 50;
    assert_eq!(deeds(&harness.fit(Fitness::READY)), [], "the peer may have claimed since");
    harness.hear(peer(Role::Standby, 5));
    assert_eq!(harness.machine.role(), Role::Active);
}
