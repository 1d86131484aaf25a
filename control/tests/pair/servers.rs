//! What operators want of servers: on both machines, over restarts of everything.

use std::fs;
use std::time::Duration;

use api::{Administrative, Client, Origin, PoolServer, PoolsPage};
use serde_json::Value;

use crate::machine::{Both, Machine, throughout, wait};

const ONE: &str = "10.0.0.11:80";
const OTHER: &str = "10.0.0.12:80";

impl Machine {
    /// What the dataplane gives to a server of web.
    fn weight(&self, server: &str) -> u16 {
        self.dataplane.state().pool.weight("web", server)
    }

    fn pool_server(&self, server: &str) -> Option<PoolServer> {
        let mut client = Client::connect(self.folder.join("control.sock")).ok()?;
        let page = PoolsPage { service: Some("web".to_owned()), skip: 0 };
        let pools = client.pools_page(page).ok()?;
        let mut servers = pools.pools.into_iter().flat_map(|pool| pool.servers);
        servers.find(|one| one.address.to_string() == server)
    }

    fn state(&self, server: &str) -> Option<Administrative> {
        self.pool_server(server).map(|one| one.administrative)
    }

    fn run(&self, words: &[&str]) -> String {
        let output = self.tandem(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }

    /// Both machines have told each other everything.
    fn is_in_touch(&self) -> bool {
        let client = Client::connect(self.folder.join("control.sock"));
        let pools = client.and_then(|mut client| client.pools_page(PoolsPage::default()));
        pools.is_ok_and(|pools| pools.peer.is_some_and(|peer| peer.told && peer.heard))
    }
}

fn in_touch(both: &Both) {
    wait("both know what the other one knows", || both.a.is_in_touch() && both.b.is_in_touch());
}

#[test]
fn a_drained_server_is_drained_on_both_machines_and_over_every_restart() {
    let mut both = Both::up();
    in_touch(&both);
    let said = both.a.run(&["drain", "web", ONE]);
    assert_eq!(said, "10.0.0.11:80 of web gets no new connection. It has no connection.\n");
    assert_eq!((both.a.weight(ONE), both.a.weight(OTHER)), (0, 1), "the command waits for it");
    wait("b's dataplane knows", || both.b.weight(ONE) == 0);
    let server = both.b.pool_server(ONE).unwrap();
    assert_eq!(server.origin, Some(Origin::Operator("a".to_owned())));

    both.a.dataplane.kill();
    both.a.dataplane.restart();
    both.a.dataplane.state().pool = Default::default();
    wait("a dataplane that was restarted is told again", || both.a.weight(ONE) == 0);
    both.b.kill();
    both.b.dataplane.state().pool = Default::default();
    both.b.start();
    wait("a control that was restarted knows", || both.b.weight(ONE) == 0);
    wait("it says so", || both.b.state(ONE) == Some(Administrative::Drain));

    // Enabled on the other machine than it was drained on.
    in_touch(&both);
    both.b.run(&["enable", "web", "10.0.0.11"]);
    wait("both have it again", || both.a.weight(ONE) == 1 && both.b.weight(ONE) == 1);
    assert_eq!(both.a.state(ONE), Some(Administrative::Ready));
}

#[test]
fn the_last_word_holds_when_the_machines_meet_again() {
    let mut both = Both::up();
    in_touch(&both);
    both.a.run(&["drain", "web", ONE]);
    wait("b knows", || both.b.state(ONE) == Some(Administrative::Drain));
    both.a.kill();
    // The operator's last word, which a does not hear.
    let said = both.b.run(&["enable", "web", ONE]);
    assert!(said.contains("the peer will know of it when it is reached"), "{said}");
    both.b.run(&["disable", "web", OTHER]);
    both.b.run(&["weight", "web", ONE, "7"]);
    both.a.start();
    let agrees = |machine: &Machine| machine.weight(ONE) == 7 && machine.weight(OTHER) == 0;
    wait("both have what was said last", || agrees(&both.a) && agrees(&both.b));
    assert_eq!(both.a.state(OTHER), Some(Administrative::Maintenance));
    both.a.run(&["weight", "web", ONE, "default"]);
    wait("both have the configured weight", || both.a.weight(ONE) == 1 && both.b.weight(ONE) == 1);
}

#[test]
fn a_reload_keeps_what_operators_want() {
    let both = Both::up();
    both.a.run(&["drain", "--server", "10.0.0.11"]);
    assert_eq!(both.a.dataplane.state().pool.weight("dns", "10.0.0.11:53"), 0, "of every service");
    both.a.dataplane.state().pool = Default::default();
    both.a.run(&["reload"]);
    wait("it stays drained", || both.a.weight(ONE) == 0);
    let output = both.a.tandem(&["drain", "--server", "10.0.0.99"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("no service has a server 10.0.0.99")
    );
    let output = both.a.tandem(&["drain", "wbe", ONE]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("there are: web, dns"));
}

#[test]
fn files_in_the_maintenance_folder_take_servers_out() {
    let both = Both::up();
    let folder = both.a.folder.join("maintenance.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("web@10.0.0.12:80"), "").unwrap();
    fs::write(folder.join("server-12"), "").unwrap();
    wait("it is drained", || both.a.weight(OTHER) == 0);
    let server = both.a.pool_server(OTHER).unwrap();
    assert_eq!(server.origin, Some(Origin::Folder));
    wait("the name that means nothing is told", || both.a.log().contains("means no server"));
    // An operator does not enable what the folder takes out, and is told why.
    let said = both.a.run(&["enable", "web", OTHER]);
    assert!(said.contains("by a file in the maintenance folder"), "{said}");
    fs::write(folder.join("web@10.0.0.12:80"), "disable").unwrap();
    wait("it is disabled", || both.a.state(OTHER) == Some(Administrative::Maintenance));
    fs::remove_file(folder.join("web@10.0.0.12:80")).unwrap();
    wait("it is back", || both.a.weight(OTHER) == 1);
    assert_eq!(both.a.log().matches("means no server").count(), 1, "once");
    assert_eq!(both.b.weight(OTHER), 1, "the other machine has a folder of its own");
}

#[test]
fn a_damaged_file_is_told_and_stops_nothing() {
    let mut both = Both::new();
    fs::create_dir_all(both.a.folder.join("state")).unwrap();
    fs::write(both.a.folder.join("state/servers.json"), "{\"version\":1,\"ser").unwrap();
    both.a.start();
    wait("a is active", || both.a.dataplane.is_active());
    let shown = String::from_utf8(both.a.tandem(&["status"]).stdout).unwrap();
    assert!(shown.contains("is damaged"), "{shown}");
    assert!(both.a.folder.join("state/servers.damaged").exists());
    both.a.run(&["drain", "web", ONE]);
    assert!(both.a.folder.join("state/servers.json").exists());
}

#[test]
fn waiting_ends_when_the_active_machine_has_no_connection_also_after_a_takeover() {
    let mut both = Both::up();
    in_touch(&both);
    // The copies on the standby machine are behind; it is the active machine that counts.
    both.a.dataplane.state().pool.connect("web", ONE, 2);
    both.b.dataplane.state().pool.connect("web", ONE, 1);
    std::thread::scope(|scope| {
        let machine = &both.b;
        let drain = scope.spawn(move || machine.tandem(&["drain", "web", ONE, "--wait", "--json"]));
        wait("b is told a's count", || {
            let server = both.b.pool_server(ONE).and_then(|one| one.peer);
            server.is_some_and(|peer| peer.connections == Some(2))
        });
        both.b.dataplane.state().pool.connect("web", ONE, 0);
        throughout(Duration::from_secs(1), "it waits for a's connections", || !drain.is_finished());
        both.b.dataplane.state().pool.connect("web", ONE, 1);
        both.a.dataplane.kill();
        wait("b is active", || both.b.dataplane.is_active());
        throughout(Duration::from_secs(1), "it waits for its own", || !drain.is_finished());
        both.b.dataplane.state().pool.connect("web", ONE, 0);
        let output = drain.join().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &answer["waited"]["connections"]), (Some(0), &0.into()));
    });
    both.a.kill();
}

#[test]
fn services_show_why_a_server_gets_nothing() {
    let both = Both::up();
    in_touch(&both);
    both.a.dataplane.state().pool.connect("web", ONE, 3);
    both.a.run(&["drain", "web", ONE]);
    let shown = both.a.run(&["services"]);
    let line = |start: &str| {
        let mut lines = shown.lines().filter(|line| line.starts_with(start));
        lines.next().unwrap_or_else(|| panic!("no {start} in {shown}")).to_owned()
    };
    let row: Vec<_> = line("10.0.0.11:80  ").split_whitespace().map(str::to_owned).collect();
    assert_eq!(row[..6], ["10.0.0.11:80", "drain", "unknown", "1", "0", "3"]);
    assert!(line("10.0.0.11:80: ").starts_with("10.0.0.11:80: DRAIN by operator on a since 20"));
    assert!(!shown.contains('\x1b'), "no colours but on a terminal");
    let json: Value = serde_json::from_str(&both.a.run(&["services", "--json"])).unwrap();
    assert_eq!(json["pools"][0]["servers"][0]["administrative"], "drain");
    assert_eq!(json["services"][0]["servers"][0]["connections_active"], 3);
}

#[test]
fn a_machine_without_a_peer_is_asked_about_servers_too() {
    let mut both = Both::new();
    let file = both.a.folder.join("tandem.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, peer) = text.split_once("[peer]").unwrap();
    let (_, after) = peer.split_once("[metrics]").unwrap();
    fs::write(&file, format!("{before}[metrics]{after}")).unwrap();
    both.a.dataplane.read_file();
    both.a.start_binary(std::process::Stdio::null());
    wait("the dataplane is told", || both.a.dataplane.state().pool.changes > 0);
    both.a.run(&["drain", "web", ONE]);
    assert_eq!(both.a.weight(ONE), 0);
    both.a.kill();
    both.a.dataplane.state().pool = Default::default();
    both.a.start_binary(std::process::Stdio::null());
    wait("it is drained after a restart", || both.a.weight(ONE) == 0);
    let output = both.a.tandem(&["failover"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("this machine has no peer"));
}
