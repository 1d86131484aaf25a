//! A peer that proves that it lives, and is not understood.

use super::*;

const UNKNOWN: [Precedence; 2] =
    [Precedence::Unknown { peer_is_higher: false }, Precedence::Unknown { peer_is_higher: true }];

fn any_precedence() -> impl Iterator<Item = Precedence> {
    [Precedence::Own, Precedence::Peer].into_iter().chain(UNKNOWN)
}

#[test]
fn nothing_is_claimed_while_it_is_active_and_everything_once_it_is_silent() {
    for precedence in any_precedence() {
        let mut harness = Harness::new();
        harness.fit(UNSYNCED);
        assert_eq!(deeds(&harness.run_beside_incompatible(10_000, Some(true), precedence)), []);
        assert_eq!(harness.machine.role(), Role::Standby);
        assert_eq!(deeds(&harness.run(140)), []);
        let actions = harness.run(10);
        assert_eq!(deeds(&actions), [Action::Claim(Term(5)), Action::Report(Notice::PeerDead)]);
    }
}

#[test]
fn one_that_never_says_whether_it_is_active_may_be() {
    let mut harness = Harness::new();
    harness.fit(Fitness::READY);
    assert_eq!(deeds(&harness.run_beside_incompatible(10_000, None, Precedence::Own)), []);
    // What it said earlier holds.
    harness.hear_incompatible(Some(false), Precedence::Own);
    harness.run_beside_incompatible(20, None, Precedence::Own);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn what_an_active_peer_said_last_holds_when_it_is_not_understood_any_more() {
    let mut harness = Harness::standby();
    assert_eq!(deeds(&harness.run_beside_incompatible(5_000, None, Precedence::Own)), []);
    harness.hear(peer(Role::Standby, 5));
    assert_eq!(harness.machine.role(), Role::Active, "and the next that is understood counts");
}

/// The peer's wait is by the same rule, with the machines' places exchanged.
#[test]
fn of_two_without_the_role_one_goes_first_and_if_it_does_not_the_other() {
    let waits = [
        (Precedence::Own, 0),
        (Precedence::Peer, 2_000),
        (Precedence::Unknown { peer_is_higher: false }, 2_000),
        (Precedence::Unknown { peer_is_higher: true }, 4_000),
    ];
    for (precedence, wait) in waits {
        let mut harness = Harness::new();
        harness.fit(Fitness::READY);
        harness.run_beside_incompatible(1_000, Some(true), precedence);
        let mut early = harness.hear_incompatible(Some(false), precedence);
        early.extend(harness.run_beside_incompatible(wait - wait / 50, Some(false), precedence));
        assert_eq!(early.contains(&Action::Claim(Term(5))), wait == 0, "{precedence:?}");
        harness.run_beside_incompatible(100, Some(false), precedence);
        assert_eq!(harness.machine.role(), Role::Active, "{precedence:?}");
    }
}

#[test]
fn a_peer_that_was_active_in_between_has_its_time_anew() {
    let mut harness = Harness::new();
    harness.fit(Fitness::READY);
    harness.run_beside_incompatible(1_500, Some(false), Precedence::Peer);
    harness.run_beside_incompatible(20, Some(true), Precedence::Peer);
    harness.run_beside_incompatible(1_500, Some(false), Precedence::Peer);
    assert_eq!(harness.machine.role(), Role::Standby);
}

#[test]
fn what_it_said_long_ago_is_no_reason_to_claim() {
    let mut harness = Harness::new();
    harness.fit(UNABLE);
    harness.run_beside_incompatible(1_000, Some(false), Precedence::Own);
    harness.ms += 50;
    assert_eq!(deeds(&harness.fit(Fitness::READY)), [], "the peer may have claimed since");
    harness.hear_incompatible(Some(false), Precedence::Own);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn a_pause_is_no_silence_of_it() {
    let mut harness = Harness::new();
    harness.fit(Fitness::READY);
    harness.run_beside_incompatible(500, Some(true), Precedence::Peer);
    harness.ms += 140;
    assert_eq!(deeds(&harness.step(Event::Tick)), []);
    assert_eq!(deeds(&harness.run(130)), []);
    harness.run(20);
    assert_eq!(harness.machine.role(), Role::Active, "then it is silent after all");
}

#[test]
fn of_two_active_ones_the_one_gives_way_that_does_not_go_first_or_cannot_know() {
    for precedence in any_precedence() {
        let mut harness = Harness::active();
        let actions = harness.hear_incompatible(Some(true), precedence);
        let stays = precedence == Precedence::Own;
        assert_eq!(harness.machine.role() == Role::Active, stays, "{precedence:?}");
        let deed = if stays { Action::Announce } else { Action::Release };
        let told = if stays { Notice::ConflictWon } else { Notice::ConflictLost };
        assert_eq!(deeds(&actions), [deed, Action::Report(told)], "{precedence:?}");
    }
}

#[test]
fn the_winner_announces_again_when_the_other_has_stopped() {
    let mut harness = Harness::active();
    harness.hear_incompatible(Some(true), Precedence::Own);
    assert_eq!(deeds(&harness.hear_incompatible(Some(true), Precedence::Own)), [], "once");
    let actions = harness.hear_incompatible(Some(false), Precedence::Own);
    assert_eq!(deeds(&actions), [Action::Announce]);
    assert_eq!(deeds(&harness.hear_incompatible(Some(false), Precedence::Own)), []);
}

#[test]
fn an_active_machine_goes_on_beside_one_that_is_not() {
    for precedence in any_precedence() {
        let mut harness = Harness::active();
        let actions = harness.run_beside_incompatible(10_000, Some(false), precedence);
        assert_eq!(deeds(&actions), [], "{precedence:?}");
    }
}

#[test]
fn what_was_understood_before_it_is_remembered_and_not_decided_on() {
    let mut harness = Harness::standby();
    let said = Incompatible { active: Some(true), precedence: Precedence::Peer };
    let actions =
        harness.step(Event::NotUnderstood { earlier: vec![peer(Role::Leaving, 9)], said });
    assert_eq!(deeds(&actions), []);
    assert_eq!((harness.machine.role(), harness.machine.term()), (Role::Standby, Term(9)));
}

#[test]
fn an_operator_is_refused_beside_it() {
    for mut harness in [Harness::active(), Harness::standby()] {
        harness.run_beside_incompatible(200, Some(false), Precedence::Peer);
        let role = harness.machine.role();
        assert!(reports(&harness.step(Event::Handover), Notice::NotReady));
        assert_eq!(harness.machine.role(), role);
    }
}
