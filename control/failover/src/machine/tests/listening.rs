//! A machine listens after its start, and after every stall, before it claims anything.

use super::*;

#[test]
fn a_machine_listens_for_one_dead_interval_before_it_stands_by() {
    let mut harness = Harness::new();
    harness.fit(Fitness { able: false, ..Fitness::READY });
    harness.run(140);
    assert_eq!(harness.machine.role(), Role::Listening);
    harness.run(10);
    assert_eq!(harness.machine.role(), Role::Standby);
}

#[test]
fn it_claims_nothing_while_it_listens_whatever_it_hears() {
    let mut harness = Harness::new();
    harness.fit(Fitness::READY);
    let mut yields = peer(Role::Active, 5);
    yields.wish = Wish::TakeOver;
    for heartbeat in [yields, peer(Role::Leaving, 5), peer(Role::Listening, 5)] {
        let actions = harness.hear(heartbeat);
        assert_eq!(deeds(&actions), []);
        assert_eq!(harness.machine.role(), Role::Listening);
    }
}

#[test]
fn a_machine_alone_becomes_active_after_it_has_listened() {
    let mut harness = Harness::new();
    harness.fit(UNSYNCED);
    let actions = harness.run(180);
    assert_eq!(
        deeds(&actions),
        [Action::Claim(Term(5)), Action::Report(Notice::PeerDead)],
        "the stored term is used up"
    );
}

#[test]
fn a_pause_prolongs_the_listening() {
    let mut harness = Harness::new();
    harness.fit(UNABLE);
    harness.run(100);
    harness.ms += 90;
    harness.run(40);
    assert_eq!(harness.machine.role(), Role::Listening);
    harness.run(20);
    assert_eq!(harness.machine.role(), Role::Standby);
}

#[test]
fn a_stall_of_the_dead_interval_leads_back_to_listening() {
    let mut harness = Harness::standby();
    harness.ms += 150;
    let actions = harness.step(Event::Tick);
    assert_eq!(deeds(&actions), [Action::Report(Notice::Stalled)]);
    assert_eq!(harness.machine.role(), Role::Listening);
}

#[test]
fn what_was_heard_before_a_stall_counts_no_more() {
    let mut harness = Harness::standby();
    harness.ms += 150;
    harness.step(Event::Tick);
    assert_eq!(harness.machine.peer(Instant(harness.ms * 1_000)), None);
}

#[test]
fn a_pause_shorter_than_the_dead_interval_is_no_silence_of_the_peer() {
    let mut harness = Harness::standby();
    harness.silence();
    harness.run(20);
    harness.ms += 140;
    assert_eq!(deeds(&harness.step(Event::Tick)), []);
    harness.run(110);
    assert_eq!(harness.machine.role(), Role::Standby);
    harness.run(30);
    assert_eq!(harness.machine.role(), Role::Active, "then it is silent after all");
}

#[test]
fn an_active_machine_that_stalls_lets_go_before_it_says_so() {
    let mut harness = Harness::active();
    harness.ms += 200;
    let actions = harness.step(Event::Tick);
    let release = actions.iter().position(|action| *action == Action::Release);
    let send = actions.iter().position(|action| matches!(action, Action::Send(_)));
    assert!(release.is_some() && release < send);
    assert!(reports(&actions, Notice::Stalled));
    assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Listening));
}

#[test]
fn an_active_machine_that_did_not_renew_has_lost_its_lease() {
    let mut harness = Harness::active();
    harness.ms += 130;
    let actions = harness.step(Event::Tick);
    assert_eq!(deeds(&actions), [Action::Report(Notice::LeaseLost), Action::Release]);
    assert_eq!(harness.machine.role(), Role::Listening);
}

#[test]
fn a_lease_that_the_dataplane_lost_is_lost() {
    let mut harness = Harness::active();
    let actions = harness.step(Event::LeaseLost);
    assert_eq!(deeds(&actions), [Action::Report(Notice::LeaseLost), Action::Release]);
    assert_eq!(harness.machine.role(), Role::Listening);
    assert_eq!(deeds(&harness.step(Event::LeaseLost)), [], "once");
}

#[test]
fn a_machine_that_was_the_last_active_one_has_the_connections_still() {
    let mut harness = Harness::active();
    harness.step(Event::LeaseLost);
    harness.fit(UNSYNCED);
    assert!(harness.machine.fitness().synced);
    harness.hear(peer(Role::Active, 6));
    harness.fit(UNSYNCED);
    assert!(!harness.machine.fitness().synced, "another has had the role since");
}

#[test]
fn a_machine_whose_dataplane_failed_has_them_no_more() {
    let mut harness = Harness::active();
    harness.step(Event::LeaseLost);
    harness.fit(UNABLE);
    harness.fit(UNSYNCED);
    assert!(!harness.machine.fitness().synced);
}

#[test]
fn a_machine_that_resumes_is_active_and_renews_at_once() {
    let mut machine = Machine::resume(identity("m", 100), Timers::default(), Term(7), Instant(0));
    let actions = machine.step(Event::Tick, Instant(10));
    assert_eq!(actions[0], Action::Renew(Term(7)));
    assert_eq!(last_sent(&actions).map(|h| (h.role, h.term)), Some((Role::Active, Term(7))));
    assert_eq!((machine.role(), machine.term()), (Role::Active, Term(7)));
}

#[test]
fn a_machine_that_resumed_and_fails_takes_no_silence_for_death_before_it_has_listened() {
    let mut machine = Machine::resume(identity("m", 100), Timers::default(), Term(7), Instant(0));
    machine.step(Event::Fitness(UNABLE), Instant(10_000));
    machine.step(Event::Fitness(Fitness::READY), Instant(20_000));
    machine.step(Event::TermStored(Term(8)), Instant(30_000));
    for ms in 3..15 {
        machine.step(Event::Tick, Instant(ms * 10_000));
        assert_eq!(machine.role(), Role::Standby);
    }
    machine.step(Event::Tick, Instant(150_000));
    assert_eq!(machine.role(), Role::Active);
}
