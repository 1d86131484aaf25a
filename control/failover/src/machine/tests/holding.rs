//! How an active machine keeps the role, or gives way.

use super::*;

fn rival(term: u64, name: &str, priority: u8) -> Heartbeat {
    Heartbeat { identity: identity(name, priority), ..peer(Role::Active, term) }
}

#[test]
fn it_renews_its_lease_with_each_heartbeat_and_first() {
    let actions = Harness::active().run(100);
    let renewals = actions.iter().filter(|action| **action == Action::Renew(Term(5))).count();
    assert_eq!(renewals, 5);
    let pairs = actions.chunks(2).all(|pair| {
        matches!(pair, [Action::Renew(_), Action::Send(heartbeat)] if heartbeat.role == Role::Active)
    });
    assert!(pairs, "{actions:?}");
}

#[test]
fn it_keeps_the_role_when_the_peer_is_silent() {
    let mut harness = Harness::active();
    harness.silence();
    assert_eq!(deeds(&harness.run(5_000)), []);
}

#[test]
fn it_gives_way_to_a_higher_term_then_priority_then_name() {
    let cases = [
        (rival(6, "b", 1), true),
        (rival(4, "z", 255), false),
        (rival(5, "b", 101), true),
        (rival(5, "z", 99), false),
        (rival(5, "z", 100), true),
        (rival(5, "b", 100), false),
    ];
    for (heartbeat, gives_way) in cases {
        let mut harness = Harness::active();
        let actions = harness.hear(heartbeat.clone());
        if gives_way {
            assert_eq!(deeds(&actions), [Action::Release, Action::Report(Notice::ConflictLost)]);
            assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Standby));
            assert!(matches!(actions.last(), Some(Action::Send(_))), "the word comes last");
            assert_eq!(harness.machine.term(), heartbeat.term);
            assert!(!harness.machine.fitness().synced);
        } else {
            assert_eq!(deeds(&actions), [Action::Announce, Action::Report(Notice::ConflictWon)]);
            assert_eq!(harness.machine.role(), Role::Active);
        }
    }
}

#[test]
fn the_winner_announces_once_and_again_when_the_loser_has_stopped() {
    let mut harness = Harness::active();
    assert!(harness.hear(rival(4, "b", 100)).contains(&Action::Announce));
    assert_eq!(deeds(&harness.hear(rival(4, "b", 100))), []);
    assert_eq!(deeds(&harness.hear(peer(Role::Standby, 5))), [Action::Announce]);
    assert_eq!(deeds(&harness.hear(peer(Role::Standby, 5))), []);
}

#[test]
fn it_announces_when_a_peer_comes_back_from_silence() {
    let mut harness = Harness::active();
    harness.silence();
    harness.run(200);
    assert_eq!(deeds(&harness.hear(peer(Role::Standby, 5))), [Action::Announce]);
}

#[test]
fn it_announces_when_somebody_else_does() {
    let conflict = [Action::Announce, Action::Report(Notice::AddressConflict)];
    assert_eq!(deeds(&Harness::active().step(Event::Conflict)), conflict);
    assert_eq!(deeds(&Harness::standby().step(Event::Conflict)), []);
}

#[test]
fn a_higher_term_of_a_peer_without_the_role_changes_nothing() {
    let mut harness = Harness::active();
    assert_eq!(deeds(&harness.hear(peer(Role::Standby, 9))), []);
    assert_eq!(harness.machine.term(), Term(5));
}

#[test]
fn it_lets_go_when_its_dataplane_cannot_forward() {
    let mut harness = Harness::active();
    let actions = harness.fit(UNABLE);
    assert_eq!(deeds(&actions), [Action::Release, Action::Report(Notice::Unable)]);
    let said = last_sent(&actions).map(|h| (h.role, h.fitness.able, h.fitness.synced));
    assert_eq!(said, Some((Role::Standby, false, false)), "at once");
}

#[test]
fn cut_off_from_peer_and_witness_it_lets_go() {
    let mut harness = Harness::active();
    harness.silence();
    harness.run(10);
    let lost = Fitness { witness: Some(false), ..Fitness::READY };
    assert_eq!(deeds(&harness.fit(lost)), [], "the peer is not silent yet");
    let actions = harness.run(160);
    assert_eq!(deeds(&actions), [Action::Release, Action::Report(Notice::CutOff)]);
    assert!(harness.machine.fitness().synced, "nobody else is known to be active");
    assert_eq!(deeds(&harness.run(1_000)), []);
}

#[test]
fn cut_off_it_keeps_the_role_if_the_peer_could_not_take_it() {
    let lost = Fitness { witness: Some(false), ..Fitness::READY };
    let mut unable = peer(Role::Standby, 5);
    unable.fitness.able = false;
    let mut blind = peer(Role::Standby, 5);
    blind.fitness.witness = Some(false);
    let mut unsynced = peer(Role::Standby, 5);
    unsynced.fitness.synced = false;
    for heartbeat in [unable, blind, unsynced, peer(Role::Leaving, 5)] {
        let mut harness = Harness::active();
        harness.hear(heartbeat);
        harness.silence();
        harness.fit(lost);
        assert_eq!(deeds(&harness.run(1_000)), []);
    }
}

#[test]
fn a_witness_that_fails_long_after_the_peer_ends_no_service() {
    let mut harness = Harness::active();
    harness.silence();
    harness.fit(Fitness { witness: Some(true), ..Fitness::READY });
    harness.run(11_000);
    assert_eq!(deeds(&harness.fit(Fitness { witness: Some(false), ..Fitness::READY })), []);
    assert_eq!(deeds(&harness.run(1_000)), []);
}

#[test]
fn a_machine_that_resumed_and_heard_nobody_keeps_the_role() {
    let mut machine = Machine::resume(identity("m", 100), Timers::default(), Term(7), Instant(0));
    let lost = Fitness { witness: Some(false), ..Fitness::READY };
    machine.step(Event::Fitness(lost), Instant(0));
    for ms in 1..500 {
        machine.step(Event::Tick, Instant(ms * 1_000));
    }
    assert_eq!(machine.role(), Role::Active);
}
