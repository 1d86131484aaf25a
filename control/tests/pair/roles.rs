//! The role, as the dataplanes hold it.

use std::time::{Duration, Instant};

use api::Role;
use rustix::process::Signal;

use crate::machine::{Both, throughout, wait};

/// The default dead interval, and what a busy test machine adds to it.
const DEAD: Duration = Duration::from_millis(150);
const SLACK: Duration = Duration::from_millis(350);

#[test]
fn one_of_two_becomes_active_and_stays() {
    let both = Both::up();
    throughout(Duration::from_millis(500), "a alone is active", || {
        both.a.dataplane.is_active() && !both.b.dataplane.is_active()
    });
    let pair = both.a.pair();
    assert_eq!((pair.own.role, pair.own.name.as_str()), (Role::Active, "a"));
    let peer = pair.peer.unwrap();
    assert_eq!((peer.role, peer.name.as_str()), (Role::Standby, "b"));
    assert!(pair.paths.iter().all(|path| path.up && path.received > 10), "{:?}", pair.paths);
}

#[test]
fn the_standby_takes_over_when_control_dies() {
    let mut both = Both::exactly("").start();
    let killed = Instant::now();
    both.a.kill();
    wait("b is active", || both.b.dataplane.is_active());
    let gap = killed.elapsed();
    assert!(!both.a.dataplane.is_active(), "its lease has run out");
    println!("taken over after {gap:?}");
    assert!(gap < DEAD + SLACK, "{gap:?}");
    let change = both.b.pair().last_change.unwrap();
    assert_eq!(change.why, "the peer is silent on every path");
    assert_eq!(both.b.pair().own.term, 2);
    assert_eq!(std::fs::read_to_string(both.b.folder.join("state/term")).unwrap().trim(), "2");
}

#[test]
fn a_restart_of_control_within_the_lease_changes_nothing() {
    let mut both = Both::up();
    for _ in 0..3 {
        both.a.kill();
        both.a.start();
        throughout(Duration::from_millis(1200), "a alone is active", || {
            both.a.dataplane.is_active() && !both.b.dataplane.is_active()
        });
    }
    println!("longest time without a renewal: {:?}", both.a.dataplane.state().gap);
    assert_eq!(both.a.dataplane.state().changes.len(), 1, "it became active once");
    assert_eq!(both.a.pair().own.term, 1);
    // And it is heard again.
    wait("b hears a", || both.b.pair().silence_millis.unwrap() < 100);
}

#[test]
fn a_dataplane_that_dies_gives_the_role_away_at_once() {
    let both = Both::up();
    let killed = Instant::now();
    both.a.dataplane.kill();
    wait("b is active", || both.b.dataplane.is_active());
    println!("taken over after {:?}", killed.elapsed());
    assert!(!both.a.pair().own.ready);
    // First it says that the dataplane went away; then that there is none.
    let says_why = || {
        let obstacles = both.a.pair().own.obstacles;
        obstacles.iter().any(|why| why.contains("no dataplane listens on"))
    };
    wait("a says what is missing", says_why);
    both.a.dataplane.restart();
    wait("a has all connections again", || both.a.pair().own.ready);
    throughout(Duration::from_millis(300), "b stays active", || both.b.dataplane.is_active());
}

#[test]
fn a_stopped_control_is_replaced_and_comes_back_as_standby() {
    let both = Both::up();
    both.a.signal(Signal::STOP);
    wait("b is active", || both.b.dataplane.is_active());
    assert!(!both.a.dataplane.is_active());
    both.a.signal(Signal::CONT);
    throughout(Duration::from_millis(500), "b alone is active", || {
        both.b.dataplane.is_active() && !both.a.dataplane.is_active()
    });
    let change = both.a.pair().last_change.unwrap();
    assert_eq!(change.to, Role::Standby);
    assert!(change.why.contains("lease"), "{}", change.why);
}

#[test]
fn an_orderly_stop_hands_the_role_over() {
    let mut both = Both::with("grace = \"200ms\"").start();
    both.a.signal(Signal::TERM);
    assert_eq!(both.a.ended(), Some(0));
    assert!(both.b.dataplane.is_active());
    let (ended, began) = (
        both.a.dataplane.state().changes.last().unwrap().1,
        both.b.dataplane.state().changes.last().unwrap().1,
    );
    assert!(began <= ended, "make before break: b was active before a ceased");
    assert!(!both.a.folder.join("control.sock").exists());
}

#[test]
fn failover_moves_the_role_there_and_back() {
    let both = Both::with("grace = \"200ms\"").start();
    for (from, to) in [(&both.a, &both.b), (&both.b, &both.a)] {
        // Asked on the active machine, then on the one that is to be.
        let output = both.a.tandem(&["failover"]);
        assert!(output.status.success(), "{output:?}");
        wait("the role has moved", || to.dataplane.is_active() && !from.dataplane.is_active());
        wait("the other has all connections", || to.pair().peer.unwrap().ready);
        let (ended, began) = (
            from.dataplane.state().changes.last().unwrap().1,
            to.dataplane.state().changes.last().unwrap().1,
        );
        assert!(began <= ended, "make before break");
    }
    assert_eq!(both.a.pair().own.term, 3);
    assert_eq!(both.a.pair().last_change.unwrap().why, "the peer handed the role over");
}

#[test]
fn failover_is_refused_while_the_other_is_not_ready() {
    let both = Both::up();
    both.b.dataplane.state().links = [true, false];
    wait("a knows", || !both.a.pair().peer.unwrap().ready);
    for machine in [&both.a, &both.b] {
        let output = machine.tandem(&["failover"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("not ready: the private link is down"), "{said}");
    }
    assert!(both.a.dataplane.is_active());
}

#[test]
fn a_link_that_is_down_moves_both_sides() {
    let both = Both::up();
    both.a.dataplane.state().links = [false, true];
    wait("b is active", || both.b.dataplane.is_active() && !both.a.dataplane.is_active());
    assert!(both.a.pair().own.obstacles.contains(&"the public link is down".to_owned()));
}

#[test]
fn a_conflict_about_an_address_is_answered() {
    let both = Both::up();
    let before = both.a.dataplane.state().announcements;
    both.a.dataplane.state().conflicts += 3;
    wait("it is announced again", || both.a.dataplane.state().announcements > before);
    wait("it is in the log", || both.a.log().contains("another station announces"));
}

#[test]
fn a_witness_is_asked() {
    let both = Both::with("witness = \"198.51.100.1\"").start();
    // Without an answer nobody would have become active: there was no peer yet.
    assert!(both.a.dataplane.is_active());
    both.b.signal(Signal::STOP);
    throughout(Duration::from_millis(1500), "a stays active, as it sees the witness", || {
        both.a.dataplane.is_active()
    });
}
