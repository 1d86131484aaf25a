//! The pair's key is changed while the pair runs.

use std::time::Duration;

use api::Client;
use config::Peer;
use control::key::{KeyFiles, SharedKey};
use control::pair_key::machines::Machines;
use control::pair_key::rotation::rotate;

use crate::machine::{Both, Machine, throughout, wait};
use crate::process::loopback;

/// The configuration of a machine's peer, with the addresses that its process has here.
fn peer(machine: &Machine) -> Peer {
    loopback(&machine.folder.join("tandem.toml")).peer.unwrap()
}

/// `tandem key rotate` on a machine.
fn change(on: &Machine, other: &str) -> Result<String, String> {
    let peer = peer(on);
    let mut machines = Machines::new(&peer, &on.folder.join("control.sock")).unwrap();
    rotate(&mut machines, other, Duration::from_secs(10), |line| println!("{line}"))
}

fn files(machine: &Machine) -> KeyFiles {
    KeyFiles::of(&machine.folder.join("peer.key"))
}

fn changes(machine: &Machine) -> usize {
    machine.dataplane.state().changes.len()
}

#[test]
fn a_hundred_changes_with_takeovers_in_between_move_no_role_of_their_own() {
    let both = Both::up();
    let [mut before_a, mut before_b] = [changes(&both.a), changes(&both.b)];
    for round in 0..100 {
        let (on, other) = if round % 2 == 0 { (&both.a, "b") } else { (&both.b, "a") };
        let used = change(on, other).unwrap();
        for machine in [&both.a, &both.b] {
            let keys = machine.pair().keys;
            assert_eq!((keys.used, keys.accepted), (used.clone(), None));
        }
        assert_eq!([changes(&both.a), changes(&both.b)], [before_a, before_b], "in round {round}");
        if round % 10 == 9 {
            let is_a = both.a.dataplane.is_active();
            let active = if is_a { &both.a } else { &both.b };
            wait("both are ready", || {
                let pair = active.pair();
                pair.own.ready && pair.peer.is_some_and(|peer| peer.ready)
            });
            Client::connect(active.folder.join("control.sock")).unwrap().failover().unwrap();
            wait("the other one is active", || {
                let [a, b] = [&both.a, &both.b].map(|machine| machine.dataplane.is_active());
                (a, b) == (!is_a, is_a)
            });
            [before_a, before_b] = [changes(&both.a), changes(&both.b)];
        }
    }
    let log = both.a.log() + &both.b.log();
    assert!(!log.contains("they are sealed with another key"), "{log}");
}

#[test]
fn a_restart_in_the_middle_is_gone_on_from() {
    let mut both = Both::up();
    let new = SharedKey::load(files(&both.a).used()).unwrap().successor().unwrap();
    // As power that was cut left it: one machine uses the new key, the other one only accepts it.
    for machine in [&mut both.a, &mut both.b] {
        machine.kill();
        files(machine).accept(&new).unwrap();
    }
    files(&both.b).take_into_use(new.fingerprint()).unwrap();
    both.a.start();
    both.b.start();
    wait("they hear each other", || {
        [&both.a, &both.b].iter().all(|machine| machine.pair().paths.iter().all(|path| path.up))
    });
    // After ten seconds that is a warning.
    let name = new.fingerprint().to_string();
    wait("a knows that b is ahead", || both.a.pair().keys.peers.as_ref() == Some(&name));
    assert_eq!(change(&both.a, "b").unwrap(), name);
    assert_eq!(both.b.pair().keys.accepted, None);
}

/// The control: a peer that has one key, and another one.
#[test]
fn a_peer_that_accepts_one_key_only_is_refused_and_named() {
    let mut both = Both::new();
    files(&both.b).replace(&SharedKey::from_bytes(vec![8; 32]).unwrap()).unwrap();
    both.a.start();
    wait("a is active", || both.a.dataplane.is_active());
    both.b.start();
    wait("the status names it", || {
        let warnings = both.a.pair().warnings;
        warnings.iter().any(|what| {
            what.contains("heartbeats from 127.") && what.contains("tandem key install FILE")
        })
    });
    let why = change(&both.a, "b").unwrap_err();
    assert!(why.contains("it has none of this machine's keys"), "{why}");
    throughout(Duration::from_millis(500), "the role stays", || {
        both.a.dataplane.is_active() && !both.b.dataplane.is_active()
    });
    // The remedy.
    let copy = both.b.folder.join("copy.key");
    KeyFiles::of(&copy).create(&SharedKey::load(files(&both.a).used()).unwrap()).unwrap();
    let config = both.b.folder.join("tandem.toml");
    let arguments =
        ["key", "install", copy.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let installed = both.b.tandem(&arguments);
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    wait("they hear each other", || both.a.pair().peer.is_some_and(|peer| peer.ready));
    wait("the warning goes", || both.a.pair().warnings.is_empty());
    assert!(both.a.dataplane.is_active() && !both.b.dataplane.is_active());
    assert_eq!(changes(&both.a), 1);
}

#[test]
fn a_file_that_was_exchanged_by_hand_is_not_taken_into_use_by_the_way() {
    let both = Both::up();
    files(&both.a).replace(&SharedKey::from_bytes(vec![9; 32]).unwrap()).unwrap();
    let why = change(&both.b, "a").unwrap_err();
    assert!(why.contains("was changed since tandem-control read them"), "{why}");
    throughout(Duration::from_millis(300), "they hear each other", || {
        both.b.pair().paths.iter().all(|path| path.up)
    });
}
