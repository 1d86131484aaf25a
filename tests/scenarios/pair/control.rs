//! tandem-control dies, and is started again at once.

use lab::{Appliance, Loading, Probing, Signal, ready_pair};

use super::{assert_no_datagram_lost, assert_nothing_lost, rounds};

/// Kills tandem-control of both machines, one after the other, and waits for the next.
fn restart_both(active: &Appliance, standby: &Appliance, times: u32) {
    for round in 0..times {
        for machine in [active, standby] {
            let old = machine.control.process();
            machine.control.signal(Signal::KILL);
            lab::wait_until("another tandem-control answers", 20, || {
                machine.control.process() != old && machine.pair().is_ok()
            })
            .unwrap();
        }
        assert!(active.is_active(), "round {round}");
    }
}

/// A load that a shared machine carries without loss, and one under which connections
/// must not break.
#[test]
fn a_restart_within_the_lease_changes_nothing() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let term = || active.pair().map(|pair| pair.own.term);
    let before = term().unwrap();
    assert_no_datagram_lost(|| {
        let probing = Probing::start(1000).unwrap();
        restart_both(active, standby, rounds(10));
        probing.finish().unwrap()
    });
    let loading = Loading::start(50, 50).unwrap();
    restart_both(active, standby, rounds(5));
    assert_nothing_lost(&loading.finish().unwrap(), 50);
    assert_eq!(term().unwrap(), before, "nobody claimed anything");
}

#[test]
fn the_lease_ends_when_control_does_not_come_back() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    active.control.forsake();
    active.control.signal(Signal::KILL);
    super::await_active(&lab, standby);
    assert!(!active.is_active());
}
