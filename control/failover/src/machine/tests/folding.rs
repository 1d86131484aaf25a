//! Heartbeats that come together, after a stall that the lease outlived: only the newest
//! is decided on, and what all of them say is remembered.

use super::*;

/// It was kept from running for 100 ms, and then reads what has waited.
fn hear_late(harness: &mut Harness, heartbeats: Vec<Heartbeat>) -> Vec<Action> {
    harness.ms += 100;
    harness.step(Event::Heard(heartbeats))
}

fn offering(term: u64) -> Heartbeat {
    Heartbeat { wish: Wish::TakeOver, ..peer(Role::Active, term) }
}

#[test]
fn an_offer_that_was_taken_back_moves_nothing() {
    let mut harness = Harness::standby();
    let actions = hear_late(&mut harness, vec![offering(5), peer(Role::Active, 5)]);
    assert_eq!(deeds(&actions), []);
    assert_eq!(harness.machine.role(), Role::Standby);
    // The same offer as the newest word is taken.
    let actions = harness.step(Event::Heard(vec![peer(Role::Active, 5), offering(5)]));
    assert!(actions.contains(&Action::Claim(Term(6))), "{actions:?}");
}

#[test]
fn a_peer_that_had_no_role_for_a_moment_is_not_replaced() {
    let mut harness = Harness::standby();
    let unable = Heartbeat { fitness: UNABLE, ..peer(Role::Standby, 5) };
    let actions = hear_late(&mut harness, vec![unable, peer(Role::Active, 6)]);
    assert_eq!(deeds(&actions), []);
    assert_eq!(harness.machine.term(), Term(6));
}

#[test]
fn a_claim_that_was_given_up_since_takes_no_role_away() {
    let mut harness = Harness::active();
    let unable = Heartbeat { fitness: UNABLE, ..peer(Role::Standby, 6) };
    let actions = hear_late(&mut harness, vec![peer(Role::Active, 6), unable]);
    assert_eq!(harness.machine.role(), Role::Active);
    // Hosts may have learned the peer's addresses meanwhile.
    assert_eq!(deeds(&actions), [Action::Announce, Action::Report(Notice::ConflictWon)]);
}

#[test]
fn a_claim_that_stands_is_given_way_to() {
    let mut harness = Harness::active();
    let actions = hear_late(&mut harness, vec![peer(Role::Standby, 5), peer(Role::Active, 6)]);
    assert_eq!(deeds(&actions), [Action::Release, Action::Report(Notice::ConflictLost)]);
}

#[test]
fn what_earlier_ones_say_is_remembered() {
    let mut harness = Harness::active();
    harness.fit(UNSYNCED);
    hear_late(&mut harness, vec![peer(Role::Active, 6)]);
    assert_eq!(harness.machine.role(), Role::Standby);
    let mut before = Harness::active();
    before.fit(UNSYNCED);
    before.step(Event::LeaseLost);
    assert!(before.machine.fitness().synced, "it was the last to be active");
    let unable = Heartbeat { fitness: UNABLE, ..peer(Role::Standby, 3) };
    before.step(Event::Heard(vec![peer(Role::Active, 9), unable]));
    assert!(!before.machine.fitness().synced, "somebody else was active since");
    assert_eq!(before.machine.term(), Term(9));
}
