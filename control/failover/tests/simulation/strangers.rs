//! Pairs in which something is wrong with what the machines tell each other.

use crate::campaign::assert_holds_with;
use crate::setting::{Setting, Words};

#[test]
fn two_machines_of_one_name_are_a_pair_like_any_other() {
    assert_holds_with(3_000, |seed| Setting { words: Words::OneName, ..Setting::of(seed) });
}

/// The upgraded machine is the one with the newer version, whichever was active.
#[test]
fn of_two_versions_never_two_are_active_and_never_none() {
    assert_holds_with(3_000, |seed| Setting { words: Words::TwoVersions, ..Setting::of(seed) });
}

#[test]
fn of_two_that_do_not_understand_each_other_never_two_are_active_and_never_none() {
    assert_holds_with(3_000, |seed| Setting { words: Words::NotUnderstood, ..Setting::of(seed) });
}

#[test]
fn where_only_one_understands_the_other_never_two_are_active_and_never_none() {
    assert_holds_with(3_000, |seed| Setting { words: Words::OneWay, ..Setting::of(seed) });
}

/// The longer lease outlives the shorter dead interval.
#[test]
fn with_other_timers_none_takes_over_from_one_that_holds_the_role() {
    for other_timers in [50, 200] {
        assert_holds_with(2_000, |seed| Setting { other_timers, ..Setting::of(seed) });
    }
}
