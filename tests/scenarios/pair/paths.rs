//! The paths of heartbeats are cut.

use lab::{Lab, Namespace, ready_pair};

use super::await_active;

const DIRECT: &str = "direct0";
const PUBLIC: &str = "tandem-pub";
const PRIVATE: &str = "tandem-priv";

/// Drops heartbeats that come in over some interfaces, all or so many in a hundred.
fn cut(machine: Namespace, interfaces: &[&str], percent: u32) {
    let names = interfaces.join(", ");
    let chance = match percent {
        100 => String::new(),
        _ => format!("numgen random mod 100 < {percent}"),
    };
    let what = format!(
        "nft add table inet cut; nft 'add chain inet cut in {{ type filter hook input priority 0; \
         }}'; nft 'add rule inet cut in iifname {{ {names} }} udp dport 7405 {chance} \
         drop'"
    );
    let done = machine.sh(&what).unwrap();
    assert!(done.ok(), "{}", done.words());
}

fn heal() {
    for machine in [Lab::A, Lab::B] {
        machine.must(&["nft", "delete", "table", "inet", "cut"]).unwrap();
    }
}

fn terms(lab: &Lab) -> [u64; 2] {
    lab.machines().map(|machine| machine.pair().map_or(0, |pair| pair.own.term))
}

#[test]
fn no_takeover_while_any_path_works() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    for alive in [DIRECT, PUBLIC, PRIVATE] {
        let dead: Vec<&str> =
            [DIRECT, PUBLIC, PRIVATE].into_iter().filter(|path| *path != alive).collect();
        for machine in [Lab::A, Lab::B] {
            cut(machine, &dead, 100);
        }
        for machine in lab.machines() {
            let noticed =
                || machine.pair().is_ok_and(|pair| pair.paths.iter().filter(|p| p.up).count() == 1);
            lab::wait_until("two paths are down and one is up", 10, noticed).unwrap();
        }
        heal();
        let whole = || {
            lab.machines().iter().all(|machine| {
                machine.pair().is_ok_and(|pair| pair.paths.iter().all(|path| path.up))
            })
        };
        lab::wait_until("all paths are up again", 10, whole).unwrap();
    }
    assert_eq!(terms(&lab), before);
}

/// The active machine hears nothing, and is heard.
#[test]
fn no_takeover_when_heartbeats_go_one_way() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    let (active, standby) = lab.roles().unwrap();
    cut(active.machine.namespace, &[DIRECT, PUBLIC, PRIVATE], 100);
    let deaf = || active.pair().is_ok_and(|pair| pair.silence_millis.is_some_and(|ms| ms > 1000));
    lab::wait_until("the active machine has heard nothing for a second", 10, deaf).unwrap();
    assert!(active.is_active() && !standby.is_active());
    active.machine.namespace.must(&["nft", "delete", "table", "inet", "cut"]).unwrap();
    lab.await_pair().unwrap();
    assert_eq!(terms(&lab), before);
}

#[test]
fn no_takeover_at_a_third_of_all_heartbeats_lost() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    for machine in [Lab::A, Lab::B] {
        cut(machine, &[DIRECT, PUBLIC, PRIVATE], 30);
    }
    let received = || {
        lab.second.pair().map_or(0, |pair| pair.paths.iter().map(|path| path.received).sum::<u64>())
    };
    let start = received();
    lab::wait_until("a thousand heartbeats were heard", 60, || received() > start + 1000).unwrap();
    heal();
    assert_eq!(terms(&lab), before);
}

#[test]
fn a_total_partition_heals_to_one_active_machine_which_announces() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    for machine in [Lab::A, Lab::B] {
        cut(machine, &[DIRECT, PUBLIC, PRIVATE], 100);
    }
    // What no pair can avoid, and the control of the test: both are active.
    let both = || lab.machines().iter().all(|machine| machine.is_active());
    lab::wait_until("both are active", 20, both).unwrap();
    heal();
    let one = || lab.roles().is_some();
    lab::wait_until("one of them is", 20, one).unwrap();
    let (active, _) = lab.roles().unwrap();
    await_active(&lab, active);
    let mac = super::macs(active)[0].clone();
    lab::wait_until("the client believes the winner", 10, || {
        let ping = Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", lab::VIP]).unwrap();
        ping.ok() && super::neighbour(Lab::CLIENT, lab::VIP) == mac
    })
    .unwrap();
    lab.await_pair().unwrap();
}
