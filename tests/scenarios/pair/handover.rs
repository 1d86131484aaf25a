//! `tandem failover`: make before break.

use lab::{Lab, Loading, Probing, ready_pair};

use super::{assert_no_datagram_lost, assert_nothing_lost, await_active, rounds};

fn hand_over(lab: &Lab, times: u32) {
    for round in 0..times {
        lab.await_pair().unwrap();
        let (active, standby) = lab.roles().unwrap();
        let answer = active.tandem(&["failover"]).unwrap();
        assert!(answer.ok(), "round {round}: {}", answer.words());
        await_active(lab, standby);
    }
}

/// A load that a shared machine carries without loss, so that what is lost was lost by
/// the handover.
#[test]
fn a_planned_handover_loses_no_packet() {
    let lab = ready_pair().unwrap();
    let loading = Loading::start(0, 10).unwrap();
    assert_no_datagram_lost(|| {
        let probing = Probing::start(2_000).unwrap();
        hand_over(&lab, rounds(4));
        probing.finish().unwrap()
    });
    assert_nothing_lost(&loading.finish().unwrap(), 0);
}

#[test]
fn a_planned_handover_under_load_loses_no_connection() {
    let lab = ready_pair().unwrap();
    let loading = Loading::start(100, 100).unwrap();
    hand_over(&lab, rounds(3));
    assert_nothing_lost(&loading.finish().unwrap(), 100);
}

#[test]
fn it_is_refused_while_the_other_machine_is_not_ready() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    let alone = || active.pair().is_ok_and(|pair| pair.silence_millis.unwrap_or(0) > 1000);
    lab::wait_until("the other one is missed", 20, alone).unwrap();
    let answer = active.tandem(&["failover"]).unwrap();
    assert!(!answer.ok() && answer.words().contains("not heard"), "{}", answer.words());
    assert!(active.is_active());
}
