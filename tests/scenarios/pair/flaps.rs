//! Links and servers that come and go on both machines in turn.

use std::time::{Duration, Instant};

use lab::{Appliance, Lab, Loading, ready_pair};

use super::{assert_nothing_lost, await_active};

/// How long what is gone stays away, at least.
const AWAY: Duration = Duration::from_secs(2);

fn link(machine: &Appliance, state: &str) {
    let port = format!("{}-public", machine.machine.name);
    Lab::SWITCH.must(&["ip", "link", "set", &port, state]).unwrap();
}

fn term(lab: &Lab) -> u64 {
    let terms = lab.machines().map(|machine| machine.pair().map_or(0, |pair| pair.own.term));
    terms.into_iter().max().unwrap_or(0)
}

fn damped(machine: &Appliance) -> Option<String> {
    machine.pair().ok().and_then(|pair| pair.own.damped)
}

#[test]
fn links_that_flap_in_turn_move_the_role_once_each_and_lose_nothing() {
    let lab = ready_pair().unwrap();
    let loading = Loading::start(20, 20).unwrap();
    let before = term(&lab);
    for flap in 1..=6 {
        let (active, standby) = lab.roles().unwrap();
        link(active, "down");
        await_active(&lab, standby);
        link(active, "up");
        lab.await_pair().unwrap();
        assert!(standby.is_active() && !active.is_active(), "what came back moves nothing");
        assert_eq!(term(&lab), before + flap, "flap {flap} moves the role once");
    }
    assert_nothing_lost(&loading.finish().unwrap(), 20);
    for machine in lab.machines() {
        let why = damped(machine).unwrap_or_default();
        assert!(why.contains("takes the role again in"), "{}: {why:?}", machine.machine.name);
    }
}

/// The switch forwards nothing between a machine and one server.
struct Between;

impl Between {
    fn new(machine: &Appliance) -> Self {
        let port = format!("{}-private", machine.machine.name);
        let table = format!(
            "table bridge between {{ chain c {{ type filter hook forward priority 0; \
             iifname {port} oifname s3 drop; iifname s3 oifname {port} drop; }}; }}"
        );
        Lab::SWITCH.must(&["nft", &table]).unwrap();
        Between
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        let _ = Lab::SWITCH.run(&["nft", "delete", "table", "bridge", "between"]);
    }
}

/// A server that only the standby machine reaches moves the role, and at last no more. The moves
/// before that are the control: without damping it goes on like that.
#[test]
fn a_server_that_comes_and_goes_for_one_machine_in_turn_soon_moves_nothing() {
    let lab = ready_pair().unwrap();
    let mut moves = 0;
    for _ in 0..8 {
        let (active, standby) = lab.roles().unwrap();
        let held_back = damped(standby).is_some();
        let between = Between::new(active);
        if held_back {
            let begun = Instant::now();
            while begun.elapsed() < AWAY {
                assert!(active.is_active() && !standby.is_active(), "{:?}", damped(standby));
                std::thread::sleep(Duration::from_millis(50));
            }
        } else {
            await_active(&lab, standby);
            moves += 1;
        }
        drop(between);
        lab.await_pair().unwrap();
    }
    assert!((3..8).contains(&moves), "{moves} moves in 8 flaps");
    // The peer knows.
    let (active, standby) = lab.roles().unwrap();
    let told = || {
        let peer = active.pair().ok().and_then(|pair| pair.peer);
        peer.is_some_and(|peer| peer.damped.is_some())
    };
    assert!(damped(standby).is_some());
    lab::wait_until("the active machine says that its peer is damped", 5, told).unwrap();
}
