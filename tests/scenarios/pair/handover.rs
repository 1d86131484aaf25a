//! `tandem failover`: make before break.

use lab::{Lab, Loading, Probing, ready_pair};

use super::{assert_no_datagram_lost, await_active, rounds};

fn hand_over(lab: &Lab, times: u32) {
    for round in 0..times {
        lab.await_pair().unwrap();
        let (active, standby) = lab.roles().unwrap();
        let answer = active.tandem(&["failover"]).unwrap();
        assert!(answer.ok(), "round {round}: {}", answer.words());
        await_active(lab, standby);
    }
}

#[test]
fn a_planned_handover_loses_no_packet_and_no_connection() {
    let lab = ready_pair().unwrap();
    let loading = Loading::start_again_and_again(100, 10).unwrap();
    let _queues = lab::queues::Longer::queues().unwrap();
    assert_no_datagram_lost(|| {
        let probing = Probing::start(10_000).unwrap();
        hand_over(&lab, rounds(4));
        probing.finish().unwrap()
    });
    let loaded = loading.finish().unwrap();
    assert!(loaded.whole >= 100 && loaded.wrong + loaded.lost == 0, "{loaded:?}");
}

/// The control: a change of role that nobody planned loses datagrams, and the probe sees it.
#[test]
fn a_change_that_was_not_planned_loses_datagrams() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let probing = Probing::start(2_000).unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    let probed = probing.finish().unwrap();
    assert!(probed.received < probed.sent, "{probed:?}");
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
