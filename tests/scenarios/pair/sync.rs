//! Connection sync: many connections, a path that is cut, other numbers of workers.

use lab::{Appliance, Cut, Lab, Settings, ready_pair, ready_pair_with};

use super::await_active;

#[test]
fn a_machine_that_joins_gets_a_hundred_thousand_connections() {
    let mut lab =
        ready_pair_with(Settings { connections: 300_000, ..Settings::patient_pair() }).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    let flows = lab::flows::open(100_000).unwrap();
    let open = Appliance::connections;
    lab::wait_until("half of them are open", 60, || open(active) >= 50_000).unwrap();
    // It joins while the others are made.
    standby.launch(&Settings { connections: 300_000, ..Settings::patient_pair() }).unwrap();
    flows.finish().unwrap();
    lab.await_pair().unwrap();
    lab::wait_until("both have the same", 30, || open(active) == open(standby)).unwrap();
    assert!(open(standby) >= 90_000, "{}", open(standby));
    let sync = standby.pair().unwrap().sync.dataplane;
    assert!(sync.complete && sync.refused == 0, "{sync:?}");
}

/// The control: it is sync that brings them.
#[test]
fn without_sync_a_machine_that_joins_has_none_and_says_so() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    lab::flows::open(500).unwrap().finish().unwrap();
    let _cuts = Cut::sync().unwrap();
    standby.launch(&Settings::patient_pair()).unwrap();
    let says =
        || standby.pair().is_ok_and(|pair| !pair.own.ready && !pair.own.obstacles.is_empty());
    lab::wait_until("it says that it is not ready", 20, says).unwrap();
    assert!(active.connections() >= 500 && standby.connections() == 0);
    assert!(!standby.pair().unwrap().sync.dataplane.complete);
}

/// A standby that is too small says so, and is better than none.
#[test]
fn a_standby_without_room_says_so_and_takes_over_with_what_fits() {
    let mut lab = ready_pair_with(Settings::patient_pair()).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    standby.launch(&Settings { connections: 1000, ..Settings::patient_pair() }).unwrap();
    lab::flows::open(3000).unwrap().finish().unwrap();
    let says = || {
        standby.pair().is_ok_and(|pair| {
            let obstacles = pair.own.obstacles.join("; ");
            !pair.own.ready
                && obstacles.contains("holds 1,000 of 3,0")
                && obstacles.contains("raise node.connections")
        })
    };
    lab::wait_until("it says what it holds", 30, says).unwrap();
    let sync = standby.pair().unwrap().sync.dataplane;
    assert_eq!((sync.state, sync.mismatches), (api::SyncState::Following, 0), "{sync:?}");
    assert_eq!(standby.connections(), 1000);
    // The active machine knows by the next heartbeat.
    let knows = || {
        let peer = active.pair().ok().and_then(|pair| pair.peer);
        peer.is_some_and(|peer| peer.obstacles.join("; ").contains("raise node.connections"))
    };
    lab::wait_until("the active machine knows it", 20, knows).unwrap();
    let refused = active.tandem(&["failover"]).unwrap();
    assert!(!refused.ok() && refused.words().contains("raise node.connections"), "{refused:?}");
    active.kill().unwrap();
    await_active(&lab, standby);
    assert!(standby.connections() >= 900, "{}", standby.connections());
    // Flows that nobody has answered make room for those who come.
    let answer = ["curl", "-s", "-m", "10", "http://198.51.100.10/"];
    assert!(Lab::CLIENT.must(&answer).unwrap().stdout.contains(lab::CLIENT));
}

#[test]
fn machines_with_other_numbers_of_workers_understand_each_other() {
    let mut lab =
        ready_pair_with(Settings { workers: "[0, 1]", ..Settings::patient_pair() }).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    standby.launch(&Settings::patient_pair()).unwrap();
    lab::flows::open(2000).unwrap().finish().unwrap();
    lab.await_pair().unwrap();
    let open = Appliance::connections;
    lab::wait_until("both have the same", 30, || {
        open(active) >= 2000 && open(active) == open(standby)
    })
    .unwrap();
    assert_eq!([active, standby].map(|machine| machine.counted("connections").len()), [2, 1]);
    active.kill().unwrap();
    await_active(&lab, standby);
    let answer = ["curl", "-s", "-m", "10", "http://198.51.100.10/"];
    assert!(Lab::CLIENT.must(&answer).unwrap().stdout.contains(lab::CLIENT));
}

#[test]
fn a_sync_path_that_is_cut_is_an_alarm_and_no_change_of_role() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    let cuts = Cut::sync().unwrap();
    let alarm = |machine: &lab::Appliance| {
        machine
            .pair()
            .is_ok_and(|pair| pair.sync.link == api::SyncLink::Down && pair.sync.trouble.is_some())
    };
    lab::wait_until("both say that sync is down", 10, || alarm(active) && alarm(standby)).unwrap();
    let status = standby.tandem(&["status"]).unwrap().stdout;
    assert!(status.contains("sync"), "{status}");
    drop(cuts);
    lab.await_pair().unwrap();
    assert_eq!(active.pair().unwrap().own.term, term);
    assert!(active.is_active());
}
