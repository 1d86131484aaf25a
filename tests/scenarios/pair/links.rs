//! The active machine's cables are pulled.

use lab::{Lab, Loading, ready_pair};

use super::{assert_nothing_lost, await_active, macs, neighbour};

fn set(machine: &str, sides: &[&str], state: &str) {
    for side in sides {
        Lab::SWITCH.must(&["ip", "link", "set", &format!("{machine}-{side}"), state]).unwrap();
    }
}

fn both_addresses_move(sides: &[&str]) {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let loading = Loading::start(20, 20).unwrap();
    set(active.machine.name, sides, "down");
    await_active(&lab, standby);
    let [public, private] = macs(standby);
    for (host, address, mac) in [
        (Lab::CLIENT, lab::VIP, &public),
        (Lab::UPSTREAM, lab::VIP, &public),
        (Lab::S1, lab::GATEWAY, &private),
        (Lab::S2, lab::GATEWAY, &private),
    ] {
        let moved = || {
            // A host that has forgotten the address asks for it with its next packet.
            let ping = host.run(&["ping", "-c", "1", "-W", "1", address]);
            ping.is_ok_and(|ping| ping.ok()) && neighbour(host, address) == *mac
        };
        lab::wait_until(&format!("{address} has moved for {}", host.0), 10, moved).unwrap();
    }
    assert_nothing_lost(&loading.finish().unwrap(), 20);
    set(active.machine.name, sides, "up");
    lab.await_pair().unwrap();
}

#[test]
fn both_floating_addresses_move_with_the_public_link() {
    both_addresses_move(&["public"]);
}

#[test]
fn both_floating_addresses_move_with_the_private_link() {
    both_addresses_move(&["private"]);
}

#[test]
fn both_floating_addresses_move_with_both_links() {
    both_addresses_move(&["public", "private"]);
}
