//! Each rule can be broken: a pair with a flaw is found out.

use std::time::Duration;

use failover::Timers;

use crate::campaign::assert_found;
use crate::setting::{Flaws, Setting};

fn with(flaws: Flaws) -> Setting {
    Setting { flaws, ..Setting::plain() }
}

fn timed(change: impl FnOnce(&mut Timers)) -> Setting {
    let mut setting = Setting::plain();
    change(&mut setting.timers);
    setting
}

#[test]
fn a_lease_longer_than_the_dead_interval_is_found() {
    let setting = timed(|timers| timers.lease = Duration::from_millis(200));
    assert_found(setting, "takes over from one that holds the role");
}

#[test]
fn a_dataplane_without_a_lease_is_found() {
    let flaws = Flaws { ignores_lease: true, ..Flaws::default() };
    assert_found(with(flaws), "takes over from one that holds the role");
}

#[test]
fn a_stall_that_is_not_noticed_is_found() {
    assert_found(with(Flaws { catches_up: true, ..Flaws::default() }), "takes over from");
}

#[test]
fn a_dead_interval_of_two_heartbeats_is_found() {
    let setting = timed(|timers| {
        timers.dead = Duration::from_millis(40);
        timers.lease = Duration::from_millis(30);
    });
    assert_found(setting, "");
}

#[test]
fn a_dead_interval_of_seconds_is_found() {
    let setting = timed(|timers| timers.dead = Duration::from_secs(3));
    assert_found(setting, "nobody is active");
}

#[test]
fn a_term_that_is_not_on_disk_is_found() {
    let flaws = Flaws { lies_about_disk: true, ..Flaws::default() };
    assert_found(with(flaws), "before it is on disk");
}

#[test]
fn a_claim_without_connections_is_found() {
    let flaws = Flaws { lies_about_sync: true, ..Flaws::default() };
    assert_found(with(flaws), "an unsynced machine claims");
}

#[test]
fn a_link_that_is_not_told_of_is_found() {
    let flaws = Flaws { hides_links: true, ..Flaws::default() };
    assert_found(with(flaws), "where a link is down");
}

#[test]
fn sides_that_part_are_found() {
    let flaws = Flaws { splits_sides: true, ..Flaws::default() };
    assert_found(with(flaws), "one side only");
}
