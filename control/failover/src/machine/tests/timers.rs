//! A peer whose timers differ from this machine's is given up later.

use super::*;

fn with_lease(role: Role, lease: u64) -> Heartbeat {
    Heartbeat { lease: Duration::from_millis(lease), ..peer(role, 5) }
}

#[test]
fn a_peer_with_a_longer_lease_is_given_up_when_that_is_over() {
    let mut harness = Harness::standby();
    harness.hear(with_lease(Role::Active, 800));
    harness.silence();
    // Its lease may have begun with its last heartbeat; then there is the usual margin.
    assert_eq!(deeds(&harness.run(820)), []);
    let actions = harness.run(10);
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerDead)]);
}

#[test]
fn a_peer_with_a_shorter_lease_is_given_up_after_the_own_dead_interval() {
    let mut harness = Harness::standby();
    harness.hear(with_lease(Role::Active, 50));
    harness.silence();
    assert_eq!(deeds(&harness.run(140)), []);
    harness.run(10);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn the_peers_lease_is_not_forgotten_in_a_stall() {
    let mut harness = Harness::standby();
    harness.hear(with_lease(Role::Active, 800));
    harness.silence();
    harness.ms += 200;
    harness.step(Event::Tick);
    assert_eq!(deeds(&harness.run(820)), []);
    harness.run(20);
    assert_eq!(harness.machine.role(), Role::Active);
}

#[test]
fn it_tells_its_own_lease() {
    let actions = Harness::standby().run(20);
    assert_eq!(last_sent(&actions).map(|sent| sent.lease), Some(Timers::default().lease));
}
