//! Two machines and the network between them through many bad days, each from a seed.
//!
//! Everything that can happen to them happens: paths lose, delay, repeat and stop
//! carrying in one direction or both; processes and machines pause, crash and come back;
//! links go down, next hops stop answering one machine or both, clocks run apart, disks
//! refuse. After each event the [`rules`] are
//! checked. That each rule can be broken is shown by [`flaws`].
//!
//! `cargo nextest run -p failover --run-ignored all` for a million days;
//! `TANDEM_SEED=n` for one of them again, `TANDEM_TELL=1` to be told what happens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod act;
mod campaign;
mod dataplane;
mod faults;
mod flaws;
mod network;
mod next_hops;
mod node;
mod outcome;
mod random;
mod rules;
mod setting;
mod stories;
mod stories_of_flaps;
mod stories_of_reach;
mod strangers;
mod world;

#[test]
fn ten_thousand_bad_days() {
    campaign::assert_holds(10_000);
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn a_million_bad_days() {
    campaign::assert_holds(1_000_000);
}
