//! Each rule can be broken: a pair with a flaw is found out.

use std::time::Duration;

use failover::Timers;

use crate::campaign::assert_found;
use crate::setting::{Flaw, Setting, Words};

fn with(flaw: Flaw) -> Setting {
    Setting { flaw, ..Setting::plain() }
}

fn timed(change: impl FnOnce(&mut Timers)) -> Setting {
    let mut setting = Setting::plain();
    change(&mut setting.timers);
    setting
}

#[test]
fn a_lease_longer_than_the_dead_interval_is_found() {
    assert_found(with(Flaw::LongLease), "takes over from one that holds the role");
}

#[test]
fn a_dataplane_without_a_lease_is_found() {
    assert_found(with(Flaw::IgnoresLease), "takes over from one that holds the role");
}

#[test]
fn a_dataplane_that_does_not_let_go_is_found() {
    assert_found(with(Flaw::IgnoresRelease), "both are active");
}

#[test]
fn a_stall_that_is_not_noticed_is_found() {
    assert_found(with(Flaw::CatchesUp), "takes over from one that holds the role");
}

#[test]
fn a_peer_that_is_not_listened_to_is_found() {
    assert_found(with(Flaw::IsDeaf), "gives up a peer that lives");
}

#[test]
fn a_dead_interval_of_seconds_is_found() {
    let setting = timed(|timers| timers.dead = Duration::from_secs(3));
    assert_found(setting, "nobody is active");
}

#[test]
fn a_term_that_is_not_on_disk_is_found() {
    assert_found(with(Flaw::LiesAboutDisk), "before it is on disk");
}

#[test]
fn a_disk_that_forgets_is_found() {
    assert_found(with(Flaw::ForgetsDisk), "is used twice");
}

#[test]
fn a_claim_without_connections_is_found() {
    assert_found(with(Flaw::LiesAboutSync), "an unsynced machine claims");
}

#[test]
fn a_sync_that_never_ends_is_found() {
    assert_found(with(Flaw::NeverSyncs), "does not stand by");
}

#[test]
fn a_link_that_is_not_told_of_is_found() {
    assert_found(with(Flaw::HidesLinks), "where a link is down");
}

#[test]
fn next_hops_that_are_not_told_of_are_found() {
    assert_found(with(Flaw::HidesReach), "where less is reached");
}

#[test]
fn next_hops_that_are_not_asked_anew_are_found() {
    // What one machine finds out later than the other must last for longer than the wait.
    let setting = timed(|timers| timers.confirm = Duration::from_millis(50));
    let setting = Setting { flaw: Flaw::AsksNobody, ..setting };
    assert_found(setting, "a machine that reaches no more");
}

#[test]
fn sides_that_part_are_found() {
    assert_found(with(Flaw::SplitsSides), "one side only");
}

#[test]
fn a_pair_of_one_name_that_is_not_told_apart_is_found() {
    let setting = Setting { words: Words::OneName, ..with(Flaw::DrawsNoNumber) };
    // Both are active, or neither is: which comes first is chance.
    assert_found(setting, "active");
}

#[test]
fn words_that_are_taken_for_silence_are_found() {
    for words in [Words::TwoVersions, Words::NotUnderstood, Words::OneWay] {
        let setting = Setting { words, ..with(Flaw::IsDeafToOthers) };
        assert_found(setting, "takes over from one that holds the role");
    }
}
