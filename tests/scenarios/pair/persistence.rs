//! Clients keep their servers over a drain, a reload and a takeover.

use std::collections::BTreeMap;

use lab::{Lab, Settings, VIP, ready_pair_with};

use super::await_active;

/// Addresses that the client's namespace has besides its own.
const CLIENTS: core::ops::Range<u8> = 120..132;

/// The client's further addresses, until this is dropped.
struct Addresses;

impl Addresses {
    fn add() -> Self {
        change("add");
        Addresses
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        change("del");
    }
}

fn change(verb: &str) {
    for last in CLIENTS {
        let address = format!("198.51.100.{last}/24");
        Lab::CLIENT.must(&["ip", "address", verb, &address, "dev", "eth0"]).unwrap();
    }
}

/// The server that answers each client.
fn servers() -> BTreeMap<u8, String> {
    let line = format!(
        "for i in $(seq {} {}); do echo $i $(curl -s -m 10 --interface 198.51.100.$i http://{VIP}/); \
         done",
        CLIENTS.start,
        CLIENTS.end - 1
    );
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    let answer = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
    };
    let found: BTreeMap<_, _> = answers.lines().filter_map(answer).collect();
    assert_eq!(found.len(), CLIENTS.len(), "{answers}");
    found
}

fn pair(web: &'static str) -> Settings {
    Settings { web, ..Settings::patient_pair() }
}

/// What the clients' servers are after one of them was drained and enabled again, after a reload
/// with another list of servers, and after a takeover.
fn story(web: &'static str) -> [BTreeMap<u8, String>; 3] {
    let mut lab = ready_pair_with(pair(web)).unwrap();
    lab.spoil();
    let _addresses = Addresses::add();
    let (active, standby) = lab.roles().unwrap();
    servers();
    let drained = "10.0.0.11:80";
    assert!(active.tandem(&["drain", "web", drained]).unwrap().ok());
    servers();
    assert!(active.tandem(&["enable", "web", drained]).unwrap().ok());
    let enabled = servers();
    let heavy = Settings { weights: [50, 1, 1], ..pair(web) };
    lab.machines().into_iter().for_each(|machine| machine.reload(&heavy).unwrap());
    let reloaded = servers();
    let clients = |machine: &lab::Appliance| {
        let services = machine.client().unwrap().services().unwrap();
        services.persistence.clients
    };
    lab::wait_until("the standby machine knows all clients", 20, || {
        clients(standby) == clients(active)
    })
    .unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    [enabled, reloaded, servers()]
}

#[test]
fn clients_keep_their_servers() {
    let [enabled, reloaded, taken_over] = story("persist = {}");
    let (_, first) = Lab::servers()[0];
    assert!(enabled.values().all(|server| server != first), "they stay: {enabled:?}");
    assert_eq!(enabled, reloaded);
    assert_eq!(enabled, taken_over);
}

#[test]
fn a_network_is_one_client() {
    let [enabled, reloaded, taken_over] = story("persist = { prefix = 24, timeout = \"10m\" }");
    let first = enabled.values().next().unwrap();
    assert!(enabled.values().all(|server| server == first), "{enabled:?}");
    assert_eq!(enabled, reloaded);
    assert_eq!(enabled, taken_over);
}

/// The control: round robin sends them on each time.
#[test]
fn without_persistence_they_do_not() {
    let lab = ready_pair_with(pair("")).unwrap();
    let _addresses = Addresses::add();
    let first = servers();
    let second = Lab::CLIENT.sh(&format!("curl -s -m 10 http://{VIP}/")).map(|_| servers());
    assert_ne!(first, second.unwrap(), "one request in between moves everybody");
    drop(lab);
}
