//! The active machine loses its power under load.

use lab::{Cut, Loading, Settings, ready_pair, ready_pair_with};

use super::{assert_nothing_lost, await_active, rounds};

const CLIENTS: u32 = 200;

#[test]
fn no_connection_is_lost_when_the_active_machine_dies() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    for round in 0..rounds(2) {
        let takeover = lab::take_over(&lab, CLIENTS, CLIENTS).unwrap();
        println!("round {round}: {takeover}");
        assert_nothing_lost(&takeover.loaded, u64::from(CLIENTS));
        assert!(takeover.moved, "{takeover:?}");
        // The control: something was down, or nothing was tested.
        assert!(takeover.probed.received < takeover.probed.sent, "{takeover:?}");
        let dead = lab.machines().into_iter().find(|one| one.machine.name == takeover.from);
        dead.unwrap().launch(&Settings::patient_pair()).unwrap();
    }
}

#[test]
fn without_sync_the_same_loses_connections() {
    let mut lab =
        ready_pair_with(Settings { connections: 100_001, ..Settings::patient_pair() }).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    // From now on nothing of connection sync gets through; heartbeats do.
    let _cuts = Cut::sync().unwrap();
    let trouble = || standby.pair().is_ok_and(|pair| !pair.own.ready);
    lab::wait_until("the standby knows that it is not synced", 20, trouble).unwrap();
    let loading = Loading::start(20, 20).unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    let loaded = loading.finish().unwrap();
    assert!(loaded.lost > 0, "{loaded:?}");
}
