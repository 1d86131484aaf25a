//! Every order of events that a small pair can live through.
//!
//! Time goes in steps of one heartbeat interval. Within a step both machines tick and
//! heartbeats arrive, in every order and up to one step late; and at any point a few
//! things go wrong: a heartbeat is lost, a process dies or stands still, a dataplane dies,
//! a link is down, the gateway does not answer, an operator moves the role, a machine leaves. All that can come of it is
//! looked at once, and [`rules`] are checked in each state.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod happening;
mod pair;
mod rules;
mod search;
mod words;

use pair::{Budget, Flaw, Pair};
use search::search;
use words::Words;

#[test]
fn all_orders_of_two_faults_are_safe() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 2, losses: 0, hops: 0, until: 5 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(100_000);
}

#[test]
fn all_orders_of_a_fault_and_two_losses_are_safe() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 1, losses: 2, hops: 0, until: 6 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(100_000);
}

/// The gateway stops answering one machine, and something else goes wrong.
#[test]
fn all_orders_of_a_lost_gateway_and_a_fault_are_safe() {
    let budget = Budget { faults: 1, losses: 0, hops: 1, until: 4 };
    let seen = search(&Pair::at_rest(budget, Flaw::None, Words::Understood));
    seen.assert_wide(100_000);
    assert!(seen.outreached > 0, "{seen:?}");
}

#[test]
fn all_orders_of_a_start_are_safe() {
    let seen = search(&Pair::at_start(
        Budget { faults: 1, losses: 1, hops: 0, until: 8 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(100_000);
}

#[test]
#[ignore = "takes a minute or more, and a gigabyte"]
fn all_orders_of_two_faults_are_safe_for_long() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 2, losses: 0, hops: 0, until: 12 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(1_000_000);
}

#[test]
#[ignore = "takes a minute or more, and a gigabyte"]
fn all_orders_of_two_faults_and_a_loss_are_safe() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 2, losses: 1, hops: 0, until: 8 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(1_000_000);
}

#[test]
#[ignore = "takes a minute or more, and a gigabyte"]
fn all_orders_of_a_fault_and_four_losses_are_safe() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 1, losses: 4, hops: 0, until: 7 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(1_000_000);
}

#[test]
#[ignore = "takes a minute or more, and a gigabyte"]
fn all_orders_of_three_faults_are_safe() {
    let seen = search(&Pair::at_rest(
        Budget { faults: 3, losses: 0, hops: 0, until: 4 },
        Flaw::None,
        Words::Understood,
    ));
    seen.assert_wide(1_000_000);
}

fn assert_found(flaw: Flaw, rule: &str) {
    assert_found_in(Words::Understood, flaw, rule);
}

fn assert_found_in(words: Words, flaw: Flaw, rule: &str) {
    let seen =
        search(&Pair::at_rest(Budget { faults: 2, losses: 0, hops: 0, until: 9 }, flaw, words));
    let broken = seen.broken.expect("the flaw to be found");
    assert!(broken.contains(rule), "{broken}");
}

#[test]
fn a_lease_longer_than_the_dead_interval_is_found() {
    assert_found(Flaw::LongLease, "takes over from one that holds the role");
}

#[test]
fn a_stall_that_is_not_noticed_is_found() {
    assert_found(Flaw::CatchesUp, "takes over from one that holds the role");
}

#[test]
fn a_term_that_is_not_on_disk_is_found() {
    assert_found(Flaw::LiesAboutDisk, "before it is on disk");
}

#[test]
fn a_claim_without_connections_is_found() {
    assert_found(Flaw::LiesAboutSync, "without the connections");
}

const NOT_UNDERSTOOD: [Words; 3] = [Words::TwoVersions, Words::NotUnderstood, Words::OneWay];

#[test]
fn all_orders_of_a_pair_of_one_name_are_safe() {
    let budget = Budget { faults: 1, losses: 1, hops: 0, until: 6 };
    for start in [Pair::at_start, Pair::at_rest] {
        let seen = search(&start(budget, Flaw::None, Words::OneName));
        seen.assert_safe(10_000);
    }
}

#[test]
fn all_orders_of_a_pair_that_is_not_understood_are_safe() {
    for words in NOT_UNDERSTOOD {
        let begins = Budget { faults: 0, losses: 1, hops: 0, until: 16 };
        search(&Pair::at_start(begins, Flaw::None, words)).assert_safe(10_000);
        let rests = Budget { faults: 1, losses: 1, hops: 0, until: 6 };
        search(&Pair::at_rest(rests, Flaw::None, words)).assert_safe(10_000);
    }
}

#[test]
fn words_that_are_taken_for_silence_are_found() {
    for words in NOT_UNDERSTOOD {
        assert_found_in(words, Flaw::IsDeaf, "takes over from one that holds the role");
    }
}

#[test]
fn machines_of_one_name_that_are_not_told_apart_are_found() {
    let budget = Budget { faults: 1, losses: 2, hops: 0, until: 9 };
    let seen = search(&Pair::at_start(budget, Flaw::DrawsNoNumber, Words::OneName));
    println!("{seen:?}");
    assert!(seen.broken.is_some());
}
