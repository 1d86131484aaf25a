use super::*;

const LEASE: u64 = 120_000;

/// A counter that counts microseconds, a second after the machine's start.
fn at(millis: u64) -> Tsc {
    Tsc(1_000_000 + millis * 1000)
}

/// A standby whose main core has run for a while, at 100 ms.
fn standby() -> LeaseHolder {
    let role = LeaseHolder::of_a_pair(Rate::new(1_000_000), StallLimits::default());
    for millis in (0..=100).step_by(10) {
        role.stalls.observe(at(millis));
    }
    role
}

fn claim(term: u64) -> LeaseOrder {
    LeaseOrder::Claim { term, lease: LEASE, at: 0 }
}

#[test]
fn what_is_granted_is_what_workers_read() {
    let role = standby();
    assert!(!role.deadlines().forwards(at(100)) && !role.deadlines().answers(at(100)));
    let lease_status = role.order(claim(1), at(100)).unwrap();
    assert!(lease_status.granted);
    assert_eq!(
        (lease_status.role, lease_status.term, lease_status.lease_left),
        (api::Role::Active, 1, LEASE)
    );
    assert!(role.deadlines().forwards(at(219)) && role.deadlines().answers(at(219)));
    assert!(!role.deadlines().forwards(at(220)) && !role.deadlines().answers(at(220)));
    assert_eq!(role.role(at(220)), api::Role::Standby);

    role.order(claim(2), at(101)).unwrap();
    let lease_status = role.order(LeaseOrder::Retire { grace: 50_000 }, at(110)).unwrap();
    assert!(lease_status.granted && lease_status.retiring);
    assert_eq!((lease_status.role, lease_status.lease_left), (api::Role::Standby, 0));
    assert!(role.deadlines().forwards(at(159)) && !role.deadlines().answers(at(110)));
    assert!(!role.deadlines().forwards(at(160)));
}

#[test]
fn each_takeover_asks_for_announcements_once() {
    let role = standby();
    let rounds = |order, now| {
        role.order(order, now).unwrap();
        role.rounds()
    };
    assert_eq!(rounds(claim(1), at(100)), 1);
    assert_eq!(rounds(claim(1), at(101)), 1);
    assert_eq!(rounds(LeaseOrder::Renew { term: 1, lease: LEASE, at: 0 }, at(102)), 1);
    assert_eq!(rounds(LeaseOrder::Announce, at(103)), 2);
    assert_eq!(rounds(LeaseOrder::Release, at(104)), 2);
    assert_eq!(rounds(LeaseOrder::Announce, at(105)), 2);
    assert_eq!(rounds(claim(2), at(106)), 3);
}

#[test]
fn without_a_peer_orders_are_refused_and_the_role_is_for_good() {
    let role = LeaseHolder::alone(Rate::new(1_000_000));
    assert_eq!(role.rounds(), 1, "announced at the start");
    for order in
        [claim(1), LeaseOrder::Release, LeaseOrder::Retire { grace: 1 }, LeaseOrder::Announce]
    {
        assert_eq!(role.order(order, at(0)).unwrap_err().failure, FailureKind::NotNow);
    }
    let lease_status = role.order(LeaseOrder::Watch, at(0)).unwrap();
    assert!(lease_status.granted && lease_status.lease_left > 0);
    assert_eq!(lease_status.role, api::Role::Active);
    assert!(role.deadlines().forwards(at(1_000_000_000)));
}

#[test]
fn a_claim_that_waited_while_the_process_was_stopped_is_refused() {
    let role = standby();
    assert!(!role.order(claim(1), at(5000)).unwrap().granted);
    role.stalls.observe(at(5001));
    assert!(!role.order(claim(1), at(5002)).unwrap().granted);
    role.stalls.observe(at(5021));
    assert!(role.order(claim(1), at(5021)).unwrap().granted);
    // Who is active does not lose the role by a late main core.
    assert!(role.order(claim(1), at(5100)).unwrap().granted);
}

#[test]
fn a_renewal_that_waited_while_the_process_was_stopped_is_refused() {
    let role = standby();
    role.order(claim(1), at(100)).unwrap();
    let lease_status =
        role.order(LeaseOrder::Renew { term: 1, lease: LEASE, at: 0 }, at(220)).unwrap();
    assert!(!lease_status.granted);
    assert_eq!(lease_status.role, api::Role::Standby);
    assert!(!role.deadlines().forwards(at(220)));
}

#[test]
fn two_starts_are_told_apart() {
    let start = |role: LeaseHolder| role.order(LeaseOrder::Watch, at(0)).unwrap().start;
    assert_ne!(start(standby()), start(standby()));
}

#[test]
fn a_stalled_main_core_counts_as_stalled_workers() {
    let role = standby();
    role.health.set_workers_run(true);
    assert!(role.order(LeaseOrder::Watch, at(101)).unwrap().workers_run);
    assert!(!role.order(LeaseOrder::Watch, at(5000)).unwrap().workers_run);
}

#[test]
fn at_the_end_of_the_process_the_role_is_given_up() {
    let role = LeaseHolder::alone(Rate::new(1_000_000));
    role.end();
    assert!(!role.deadlines().forwards(at(0)) && !role.deadlines().answers(at(0)));
    assert_eq!(role.role(at(0)), api::Role::Standby);
}
