//! The role follows what the machines reach.

use std::time::Duration;

use crate::machine::{Both, throughout, wait};

/// Some seconds of nothing are enough: it takes less than one to move.
const LONG: Duration = Duration::from_secs(2);

fn stays_with_a(both: &Both) {
    throughout(LONG, "a alone is active", || {
        both.a.dataplane.is_active() && !both.b.dataplane.is_active()
    });
}

#[test]
fn it_moves_to_the_machine_that_reaches_more_and_both_say_why() {
    for (side, why) in [
        (
            0,
            "0 of 1 next hops on the public side answer, 1 answer the other machine; silent: 198.51.100.1",
        ),
        (
            1,
            "1 of 2 next hops on the private side answer, 2 answer the other machine; silent: 10.0.0.11",
        ),
    ] {
        let both = Both::up();
        both.a.dataplane.state().answering[side] -= 1;
        wait("b is active", || both.b.dataplane.is_active() && !both.a.dataplane.is_active());
        let said = |pair: api::Pair| pair.last_change.map(|change| change.why);
        let own = format!("the role was handed over to the peer: {why}");
        wait("a says why", || said(both.a.pair()).as_deref() == Some(own.as_str()));
        let peers = format!("the peer handed the role over: {why}");
        wait("b says why", || said(both.b.pair()).as_deref() == Some(peers.as_str()));
        wait("a is not ready", || both.a.pair().own.obstacles.iter().any(|said| said == why));
        assert!(!both.b.pair().peer.unwrap().ready);
        // What answers again moves nothing.
        both.a.dataplane.state().answering[side] += 1;
        wait("a is ready", || both.b.pair().peer.is_some_and(|peer| peer.ready));
        throughout(LONG, "b alone is active", || {
            both.b.dataplane.is_active() && !both.a.dataplane.is_active()
        });
    }
}

#[test]
fn what_answers_neither_machine_moves_nothing() {
    let both = Both::up();
    for (a, b) in [([0, 2], [0, 2]), ([1, 1], [1, 1]), ([1, 2], [0, 0])] {
        // The standby one first, so that the active one is never behind.
        both.b.dataplane.state().answering = b;
        both.a.dataplane.state().answering = a;
        stays_with_a(&both);
    }
    let warnings = both.b.pair().warnings;
    assert_eq!(
        warnings.first().map(String::as_str),
        Some("next hops on the public side that do not answer ARP: 198.51.100.1")
    );
}

#[test]
fn machines_with_different_next_hops_are_not_compared() {
    let both = Both::up();
    both.b.dataplane.state().next_hops = 100;
    wait("a knows", || both.a.pair().peer.is_some_and(|peer| peer.reach[0].set == 100));
    both.a.dataplane.state().answering = [0, 0];
    stays_with_a(&both);
    both.b.dataplane.state().next_hops = 7;
    wait("b is active", || both.b.dataplane.is_active());
}
