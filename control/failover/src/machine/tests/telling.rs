//! Heartbeats, and when the machine wants to be asked.

use super::*;

#[test]
fn a_heartbeat_goes_out_once_an_interval() {
    let mut harness = Harness::standby();
    let actions = harness.run(1_000);
    let sent = actions.iter().filter(|action| matches!(action, Action::Send(_))).count();
    assert_eq!(sent, 50);
}

#[test]
fn news_goes_out_at_once() {
    let mut harness = Harness::standby();
    harness.step(Event::Tick);
    let actions = harness.fit(NO_LINK);
    assert_eq!(last_sent(&actions).map(|h| h.fitness), Some(NO_LINK));
    assert_eq!(harness.fit(NO_LINK), [], "what is said already is not news");
}

#[test]
fn the_next_tick_is_due_when_a_peer_that_is_silent_will_be_dead() {
    let mut harness = Harness::standby();
    let heard = harness.ms;
    harness.silence();
    harness.ms += 5;
    harness.step(Event::Tick);
    for _ in 0..7 {
        harness.ms = harness.machine.next_tick().0 / 1_000;
        harness.step(Event::Tick);
    }
    assert!(harness.machine.next_tick() <= Instant((heard + 150) * 1_000));
}

#[test]
fn a_step_without_news_moves_no_tick() {
    let mut harness = Harness::standby();
    let due = harness.machine.next_tick();
    harness.hear(peer(Role::Active, 5));
    assert_eq!(harness.machine.next_tick(), due);
}

#[test]
fn a_machine_without_the_role_tells_the_highest_term_it_knows() {
    let mut harness = Harness::standby();
    harness.hear(peer(Role::Active, 8));
    assert_eq!(last_sent(&harness.run(20)).map(|h| h.term), Some(Term(8)));
    harness.hear(peer(Role::Active, 6));
    assert_eq!(last_sent(&harness.run(20)).map(|h| h.term), Some(Term(8)));
}

#[test]
fn an_active_machine_tells_that_it_is_synced_whatever_it_was_told() {
    let mut harness = Harness::active();
    harness.fit(UNSYNCED);
    assert_eq!(last_sent(&harness.run(20)).map(|h| h.fitness), Some(Fitness::READY));
}
