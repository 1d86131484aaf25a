//! The failed machine comes back.

use lab::{Loading, Settings, ready_pair};

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
