//! The pair at the timers that it has by default: 150 ms of silence, a lease of 120 ms. The other
//! scenarios have longer ones, that forgive a shared machine its pauses. Here a pause may move the role
//! once more; nobody loses anything by that, either.

use lab::{Settings, ready_pair_with};

use super::rounds;

/// Downloads, and as many connections that are held.
const CLIENTS: u32 = 50;

#[test]
fn a_takeover_and_a_handover_lose_no_connection() {
    let mut lab = ready_pair_with(Settings::pair()).unwrap();
    lab.spoil();
    for round in 0..rounds(2) {
        let takeover = lab::take_over(&lab, CLIENTS, CLIENTS).unwrap();
        println!("round {round}: {takeover}");
        super::assert_nothing_lost(&takeover.loaded, u64::from(CLIENTS));
        let dead = lab.machines().into_iter().find(|one| one.machine.name == takeover.from);
        dead.unwrap().launch(&Settings::pair()).unwrap();
        lab.await_pair().unwrap();
    }
    let loading = lab::Loading::start(CLIENTS, CLIENTS).unwrap();
    // One that is not ready at this very moment refuses it.
    let handed_over = || {
        let active = lab.roles().map(|(active, _)| active);
        active.is_some_and(|active| active.tandem(&["failover"]).is_ok_and(|said| said.ok()))
    };
    lab::wait_until("the role is handed over", 60, handed_over).unwrap();
    lab.await_pair().unwrap();
    super::assert_nothing_lost(&loading.finish().unwrap(), u64::from(CLIENTS));
}
