//! The failed machine comes back.

use lab::{Loading, Settings, ready_pair, ready_pair_with};

use super::{assert_nothing_lost, await_active};

#[test]
fn it_stays_standby_gets_all_connections_and_can_be_relied_on() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (first, second) = lab.roles().unwrap();
    let loading = Loading::start(50, 100).unwrap();
    first.kill().unwrap();
    await_active(&lab, second);
    let term = second.pair().unwrap().own.term;
    first.launch(&Settings::patient_pair()).unwrap();
    lab.await_pair().unwrap();
    await_active(&lab, second);
    assert_eq!(second.pair().unwrap().own.term, term, "it took nothing back");
    let synced = first.pair().unwrap().sync.dataplane;
    assert!(synced.complete && synced.mismatches == 0, "{synced:?}");
    second.kill().unwrap();
    await_active(&lab, first);
    assert_nothing_lost(&loading.finish().unwrap(), 50);
}

/// Over its NICs alone a machine hears nothing while its dataplane does not run, for longer than the
/// dead interval, and takes that for no sign of anything.
#[test]
fn a_standby_whose_dataplane_is_started_again_takes_nothing() {
    let settings = Settings { nic_paths: true, ..Settings::patient_pair() };
    let mut lab = ready_pair_with(settings).unwrap();
    lab.spoil();
    lab.await_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    let loading = Loading::start(20, 20).unwrap();
    for _ in 0..2 {
        let before = standby.process().unwrap();
        let kill = ["-KILL", &before.to_string()];
        assert!(std::process::Command::new("kill").args(kill).status().unwrap().success());
        let is_back = || {
            standby.process().is_some_and(|process| process != before) && standby.client().is_ok()
        };
        lab::wait_until("the dataplane is there again", 60, is_back).unwrap();
        lab.await_pair().unwrap();
        assert!(active.is_active());
        let terms = lab.machines().map(|machine| machine.pair().unwrap().own.term);
        assert_eq!(terms, [term; 2], "the role has moved");
    }
    assert_nothing_lost(&loading.finish().unwrap(), 20);
}
