//! Links are up, and what is behind them is out of reach.

use std::time::{Duration, Instant};

use lab::{Appliance, Lab, Loading, ready_pair};

use super::{assert_nothing_lost, await_active};

/// Some times as long as the role takes to move.
const LONG: Duration = Duration::from_secs(4);

fn port(machine: &Appliance, side: &str) -> String {
    format!("{}-{side}", machine.machine.name)
}

/// The switch's port is in no network; plugged back when dropped.
struct Unplugged(String, String);

impl Unplugged {
    fn new(machine: &Appliance, side: &str) -> Self {
        let port = port(machine, side);
        Lab::SWITCH.must(&["ip", "link", "set", &port, "nomaster"]).unwrap();
        Unplugged(port, side.to_owned())
    }
}

impl Drop for Unplugged {
    fn drop(&mut self) {
        let _ = Lab::SWITCH.run(&["ip", "link", "set", &self.0, "master", &self.1]);
    }
}

/// The switch forwards frames of a port in one direction only.
struct OneWay;

impl OneWay {
    /// `direction` is iifname (nothing from the machine) or oifname (nothing to it).
    fn new(machine: &Appliance, side: &str, direction: &str) -> Self {
        let port = port(machine, side);
        let table = format!(
            "table bridge oneway {{ chain c {{ type filter hook forward priority 0; \
             {direction} {port} drop; }}; }}"
        );
        Lab::SWITCH.must(&["nft", &table]).unwrap();
        OneWay
    }
}

impl Drop for OneWay {
    fn drop(&mut self) {
        let _ = Lab::SWITCH.run(&["nft", "delete", "table", "bridge", "oneway"]);
    }
}

fn request() -> bool {
    let url = format!("http://{}/", lab::VIP);
    Lab::CLIENT.run(&["curl", "-sf", "-o", "/dev/null", "-m", "2", &url]).unwrap().ok()
}

fn why(machine: &Appliance) -> String {
    machine
        .pair()
        .ok()
        .and_then(|pair| pair.last_change)
        .map(|change| change.why)
        .unwrap_or_default()
}

/// Something cuts the active machine off; the role moves, requests are answered, and both
/// machines say why.
fn moves<T>(side: &str, unreached: &str, fault: impl FnOnce(&Appliance) -> T) {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let loading = Loading::start(10, 20).unwrap();
    let begun = Instant::now();
    let fault = fault(active);
    await_active(&lab, standby);
    println!("{side}: moved after {:?}", begun.elapsed());
    lab::wait_until("a request is answered", 10, request).unwrap();
    assert_nothing_lost(&loading.finish().unwrap(), 10);
    for machine in [active, standby] {
        let says = || {
            let why = why(machine);
            why.contains(&format!("next hops on the {side} side")) && why.contains(unreached)
        };
        lab::wait_until("it says why the role moved", 10, says)
            .unwrap_or_else(|error| panic!("{error}: {}", why(machine)));
    }
    assert!(!active.pair().unwrap().own.ready, "it reaches less");
    drop(fault);
    // What it reaches again moves nothing.
    lab.await_pair().unwrap();
    assert!(standby.is_active() && !active.is_active());
}

#[test]
fn the_role_leaves_a_public_port_without_a_network() {
    moves("public", "198.51.100.1", |active| Unplugged::new(active, "public"));
}

#[test]
fn the_role_leaves_a_private_port_without_a_network() {
    moves("private", "10.0.0.11", |active| Unplugged::new(active, "private"));
}

#[test]
fn the_role_leaves_a_machine_that_is_not_heard_on_its_public_side() {
    moves("public", "198.51.100.1", |active| OneWay::new(active, "public", "iifname"));
}

#[test]
fn the_role_leaves_a_machine_that_hears_nothing_on_its_private_side() {
    moves("private", "10.0.0.11", |active| OneWay::new(active, "private", "oifname"));
}

/// Nothing moves while this lasts.
fn stays<T>(lab: &Lab, known: impl Fn(&Appliance) -> bool, fault: impl FnOnce() -> T) {
    let (active, standby) = lab.roles().unwrap();
    let terms = || lab.machines().map(|machine| machine.pair().map_or(0, |pair| pair.own.term));
    let before = terms();
    let fault = fault();
    for machine in [active, standby] {
        lab::wait_until("it knows", 10, || known(machine)).unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        assert!(active.is_active() && !standby.is_active());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(fault);
    lab.await_pair().unwrap();
    assert!(active.is_active() && !standby.is_active());
    assert_eq!(terms(), before);
}

/// So many next hops answer the machine on the public and the private side.
fn answering(machine: &Appliance, public: u16, private: u16) -> bool {
    machine.pair().is_ok_and(|pair| {
        pair.own.reach.each_ref().map(|reach| reach.answering) == [public, private]
    })
}

#[test]
fn ports_of_both_machines_without_a_network_move_nothing() {
    let lab = ready_pair().unwrap();
    stays(
        &lab,
        |machine| answering(machine, 0, 3),
        || {
            // The standby one first: between the two the active one must not seem worse.
            let (active, standby) = lab.roles().unwrap();
            [standby, active].map(|machine| Unplugged::new(machine, "public"))
        },
    );
}

#[test]
fn a_standby_machine_without_a_network_moves_nothing() {
    let lab = ready_pair().unwrap();
    let (active, _) = lab.roles().unwrap();
    let name = active.machine.name;
    let known = |machine: &Appliance| answering(machine, 1, 3) == (machine.machine.name == name);
    stays(&lab, known, || {
        let (_, standby) = lab.roles().unwrap();
        Unplugged::new(standby, "private")
    });
}

/// A real server's own port; plugged back when dropped.
#[test]
fn a_server_that_is_dead_moves_nothing() {
    let lab = ready_pair().unwrap();
    stays(
        &lab,
        |machine| answering(machine, 1, 2),
        || {
            Lab::SWITCH.must(&["ip", "link", "set", "s3", "nomaster"]).unwrap();
            Unplugged("s3".to_owned(), "private".to_owned())
        },
    );
}
