//! The role follows what the machines reach.

use super::*;
use crate::reach::Reach;

const ALL: [Reach; 2] =
    [Reach { set: 7, asked: 1, answering: 1 }, Reach { set: 8, asked: 3, answering: 3 }];
/// The reach of a machine whose gateway does not answer.
const NO_GATEWAY: [Reach; 2] = [Reach { set: 7, asked: 1, answering: 0 }, ALL[1]];
/// The reach of a machine one of whose three servers does not answer.
const NO_SERVER: [Reach; 2] = [ALL[0], Reach { set: 8, asked: 3, answering: 2 }];

fn fit(reach: [Reach; 2]) -> Fitness {
    Fitness { reach, ..Fitness::READY }
}

fn reaching(role: Role, reach: [Reach; 2]) -> Heartbeat {
    Heartbeat { fitness: fit(reach), ..peer(role, 5) }
}

/// It stands by and reaches everything, as does the active peer.
fn standby() -> Harness {
    let mut harness = Harness::standby();
    harness.fit(fit(ALL));
    harness.hear(reaching(Role::Active, ALL));
    harness.run(100);
    harness
}

/// It is active and reaches everything, as does the peer.
fn active() -> Harness {
    let mut harness = Harness::active();
    harness.fit(fit(ALL));
    harness.hear(reaching(Role::Standby, ALL));
    harness.run(100);
    harness
}

/// The standby peer says that it reaches everything and is sure of it.
fn asking() -> Heartbeat {
    Heartbeat { wish: Wish::ReachesMore, ..reaching(Role::Standby, ALL) }
}

#[test]
fn a_standby_machine_that_reaches_more_asks_when_it_is_sure() {
    for less in [NO_GATEWAY, NO_SERVER] {
        let mut harness = standby();
        assert_eq!(deeds(&harness.hear(reaching(Role::Active, less))), [Action::Probe]);
        harness.run(250);
        harness.step(Event::Probed);
        assert_eq!(harness.wish(), Wish::None, "it may pass");
        harness.run(50);
        assert_eq!(harness.wish(), Wish::ReachesMore);
    }
}

#[test]
fn it_does_not_ask_before_every_next_hop_was_asked_anew() {
    let mut harness = standby();
    harness.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&harness.run(1_000)), []);
    assert_eq!(harness.wish(), Wish::None, "the server may be dead for this machine too");
    // It is.
    harness.fit(fit(NO_SERVER));
    harness.step(Event::Probed);
    harness.run(1_000);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn a_question_that_is_lost_is_asked_again() {
    let mut harness = standby();
    harness.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&harness.run(1_990)), []);
    assert_eq!(deeds(&harness.run(10)), [Action::Probe]);
    harness.step(Event::Probed);
    assert_eq!(deeds(&harness.run(5_000)), []);
    assert_eq!(harness.wish(), Wish::ReachesMore);
}

#[test]
fn a_difference_that_passes_begins_anew() {
    let mut harness = standby();
    harness.hear(reaching(Role::Active, NO_GATEWAY));
    harness.step(Event::Probed);
    harness.run(290);
    harness.hear(reaching(Role::Active, ALL));
    assert_eq!(deeds(&harness.hear(reaching(Role::Active, NO_GATEWAY))), [Action::Probe]);
    harness.step(Event::Probed);
    harness.run(290);
    assert_eq!(harness.wish(), Wish::None);
    harness.run(10);
    assert_eq!(harness.wish(), Wish::ReachesMore);
}

#[test]
fn it_does_not_ask_when_it_is_not_ready() {
    for unready in [UNSYNCED, NO_LINK, UNABLE] {
        let mut harness = standby();
        harness.fit(Fitness { reach: ALL, ..unready });
        harness.hear(reaching(Role::Active, NO_GATEWAY));
        harness.step(Event::Probed);
        harness.run(1_000);
        assert_eq!(harness.wish(), Wish::None);
    }
}

#[test]
fn nothing_moves_between_two_that_reach_the_same() {
    for reach in [ALL, NO_GATEWAY, NO_SERVER] {
        let mut harness = standby();
        harness.fit(fit(reach));
        harness.hear(reaching(Role::Active, reach));
        harness.step(Event::Probed);
        assert_eq!(deeds(&harness.run(5_000)), []);
        assert_eq!(harness.wish(), Wish::None);
    }
}

#[test]
fn nothing_moves_to_one_that_reaches_less() {
    let mut harness = standby();
    harness.fit(fit(NO_GATEWAY));
    harness.step(Event::Probed);
    harness.run(5_000);
    assert_eq!(harness.wish(), Wish::None);
}

#[test]
fn an_active_machine_gives_way_when_it_has_found_the_same() {
    let mut harness = active();
    assert_eq!(deeds(&harness.fit(fit(NO_GATEWAY))), [Action::Probe]);
    assert_eq!(deeds(&harness.hear(asking())), [], "it may not be so");
    let offered = [Action::Probe, Action::Drain, Action::Report(Notice::ReachesLess)];
    assert_eq!(deeds(&harness.step(Event::Probed)), offered);
    // As with a link that is down, sync is not waited for.
    let actions = harness.run(60);
    assert_eq!(last_sent(&actions).map(|h| h.wish), Some(Wish::TakeOver));
}

/// What does not answer may come back at any time, and the peer see it first.
#[test]
fn an_active_machine_that_reaches_less_goes_on_asking() {
    let mut harness = active();
    harness.fit(fit(NO_SERVER));
    for _ in 0..3 {
        assert_eq!(deeds(&harness.run(100)), [], "it is being asked");
        assert_eq!(deeds(&harness.step(Event::Probed)), [Action::Probe]);
    }
    harness.fit(fit(ALL));
    harness.step(Event::Probed);
    assert_eq!(deeds(&harness.run(500)), []);
    // Beside a peer that could not take over there is no need.
    harness.hear(Heartbeat { fitness: Fitness { reach: ALL, ..UNSYNCED }, ..asking() });
    assert_eq!(deeds(&harness.fit(fit(NO_SERVER))), []);
    assert_eq!(deeds(&harness.run(5_000)), []);
}

#[test]
fn it_forwards_on_when_the_peer_has_taken_over() {
    let mut harness = active();
    harness.fit(fit(NO_SERVER));
    harness.hear(asking());
    harness.step(Event::Probed);
    harness.step(Event::Drained);
    let mut taken = reaching(Role::Active, ALL);
    taken.term = Term(6);
    let expected = [Action::Retire, Action::Report(Notice::HandedOver)];
    assert_eq!(deeds(&harness.hear(taken)), expected);
}

#[test]
fn an_active_machine_that_reaches_as_much_keeps_the_role_whatever_it_is_asked() {
    let mut harness = active();
    assert_eq!(deeds(&harness.hear(asking())), []);
    harness.fit(fit(NO_GATEWAY));
    harness.step(Event::Probed);
    // It answers again.
    harness.fit(fit(ALL));
    assert_eq!(deeds(&harness.hear(asking())), []);
}

#[test]
fn an_operator_moves_no_role_to_a_machine_that_reaches_less() {
    let refused = [Action::Report(Notice::NotReady)];
    let mut harness = active();
    harness.hear(reaching(Role::Standby, NO_SERVER));
    assert_eq!(deeds(&harness.step(Event::Handover)), refused);
    let mut harness = standby();
    harness.fit(fit(NO_SERVER));
    assert_eq!(deeds(&harness.step(Event::Handover)), refused);
    // The control: to one that reaches more it may.
    let mut harness = standby();
    harness.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&harness.step(Event::Handover)), []);
    assert_eq!(harness.wish(), Wish::LetMe);
}

#[test]
fn a_machine_of_higher_priority_does_not_preempt_one_that_reaches_more() {
    let preempt = Some(Duration::from_millis(300));
    let mut harness = Harness::standby_with(Timers { preempt, ..Timers::default() });
    harness.fit(fit(NO_SERVER));
    let mut low = reaching(Role::Active, ALL);
    low.identity.priority = 1;
    harness.hear(low);
    harness.run(1_000);
    assert_eq!(harness.wish(), Wish::None);
    harness.fit(fit(ALL));
    harness.run(310);
    assert_eq!(harness.wish(), Wish::LetMe);
}

#[test]
fn of_two_without_a_role_the_one_that_reaches_more_leads() {
    // "b" < "m": between equals this one leads.
    for (own, theirs, claims) in
        [(ALL, ALL, true), (NO_SERVER, ALL, false), (NO_GATEWAY, NO_SERVER, false)]
    {
        let mut harness = Harness::standby();
        harness.fit(fit(own));
        harness.hear(reaching(Role::Standby, theirs));
        assert_eq!(harness.machine.role() == Role::Active, claims, "{own:?} {theirs:?}");
    }
}

#[test]
fn a_link_that_is_down_outweighs_what_is_reached() {
    let mut harness = active();
    harness.hear(reaching(Role::Standby, NO_SERVER));
    assert_eq!(deeds(&harness.fit(Fitness { links: false, ..fit(ALL) })), [Action::Drain]);
}
