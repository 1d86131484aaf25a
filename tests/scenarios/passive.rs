//! What the appliance finds out about its servers by itself: a process that dies, and a default
//! route that is missing.

use api::{ReturnPath, ServerChange, ServerState, ServerStatus, SetServers};
use lab::{Appliance, Fault, Lab, Settings, VIP, ready, ready_with, wait_until};

/// Addresses of the client besides its own: a server is suspect when several clients fail.
const CLIENTS: core::ops::Range<u8> = 110..130;

/// The client with more addresses, until this is dropped.
struct Clients;

impl Clients {
    fn new() -> Self {
        change_addresses("add");
        Clients
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        change_addresses("del");
    }
}

fn change_addresses(what: &str) {
    let (first, last) = (CLIENTS.start, CLIENTS.end - 1);
    let line = format!(
        "for i in $(seq {first} {last}); do ip addr {what} 198.51.100.$i/32 dev eth0; done"
    );
    Lab::CLIENT.sh(&line).unwrap();
}

/// How many of so many requests fail, one after the other, each from another client.
fn failed(requests: u32) -> usize {
    let line = format!(
        "for i in $(seq {requests}); do curl -s -m 5 -o /dev/null --interface \
         198.51.100.$(({} + i % {})) http://{VIP}/ || echo failed; done",
        CLIENTS.start,
        CLIENTS.len()
    );
    Lab::CLIENT.sh(&line).unwrap().stdout.lines().count()
}

fn web(appliance: &Appliance) -> Vec<ServerStatus> {
    let services = appliance.client().unwrap().services().unwrap().services;
    services.into_iter().find(|one| one.name == "web").unwrap().servers
}

fn change(appliance: &Appliance, change: impl Fn(&mut ServerChange)) {
    let mut changed = ServerChange::new("web", "10.0.0.11:80".parse().unwrap());
    change(&mut changed);
    appliance
        .client()
        .unwrap()
        .set_servers(SetServers { servers: vec![changed], ..SetServers::default() })
        .unwrap();
}

#[test]
fn a_web_server_that_dies_costs_few_clients_their_connection() {
    let lab = ready().unwrap();
    let _clients = Clients::new();
    assert_eq!(failed(30), 0, "the control");
    let fault = Fault::kill_web(0).unwrap();
    let lost = failed(150);
    assert!((1..=5).contains(&lost), "{lost} clients failed");
    let server = web(&lab.appliance).remove(0);
    assert!(server.suspect.is_some(), "{server:?}");

    drop(fault);
    change(&lab.appliance, |change| change.suspect = Some(false));
    let opened = server.connections_total;
    assert_eq!(failed(30), 0);
    assert!(web(&lab.appliance)[0].connections_total > opened, "it serves again");
}

#[test]
fn a_server_without_its_default_route_is_seen_and_said() {
    let lab = ready().unwrap();
    let appliance = &lab.appliance;
    let ways_back = || web(appliance).iter().map(|server| server.return_path).collect::<Vec<_>>();
    // A server that comes up is asked at once.
    let ask = || {
        change(appliance, |change| change.down = Some(true));
        std::thread::sleep(core::time::Duration::from_millis(300));
        change(appliance, |change| change.down = Some(false));
    };
    let all_well = || wait_until("all are well", 40, || ways_back() == [ReturnPath::Ok; 3]);
    all_well().unwrap();

    let fault = Fault::remove_route(0).unwrap();
    ask();
    wait_until("the route is missed", 40, || ways_back()[0] == ReturnPath::Missing).unwrap();
    assert_eq!(ways_back()[1..], [ReturnPath::Ok; 2]);
    let shown = appliance.tandem(&["services"]).unwrap().stdout;
    assert!(shown.contains("missing"), "{shown}");

    drop(fault);
    ask();
    all_well().unwrap();
}

#[test]
fn a_server_without_its_default_route_is_out_where_it_is_required() {
    let required =
        Settings { control: true, web: "return_path = \"require\"", ..Settings::default() };
    let mut lab = ready_with(required).unwrap();
    let fault = Fault::remove_route(0).unwrap();
    // A dataplane that has just started asks its servers at once.
    lab.restart_with(&required).unwrap();
    let appliance = &lab.appliance;
    let state = || web(appliance)[0].state;
    wait_until("it is out", 40, || state() == ServerState::Down).unwrap();
    let _clients = Clients::new();
    assert_eq!(failed(12), 0, "nobody is sent to it");
    let shown = appliance.tandem(&["services"]).unwrap().stdout;
    assert!(shown.contains("return path: it does not answer through"), "{shown}");
    drop(fault);
    wait_until("it is back", 40, || state() == ServerState::Up).unwrap();
}
