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
        let mut bench = Bench::new();
        bench.fit(UNSYNCED);
        assert_eq!(deeds(&bench.run_beside_incompatible(10_000, Some(true), precedence)), []);
        assert_eq!(bench.machine.role(), Role::Standby);
        assert_eq!(deeds(&bench.run(140)), []);
        let actions = bench.run(10);
        assert_eq!(deeds(&actions), [Action::Claim(Term(5)), Action::Report(Notice::PeerDead)]);
    }
}

#[test]
fn one_that_never_says_whether_it_is_active_may_be() {
    let mut bench = Bench::new();
    bench.fit(Fitness::READY);
    assert_eq!(deeds(&bench.run_beside_incompatible(10_000, None, Precedence::Own)), []);
    // What it said earlier holds.
    bench.hear_incompatible(Some(false), Precedence::Own);
    bench.run_beside_incompatible(20, None, Precedence::Own);
    assert_eq!(bench.machine.role(), Role::Active);
}

#[test]
fn what_an_active_peer_said_last_holds_when_it_is_not_understood_any_more() {
    let mut bench = Bench::standby();
    assert_eq!(deeds(&bench.run_beside_incompatible(5_000, None, Precedence::Own)), []);
    bench.hear(peer(Role::Standby, 5));
    assert_eq!(bench.machine.role(), Role::Active, "and the next that is understood counts");
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
        let mut bench = Bench::new();
        bench.fit(Fitness::READY);
        bench.run_beside_incompatible(1_000, Some(true), precedence);
        let mut early = bench.hear_incompatible(Some(false), precedence);
        early.extend(bench.run_beside_incompatible(wait - wait / 50, Some(false), precedence));
        assert_eq!(early.contains(&Action::Claim(Term(5))), wait == 0, "{precedence:?}");
        bench.run_beside_incompatible(100, Some(false), precedence);
        assert_eq!(bench.machine.role(), Role::Active, "{precedence:?}");
    }
}

#[test]
fn a_peer_that_was_active_in_between_has_its_time_anew() {
    let mut bench = Bench::new();
    bench.fit(Fitness::READY);
    bench.run_beside_incompatible(1_500, Some(false), Precedence::Peer);
    bench.run_beside_incompatible(20, Some(true), Precedence::Peer);
    bench.run_beside_incompatible(1_500, Some(false), Precedence::Peer);
    assert_eq!(bench.machine.role(), Role::Standby);
}

#[test]
fn what_it_said_long_ago_is_no_reason_to_claim() {
    let mut bench = Bench::new();
    bench.fit(UNABLE);
    bench.run_beside_incompatible(1_000, Some(false), Precedence::Own);
    bench.ms += 50;
    assert_eq!(deeds(&bench.fit(Fitness::READY)), [], "the peer may have claimed since");
    bench.hear_incompatible(Some(false), Precedence::Own);
    assert_eq!(bench.machine.role(), Role::Active);
}

#[test]
fn a_pause_is_no_silence_of_it() {
    let mut bench = Bench::new();
    bench.fit(Fitness::READY);
    bench.run_beside_incompatible(500, Some(true), Precedence::Peer);
    bench.ms += 140;
    assert_eq!(deeds(&bench.step(Event::Tick)), []);
    assert_eq!(deeds(&bench.run(130)), []);
    bench.run(20);
    assert_eq!(bench.machine.role(), Role::Active, "then it is silent after all");
}

#[test]
fn of_two_active_ones_the_one_gives_way_that_does_not_go_first_or_cannot_know() {
    for precedence in any_precedence() {
        let mut bench = Bench::active();
        let actions = bench.hear_incompatible(Some(true), precedence);
        let stays = precedence == Precedence::Own;
        assert_eq!(bench.machine.role() == Role::Active, stays, "{precedence:?}");
        let deed = if stays { Action::Announce } else { Action::Release };
        let told = if stays { Notice::ConflictWon } else { Notice::ConflictLost };
        assert_eq!(deeds(&actions), [deed, Action::Report(told)], "{precedence:?}");
    }
}

#[test]
fn the_winner_announces_again_when_the_other_has_stopped() {
    let mut bench = Bench::active();
    bench.hear_incompatible(Some(true), Precedence::Own);
    assert_eq!(deeds(&bench.hear_incompatible(Some(true), Precedence::Own)), [], "once");
    let actions = bench.hear_incompatible(Some(false), Precedence::Own);
    assert_eq!(deeds(&actions), [Action::Announce]);
    assert_eq!(deeds(&bench.hear_incompatible(Some(false), Precedence::Own)), []);
}

#[test]
fn an_active_machine_goes_on_beside_one_that_is_not() {
    for precedence in any_precedence() {
        let mut bench = Bench::active();
        let actions = bench.run_beside_incompatible(10_000, Some(false), precedence);
        assert_eq!(deeds(&actions), [], "{precedence:?}");
    }
}

#[test]
fn what_was_understood_before_it_is_remembered_and_not_decided_on() {
    let mut bench = Bench::standby();
    let said = Incompatible { active: Some(true), precedence: Precedence::Peer };
    let actions = bench.step(Event::NotUnderstood { earlier: vec![peer(Role::Leaving, 9)], said });
    assert_eq!(deeds(&actions), []);
    assert_eq!((bench.machine.role(), bench.machine.term()), (Role::Standby, Term(9)));
}

#[test]
fn an_operator_is_refused_beside_it() {
    for mut bench in [Bench::active(), Bench::standby()] {
        bench.run_beside_incompatible(200, Some(false), Precedence::Peer);
        let role = bench.machine.role();
        assert!(reports(&bench.step(Event::Handover), Notice::NotReady));
        assert_eq!(bench.machine.role(), role);
    }
}
