//! The pair at the timers that it has by default: 150 ms of silence, a lease of 120 ms. The other
//! scenarios have longer ones, that forgive a shared machine its pauses. Here a pause may move the role
//! once more; nobody loses anything by that, either.

use lab::{Settings, ready_pair_with};

use super::{await_active, rounds};

/// Downloads, and as many connections that are held.
const CLIENTS: u32 = 50;

#[test]
fn a_takeover_and_a_handover_lose_no_connection() {
    let mut lab = ready_pair_with(Settings::pair()).unwrap();
    lab.spoil();
    for round in 0..rounds(2) {
        let takeover = lab::take_over(&lab, CLIENTS, CLIENTS).unwrap();
        println!("round {round}: {takeover}");
        assert_eq!((takeover.loaded.lost, takeover.loaded.wrong), (0, 0), "{takeover:?}");
        assert!(takeover.moved, "{takeover:?}");
        // The control: something was down, or nothing was tested.
        assert!(takeover.probed.received < takeover.probed.sent, "{takeover:?}");
        let dead = lab.machines().into_iter().find(|one| one.machine.name == takeover.from);
        dead.unwrap().launch(&Settings::pair()).unwrap();
        lab.await_pair().unwrap();
    }
    let (active, standby) = lab.roles().unwrap();
    let loading = lab::Loading::start(CLIENTS, CLIENTS).unwrap();
    let answer = active.tandem(&["failover"]).unwrap();
    assert!(answer.ok(), "{}", answer.words());
    await_active(&lab, standby);
    let loaded = loading.finish().unwrap();
    assert_eq!((loaded.lost, loaded.wrong), (0, 0), "{loaded:?}");
}
