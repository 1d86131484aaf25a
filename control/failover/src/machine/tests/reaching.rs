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
fn standby() -> Bench {
    let mut bench = Bench::standby();
    bench.fit(fit(ALL));
    bench.hear(reaching(Role::Active, ALL));
    bench.run(100);
    bench
}

/// It is active and reaches everything, as does the peer.
fn active() -> Bench {
    let mut bench = Bench::active();
    bench.fit(fit(ALL));
    bench.hear(reaching(Role::Standby, ALL));
    bench.run(100);
    bench
}

/// The standby peer says that it reaches everything and is sure of it.
fn asking() -> Heartbeat {
    Heartbeat { wish: Wish::ReachesMore, ..reaching(Role::Standby, ALL) }
}

#[test]
fn a_standby_machine_that_reaches_more_asks_when_it_is_sure() {
    for less in [NO_GATEWAY, NO_SERVER] {
        let mut bench = standby();
        assert_eq!(deeds(&bench.hear(reaching(Role::Active, less))), [Action::Probe]);
        bench.run(250);
        bench.step(Event::Probed);
        assert_eq!(bench.wish(), Wish::None, "it may pass");
        bench.run(50);
        assert_eq!(bench.wish(), Wish::ReachesMore);
    }
}

#[test]
fn it_does_not_ask_before_every_next_hop_was_asked_anew() {
    let mut bench = standby();
    bench.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&bench.run(1_000)), []);
    assert_eq!(bench.wish(), Wish::None, "the server may be dead for this machine too");
    // It is.
    bench.fit(fit(NO_SERVER));
    bench.step(Event::Probed);
    bench.run(1_000);
    assert_eq!(bench.wish(), Wish::None);
}

#[test]
fn a_question_that_is_lost_is_asked_again() {
    let mut bench = standby();
    bench.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&bench.run(1_990)), []);
    assert_eq!(deeds(&bench.run(10)), [Action::Probe]);
    bench.step(Event::Probed);
    assert_eq!(deeds(&bench.run(5_000)), []);
    assert_eq!(bench.wish(), Wish::ReachesMore);
}

#[test]
fn a_difference_that_passes_begins_anew() {
    let mut bench = standby();
    bench.hear(reaching(Role::Active, NO_GATEWAY));
    bench.step(Event::Probed);
    bench.run(290);
    bench.hear(reaching(Role::Active, ALL));
    assert_eq!(deeds(&bench.hear(reaching(Role::Active, NO_GATEWAY))), [Action::Probe]);
    bench.step(Event::Probed);
    bench.run(290);
    assert_eq!(bench.wish(), Wish::None);
    bench.run(10);
    assert_eq!(bench.wish(), Wish::ReachesMore);
}

#[test]
fn it_does_not_ask_when_it_is_not_ready() {
    for unready in [UNSYNCED, NO_LINK, UNABLE] {
        let mut bench = standby();
        bench.fit(Fitness { reach: ALL, ..unready });
        bench.hear(reaching(Role::Active, NO_GATEWAY));
        bench.step(Event::Probed);
        bench.run(1_000);
        assert_eq!(bench.wish(), Wish::None);
    }
}

#[test]
fn nothing_moves_between_two_that_reach_the_same() {
    for reach in [ALL, NO_GATEWAY, NO_SERVER] {
        let mut bench = standby();
        bench.fit(fit(reach));
        bench.hear(reaching(Role::Active, reach));
        bench.step(Event::Probed);
        assert_eq!(deeds(&bench.run(5_000)), []);
        assert_eq!(bench.wish(), Wish::None);
    }
}

#[test]
fn nothing_moves_to_one_that_reaches_less() {
    let mut bench = standby();
    bench.fit(fit(NO_GATEWAY));
    bench.step(Event::Probed);
    bench.run(5_000);
    assert_eq!(bench.wish(), Wish::None);
}

#[test]
fn an_active_machine_gives_way_when_it_has_found_the_same() {
    let mut bench = active();
    assert_eq!(deeds(&bench.fit(fit(NO_GATEWAY))), [Action::Probe]);
    assert_eq!(deeds(&bench.hear(asking())), [], "it may not be so");
    let offered = [Action::Probe, Action::Drain, Action::Report(Notice::ReachesLess)];
    assert_eq!(deeds(&bench.step(Event::Probed)), offered);
    // As with a link that is down, sync is not waited for.
    let actions = bench.run(60);
    assert_eq!(last_sent(&actions).map(|h| h.wish), Some(Wish::TakeOver));
}

/// What does not answer may come back at any time, and the peer see it first.
#[test]
fn an_active_machine_that_reaches_less_goes_on_asking() {
    let mut bench = active();
    bench.fit(fit(NO_SERVER));
    for _ in 0..3 {
        assert_eq!(deeds(&bench.run(100)), [], "it is being asked");
        assert_eq!(deeds(&bench.step(Event::Probed)), [Action::Probe]);
    }
    bench.fit(fit(ALL));
    bench.step(Event::Probed);
    assert_eq!(deeds(&bench.run(500)), []);
    // Beside a peer that could not take over there is no need.
    bench.hear(Heartbeat { fitness: Fitness { reach: ALL, ..UNSYNCED }, ..asking() });
    assert_eq!(deeds(&bench.fit(fit(NO_SERVER))), []);
    assert_eq!(deeds(&bench.run(5_000)), []);
}

#[test]
fn it_forwards_on_when_the_peer_has_taken_over() {
    let mut bench = active();
    bench.fit(fit(NO_SERVER));
    bench.hear(asking());
    bench.step(Event::Probed);
    bench.step(Event::Drained);
    let mut taken = reaching(Role::Active, ALL);
    taken.term = Term(6);
    let expected = [Action::Retire, Action::Report(Notice::HandedOver)];
    assert_eq!(deeds(&bench.hear(taken)), expected);
}

#[test]
fn an_active_machine_that_reaches_as_much_keeps_the_role_whatever_it_is_asked() {
    let mut bench = active();
    assert_eq!(deeds(&bench.hear(asking())), []);
    bench.fit(fit(NO_GATEWAY));
    bench.step(Event::Probed);
    // It answers again.
    bench.fit(fit(ALL));
    assert_eq!(deeds(&bench.hear(asking())), []);
}

#[test]
fn an_operator_moves_no_role_to_a_machine_that_reaches_less() {
    let refused = [Action::Report(Notice::NotReady)];
    let mut bench = active();
    bench.hear(reaching(Role::Standby, NO_SERVER));
    assert_eq!(deeds(&bench.step(Event::Handover)), refused);
    let mut bench = standby();
    bench.fit(fit(NO_SERVER));
    assert_eq!(deeds(&bench.step(Event::Handover)), refused);
    // The control: to one that reaches more it may.
    let mut bench = standby();
    bench.hear(reaching(Role::Active, NO_SERVER));
    assert_eq!(deeds(&bench.step(Event::Handover)), []);
    assert_eq!(bench.wish(), Wish::LetMe);
}

#[test]
fn a_machine_of_higher_priority_does_not_preempt_one_that_reaches_more() {
    let preempt = Some(Duration::from_millis(300));
    let mut bench = Bench::standby_with(Timers { preempt, ..Timers::default() });
    bench.fit(fit(NO_SERVER));
    let mut low = reaching(Role::Active, ALL);
    low.identity.priority = 1;
    bench.hear(low);
    bench.run(1_000);
    assert_eq!(bench.wish(), Wish::None);
    bench.fit(fit(ALL));
    bench.run(310);
    assert_eq!(bench.wish(), Wish::LetMe);
}

#[test]
fn of_two_without_a_role_the_one_that_reaches_more_leads() {
    // "b" < "m": between equals this one leads.
    for (own, theirs, claims) in
        [(ALL, ALL, true), (NO_SERVER, ALL, false), (NO_GATEWAY, NO_SERVER, false)]
    {
        let mut bench = Bench::standby();
        bench.fit(fit(own));
        bench.hear(reaching(Role::Standby, theirs));
        assert_eq!(bench.machine.role() == Role::Active, claims, "{own:?} {theirs:?}");
    }
}

#[test]
fn a_link_that_is_down_outweighs_what_is_reached() {
    let mut bench = active();
    bench.hear(reaching(Role::Standby, NO_SERVER));
    assert_eq!(deeds(&bench.fit(Fitness { links: false, ..fit(ALL) })), [Action::Drain]);
}

/// It takes the role over from a peer that reaches less, and the peer's network is mended.
fn taken_over(bench: &mut Bench, term: u64) {
    bench.step(Event::TermStored(Term(term + 1)));
    let mut offer = reaching(Role::Active, NO_GATEWAY);
    (offer.wish, offer.term) = (Wish::TakeOver, Term(term));
    assert!(deeds(&bench.hear(offer)).contains(&Action::Claim(Term(term + 1))));
    bench.hear(reaching(Role::Standby, ALL));
}

/// It has lost the role again, and reaches more than the peer: how long until it asks.
fn patience(bench: &mut Bench, term: u64) -> u64 {
    let mut rival = reaching(Role::Active, NO_GATEWAY);
    rival.term = Term(term);
    bench.hear(rival);
    bench.fit(fit(ALL));
    bench.step(Event::Probed);
    let since = bench.ms;
    while bench.wish() != Wish::ReachesMore {
        bench.run(10);
        assert!(bench.ms < since + 20_000, "it never asks");
    }
    bench.ms - since
}

#[test]
fn moves_in_a_row_take_ever_longer_until_there_is_calm() {
    let mut bench = standby();
    let mut waits = Vec::new();
    for round in 0..9 {
        waits.push(patience(&mut bench, 5 + 2 * round));
        taken_over(&mut bench, 5 + 2 * round);
    }
    assert_eq!(waits, [300, 300, 300, 600, 1200, 2400, 4800, 9600, 9600]);
    bench.run(60_000);
    assert_eq!(patience(&mut bench, 99), 300);
}
