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

/// Of a machine in service: hosts ask once a second, and links take their time.
const IN_SERVICE: Timers = Timers {
    interval: Duration::from_millis(20),
    dead: Duration::from_millis(150),
    lease: Duration::from_millis(120),
    preempt: None,
    handover: Duration::from_secs(2),
    confirm: Duration::from_millis(300),
    resolve: Duration::from_secs(1),
    negotiate: Duration::from_secs(30),
    damping: Damping::OFF,
};

/// A machine that starts beside an active one, and hears it over its own NICs alone.
#[test]
fn silence_counts_once_the_dataplane_runs_and_its_links_are_up() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.run(5000);
    assert_eq!(harness.machine.role(), Role::Standby, "nobody is heard, and nothing forwards");
    harness.fit(Fitness { synced: true, ..NO_LINK });
    harness.run(3000);
    assert_eq!(harness.machine.role(), Role::Standby, "the links are being negotiated");
    harness.fit(Fitness::READY);
    harness.run(980);
    assert_eq!(harness.machine.role(), Role::Standby, "the peer asks for it by ARP");
    // The control: where nobody speaks then, nobody is there.
    harness.run(60);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn a_dataplane_that_is_started_again_has_to_listen_too() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.fit(Fitness::READY);
    let active = peer(Role::Active, 5);
    harness.hear(active.clone());
    harness.run(1500);
    harness.fit(UNABLE);
    // It hears nothing meanwhile.
    harness.silence();
    harness.run(4000);
    harness.fit(UNSYNCED);
    harness.run(900);
    assert_eq!(harness.machine.role(), Role::Standby);
    harness.hear(active);
    harness.run(2000);
    assert_eq!(harness.machine.role(), Role::Standby);
}

/// A stall in the midst of it ends it no sooner.
#[test]
fn a_stall_shortens_no_listening() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.run(3000);
    harness.fit(Fitness::READY);
    harness.run(300);
    harness.ms += 200;
    harness.run(450);
    assert_ne!(harness.machine.role(), Role::Active);
    harness.run(100);
    assert_eq!(harness.machine.role(), Role::Active);
}

/// A worker that stands still for a moment, again and again, beside a peer that is dead.
#[test]
fn a_moment_without_a_dataplane_is_no_start() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.fit(Fitness::READY);
    harness.hear(peer(Role::Active, 5));
    harness.run(1500);
    harness.silence();
    for _ in 0..3 {
        harness.fit(UNABLE);
        harness.run(50);
        harness.fit(Fitness::READY);
        harness.run(50);
    }
    assert_eq!(harness.machine.role(), Role::Active);
}

/// A link that stays down keeps nobody from what is left of the service.
#[test]
fn a_link_that_does_not_come_up_is_waited_for_no_longer_than_that() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.fit(NO_LINK);
    harness.run(29_900);
    assert_eq!(harness.machine.role(), Role::Listening);
    harness.run(300);
    assert_eq!(harness.machine.role(), Role::Active);
}

/// A link that goes down later, beside a peer that dies, delays nothing.
#[test]
fn who_has_heard_its_peer_takes_over_as_fast_as_ever() {
    let mut harness = Harness::with(IN_SERVICE);
    harness.fit(Fitness::READY);
    harness.hear(peer(Role::Active, 5));
    harness.run(1500);
    harness.fit(NO_LINK);
    harness.fit(Fitness::READY);
    harness.silence();
    harness.run(200);
    assert_eq!(harness.machine.role(), Role::Active);
}
