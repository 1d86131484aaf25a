//! The role moves from one living machine to the other.

use super::*;

/// Active, and the role is offered as an operator wishes.
fn yielding() -> Harness {
    let mut harness = Harness::active();
    assert_eq!(deeds(&harness.step(Event::Handover)), [Action::Drain]);
    assert!(harness.machine.is_handing_over());
    harness
}

#[test]
fn the_peer_is_asked_only_when_it_has_everything() {
    let mut harness = yielding();
    harness.run(100);
    assert_eq!(harness.wish(), Wish::None);
    let actions = harness.step(Event::Drained);
    assert_eq!(last_sent(&actions).map(|h| (h.role, h.wish)), Some((Role::Active, Wish::TakeOver)));
}

#[test]
fn it_retires_when_the_peer_has_taken_over() {
    let mut harness = yielding();
    harness.step(Event::Drained);
    let actions = harness.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&actions), [Action::Retire, Action::Report(Notice::HandedOver)]);
    assert_eq!(last_sent(&actions).map(|h| h.role), Some(Role::Standby));
    assert!(!harness.machine.fitness().synced, "until the peer's connections have come");
}

#[test]
fn a_claim_before_it_has_drained_is_a_conflict() {
    let mut harness = yielding();
    let actions = harness.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&actions), [Action::Release, Action::Report(Notice::ConflictLost)]);
}

#[test]
fn a_role_that_is_not_taken_is_kept() {
    let mut harness = yielding();
    harness.step(Event::Drained);
    assert_eq!(deeds(&harness.run(1_990)), []);
    assert_eq!(deeds(&harness.run(10)), [Action::Report(Notice::HandoverFailed)]);
    assert_eq!(harness.wish(), Wish::None);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn a_role_is_kept_when_the_peer_is_not_ready_any_more() {
    let mut unready = peer(Role::Standby, 5);
    unready.fitness = NO_LINK;
    for heartbeat in [unready, peer(Role::Listening, 5), peer(Role::Leaving, 5)] {
        let mut harness = yielding();
        assert_eq!(deeds(&harness.hear(heartbeat)), [Action::Report(Notice::HandoverFailed)]);
    }
    let mut harness = yielding();
    harness.silence();
    assert_eq!(deeds(&harness.run(200)), [Action::Report(Notice::HandoverFailed)]);
}

#[test]
fn a_yielding_machine_lets_go_when_it_is_unable_and_when_it_lost_its_lease() {
    let mut harness = yielding();
    assert_eq!(deeds(&harness.fit(UNABLE)), [Action::Release, Action::Report(Notice::Unable)]);
    let mut harness = yielding();
    assert!(harness.step(Event::LeaseLost).contains(&Action::Release));
    assert_eq!(harness.machine.role(), Role::Listening);
}

#[test]
fn a_handover_is_refused_where_the_other_is_not_ready() {
    let refused = [Action::Report(Notice::NotReady)];
    let mut harness = Harness::active();
    let mut unsynced = peer(Role::Standby, 5);
    unsynced.fitness = UNSYNCED;
    harness.hear(unsynced);
    assert_eq!(deeds(&harness.step(Event::Handover)), refused);
    let mut harness = Harness::standby();
    harness.fit(UNSYNCED);
    assert_eq!(deeds(&harness.step(Event::Handover)), refused);
    assert_eq!(deeds(&Harness::new().step(Event::Handover)), refused);
}

#[test]
fn a_second_handover_changes_nothing() {
    assert_eq!(deeds(&yielding().step(Event::Handover)), []);
}

#[test]
fn a_standby_machine_asks_when_an_operator_wishes() {
    let mut harness = Harness::standby();
    let actions = harness.step(Event::Handover);
    assert_eq!(last_sent(&actions).map(|h| h.wish), Some(Wish::LetMe));
    let mut offer = peer(Role::Active, 5);
    offer.wish = Wish::TakeOver;
    harness.hear(offer);
    assert_eq!((harness.machine.role(), harness.wish()), (Role::Active, Wish::None));
}

#[test]
fn what_a_standby_machine_asked_for_in_vain_is_given_up() {
    let mut harness = Harness::standby();
    harness.step(Event::Handover);
    assert_eq!(deeds(&harness.run(2_000)), [Action::Report(Notice::HandoverFailed)]);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn an_active_machine_offers_the_role_to_a_peer_that_asks_and_is_ready() {
    let mut asks = peer(Role::Standby, 5);
    asks.wish = Wish::LetMe;
    assert_eq!(deeds(&Harness::active().hear(asks.clone())), [Action::Drain]);
    asks.fitness = UNSYNCED;
    assert_eq!(deeds(&Harness::active().hear(asks)), []);
}

#[test]
fn a_link_down_moves_the_role_within_three_intervals_whatever_sync_does() {
    let mut harness = Harness::active();
    assert_eq!(deeds(&harness.fit(NO_LINK)), [Action::Drain]);
    harness.run(50);
    assert_eq!(harness.wish(), Wish::None);
    let actions = harness.run(10);
    assert_eq!(last_sent(&actions).map(|h| h.wish), Some(Wish::TakeOver));
    let actions = harness.hear(peer(Role::Active, 6));
    assert_eq!(deeds(&actions), [Action::Retire, Action::Report(Notice::HandedOver)]);
}

#[test]
fn a_link_down_moves_the_role_at_once_when_sync_has_drained() {
    let mut harness = Harness::active();
    harness.fit(NO_LINK);
    harness.step(Event::Drained);
    assert_eq!(harness.wish(), Wish::TakeOver);
}

#[test]
fn a_link_down_moves_nothing_to_a_peer_that_is_not_ready() {
    for unfit in [UNSYNCED, NO_LINK, UNABLE] {
        let mut harness = Harness::active();
        let mut other = peer(Role::Standby, 5);
        other.fitness = unfit;
        harness.hear(other);
        assert_eq!(deeds(&harness.fit(NO_LINK)), []);
        assert_eq!(deeds(&harness.run(500)), []);
        assert_eq!(deeds(&harness.hear(peer(Role::Standby, 5))), [Action::Drain], "then it is");
    }
}

#[test]
fn what_drained_without_an_offer_means_nothing() {
    assert_eq!(deeds(&Harness::active().step(Event::Drained)), []);
    assert_eq!(deeds(&Harness::standby().step(Event::Drained)), []);
}
