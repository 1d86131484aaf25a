//! Both machines watch the servers, each for itself, and keep what operators want.

use std::time::Duration;

use api::ServerState;
use lab::{
    Appliance, Error, Fault, Lab, Loading, Settings, VIP, outage, ready_pair_with, wait_until,
};

use super::await_active;

const SECONDS: u64 = 40;

const CHECK: &str = r#"
check = { kind = "http", path = "/healthz", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#;

fn checked() -> Settings {
    Settings { web: CHECK, ..Settings::patient_pair() }
}

/// Every web server was checked and is up, at this machine.
fn await_checked(machine: &Appliance) {
    let is_up = || {
        let pool = machine.pool("web");
        pool.is_ok_and(|pool| {
            pool.servers.iter().all(|one| one.operational == api::Operational::Up)
        })
    };
    wait_until("all are up", SECONDS, is_up).unwrap();
}

/// How often its servers went up or down, at this machine.
fn transitions(machine: &Appliance) -> Vec<u64> {
    machine.pool("web").unwrap().servers.iter().map(|server| server.transitions).collect()
}

/// The private link of tandem-a, pulled out of its switch.
struct Pulled;

impl Pulled {
    fn set(to: &str) -> Result<(), Error> {
        Lab::SWITCH.must(&["ip", "link", "set", "a-private", to]).map(|_| ())
    }

    fn new() -> Self {
        Pulled::set("down").unwrap();
        Pulled
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        if let Err(error) = Pulled::set("up") {
            eprintln!("the link stays down: {error}");
        }
    }
}

#[test]
fn a_private_link_that_is_pulled_takes_no_server_out() {
    let mut lab = ready_pair_with(checked()).unwrap();
    lab.spoil();
    let machines = lab.machines();
    machines.into_iter().for_each(await_checked);
    // Whom a machine asks whether its network is whole has to have answered it before.
    let [a, b] = machines.map(|machine| machine.machine);
    let echo = ["ping", "-c", "3", "-W", "1", b.private];
    let answers = || a.namespace.run(&echo).is_ok_and(|output| output.ok());
    wait_until("the peer answers on the private side", SECONDS, answers).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let pulled = Pulled::new();
    // Ten times as long as a server that is silent is believed to be up.
    std::thread::sleep(Duration::from_secs(10));
    for machine in machines {
        assert_eq!(transitions(machine), [0; 3], "{:?}", machine.pool("web"));
    }
    drop(pulled);
    std::thread::sleep(Duration::from_secs(3));
    for machine in machines {
        await_checked(machine);
        assert_eq!(transitions(machine), [0; 3], "{:?}", machine.pool("web"));
    }
    // The control: what a server does is noticed by both, while the links are there.
    let _fault = Fault::kill_web(1).unwrap();
    let both_see_it = || machines.into_iter().all(|machine| transitions(machine) == [0, 1, 0]);
    wait_until("both machines have it down", SECONDS, both_see_it).unwrap();
}

#[test]
fn a_drain_waits_for_downloads_also_over_a_takeover() {
    const SERVER: &str = "10.0.0.12:80";
    let mut lab = ready_pair_with(checked()).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let loading = Loading::start(24, 0).unwrap();
    lab.await_pair().unwrap();
    let state = |machine: &Appliance| outage::servers(machine, "web").unwrap()[1].clone();
    let drained = active.tandem(&["drain", "web", SERVER]).unwrap();
    assert!(drained.ok(), "{}", drained.words());
    for machine in [active, standby] {
        wait_until("it drains on both machines", SECONDS, || {
            state(machine).state == ServerState::Draining
        })
        .unwrap();
    }
    assert!(state(active).connections_active > 0, "downloads go on through it");
    active.kill().unwrap();
    await_active(&lab, standby);
    assert_eq!(state(standby).state, ServerState::Draining);
    let waits = ["drain", "web", SERVER, "--wait", "--timeout", "60s"];
    let waited = standby.tandem(&waits).unwrap();
    assert!(waited.ok(), "{}", waited.words());
    assert_eq!(state(standby).connections_active, 0, "{}", waited.words());
    let line = format!("for i in $(seq 12); do curl -s -m 5 http://{VIP}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    assert_eq!(answers.lines().count(), 12);
    assert!(!answers.contains("s2"), "{answers}");
    let loaded = loading.finish().unwrap();
    assert_eq!((loaded.whole, loaded.lost), (24, 0), "{loaded:?}");
}
