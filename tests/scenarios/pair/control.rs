//! tandem-control dies, and is started again at once.

use lab::{Loading, Probing, ready_pair};

use super::{assert_nothing_lost, rounds};

#[test]
fn a_restart_within_the_lease_changes_nothing() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let takeovers = |machine: &lab::Appliance| machine.pair().map(|pair| pair.own.term);
    let before = takeovers(active).unwrap();
    let loading = Loading::start(50, 50).unwrap();
    let probing = Probing::start(1000).unwrap();
    for round in 0..rounds(10) {
        for machine in [active, standby] {
            let old = machine.control.process();
            machine.control.signal("-KILL");
            lab::wait_until("another tandem-control answers", 20, || {
                machine.control.process() != old && machine.pair().is_ok()
            })
            .unwrap();
        }
        assert!(active.is_active(), "round {round}");
    }
    let probed = probing.finish().unwrap();
    assert_nothing_lost(&loading.finish().unwrap(), 50);
    assert_eq!(probed.received, probed.sent, "{probed:?}");
    assert_eq!(takeovers(active).unwrap(), before, "nobody claimed anything");
}

#[test]
fn the_lease_ends_when_control_does_not_come_back() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    active.control.forsake();
    active.control.signal("-KILL");
    super::await_active(&lab, standby);
    assert!(!active.is_active());
}
