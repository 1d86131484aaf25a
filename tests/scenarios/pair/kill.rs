//! Connections that an operator ends, end on both machines; others go on.

use api::{Connection, Filter, Page};
use lab::{Appliance, Lab, Task, VIP, ready_pair, wait_until};

const SECONDS: u64 = 40;
/// What curl says of a reset connection (its manual, "EXIT CODES").
const RECEIVE_ERROR: i32 = 56;
const FIRST_PORT: u16 = 45_100;
const DOWNLOADS: u16 = 9;
const SERVER: &str = "10.0.0.11:80";

/// Downloads that take ten seconds each, from ports of their own.
fn download() -> Vec<(u16, Task)> {
    let ports = FIRST_PORT..FIRST_PORT + DOWNLOADS;
    let start = |port: u16| {
        let (local, url) = (port.to_string(), format!("http://{VIP}/medium"));
        let words = ["curl", "-sS", "-m", "60", "-o", "/dev/null", "--local-port", &local, &url];
        (port, Lab::CLIENT.spawn(&words).unwrap())
    };
    ports.map(start).collect()
}

/// The downloads that a machine knows, those to the server or all.
fn known(machine: &Appliance, filter: &Filter) -> Vec<Connection> {
    let page = Page { filter: filter.clone(), ..Page::default() };
    let listed = machine.client().unwrap().connections(page).unwrap().entries;
    let ports = FIRST_PORT..FIRST_PORT + DOWNLOADS;
    let is_one = |one: &Connection| ports.contains(&one.original.source.port());
    listed.into_iter().filter(is_one).collect()
}

fn to_server() -> Filter {
    Filter { server: Some(SERVER.parse().unwrap()), ..Filter::default() }
}

/// Segments of open connections to its web service that the server's kernel knows.
fn open_at_server() -> usize {
    let words = ["ss", "-Htn", "state", "established", "sport = :80"];
    Lab::S1.must(&words).unwrap().stdout.lines().count()
}

#[test]
fn connections_that_are_killed_end_on_both_machines_and_others_go_on() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let downloads = download();
    let all = usize::from(DOWNLOADS);
    for machine in [active, standby] {
        let there = || {
            let known = known(machine, &Filter::default());
            known.len() == all && known.iter().all(|one| one.state == "ESTABLISHED")
        };
        wait_until("both machines know every download", SECONDS, there).unwrap();
    }
    let meant: Vec<u16> =
        known(active, &to_server()).iter().map(|one| one.original.source.port()).collect();
    assert!(!meant.is_empty() && meant.len() < all, "{meant:?}");
    assert_eq!(open_at_server(), meant.len());

    // Neither a dry run, nor the machine that has copies only, nor another filter ends anything.
    let kill = ["kill", "--server", SERVER, "--state", "established"];
    let dry = active.tandem(&[&kill[..], &["--dry-run"]].concat()).unwrap();
    assert_eq!(dry.stdout, format!("{} connections would end.\n", meant.len()), "{}", dry.words());
    let refused = standby.tandem(&[&kill[..], &["--yes"]].concat()).unwrap();
    assert!(!refused.ok() && refused.stderr.contains("on standby"), "{}", refused.words());
    let misspelt = active.tandem(&["kill", "--service", "wbe", "--yes"]).unwrap();
    assert!(misspelt.stderr.contains("no service \"wbe\""), "{}", misspelt.words());
    let old = active.tandem(&["kill", "--server", SERVER, "--age", "1h", "--yes"]).unwrap();
    assert_eq!(old.stdout, "No connection matches.\n", "{}", old.words());
    assert_eq!(known(active, &to_server()).len(), meant.len());

    let killed = active.tandem(&[&kill[..], &["--yes"]].concat()).unwrap();
    let words = format!("{} connections were ended.\n", meant.len());
    assert_eq!(killed.stdout, words, "{}", killed.words());
    wait_until("the server knows none of them", SECONDS, || open_at_server() == 0).unwrap();
    for (port, task) in downloads {
        let output = task.finish().unwrap();
        let expected = if meant.contains(&port) { RECEIVE_ERROR } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "port {port}: {}", output.words());
    }
    let none = |machine: &Appliance| known(machine, &to_server()).is_empty();
    wait_until("both machines have forgotten them", SECONDS, || none(active) && none(standby))
        .unwrap();
    assert_eq!(active.counted("connections_killed").iter().sum::<u64>(), meant.len() as u64);
    assert_eq!(standby.counted("connections_killed").iter().sum::<u64>(), 0);
}
