//! `tandem` as the operator sees it: the real binary against a socket that speaks
//! the dataplane's protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod dataplane;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use api::{Failure, FailureKind, Reload, Reloaded, Request, Response, Role, SourcesInForce};
use dataplane::{CONNECTIONS, FakeDataplane, busy, idle, pair, path, stderr, stdout, tandem};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

const STATUS: &str = "\
a is active, up 2h 4m: tandem-dataplane 0.1.0 on DPDK 22.11.11
configuration /etc/tandem/tandem.toml, generation 3, taken 2026-03-01 12:00:00 UTC

SIDE     DEVICE        MAC                LINK         MTU  ADDRESS          FLOATING
public   0000:03:00.0  02:00:00:00:00:01  up 10 Gb/s  1500  198.51.100.2/24  198.51.100.10/24
private  0000:03:00.1  02:00:00:00:00:02  down        1500  10.0.0.2/24      10.0.0.1/24

SIDE     RX PACKETS      RX  RX MISSED  RX ERRORS  NO BUFFER  TX PACKETS   TX  TX ERRORS
public    1,234,567  1.5 GB          0          0          0           0  0 B          0
private   1,234,567  1.5 GB          0          0          0           0  0 B          0

CORE  CONNECTIONS   CAPACITY    BUSY  RX PACKETS  TX PACKETS  DROPPED
   1           12  1,000,000  37.5 %       2,000       1,990       10
";

/// What the command writes, whatever its exit code says.
fn written(dataplane: &FakeDataplane, words: &[&str], code: i32) -> String {
    let output = dataplane.tandem(words);
    assert_eq!((stderr(&output), output.status.code()), (String::new(), Some(code)));
    stdout(&output)
}

const SCREEN: &str = "\
DEGRADED: a is active
* the private link is down
    look at its cable and at the switch's port
    $ tandem doctor
* tandem-control is not running: nothing answers on SOCKET
    $ systemctl start tandem-control
    $ journalctl -u tandem-control -n 50
* service dns has no servers: clients get no answer
    give it a server in the configuration, then: tandem reload
* service dns takes no new connection: it has 80 of 100
    $ tandem top --by servers
    raise its limit, or add servers

public       up 10 Gb/s, 198.51.100.2/24 198.51.100.10/24, in 1.5 GB, out 0 B
private      down, 10.0.0.2/24 10.0.0.1/24, in 1.5 GB, out 0 B
connections  12 of 1,000,000, busiest of 1 worker 37.5 %
servers      2 servers in 2 services; nobody checks them
dropped      1,236 packets since the start, most for no_connection
running      0.1.0 for 2h 4m, configuration 3 of 2026-03-01 12:00:00 UTC
";

#[test]
fn status_says_what_is_wrong_first_and_what_to_type() {
    let dataplane = FakeDataplane::start(busy);
    let control = dataplane.socket.with_file_name("control.sock");
    let screen = SCREEN.replace("SOCKET", &control.display().to_string());
    assert_eq!(written(&dataplane, &["status"], 1), screen);
}

#[test]
fn status_in_full_shows_role_nics_and_workers() {
    let dataplane = FakeDataplane::start(busy);
    let shown = written(&dataplane, &["status", "--full"], 1);
    assert!(
        shown.contains(&[SCREEN.lines().last().unwrap(), "\n\n", STATUS, "\n"].concat()),
        "{shown}"
    );
    assert!(
        shown.contains("\nNothing is known of a pair: tandem-control is not running"),
        "{shown}"
    );
}

const PAIR: &str = "\
pair        tandem-control 0.1.0, up 2h 4m
last change standby since 2026-03-01 12:00:00 UTC: the role was handed over to the peer
sync        from 198.51.100.3: all connections are being copied, 12,345 events installed

MACHINE  ROLE     TERM  PRIORITY  READY
a        standby     7       100  no: connections are being copied
b        active      7       100  yes

LOCAL         REMOTE        HEARTBEATS                                 SILENCE   SENT  RECEIVED  REFUSED
198.51.100.2  198.51.100.3  up                                           12 ms  1,000       998  authentication 2
10.0.0.2      10.0.0.3      down: this machine does not have 10.0.0.2        -  1,000         0  -
";

#[test]
fn status_shows_the_pair_below() {
    let dataplane = FakeDataplane::start(busy).with_control(|_| Response::Pair(pair()));
    let shown = written(&dataplane, &["status", "--full"], 2);
    assert!(shown.ends_with(&["\n", STATUS, "\n", PAIR].concat()), "{shown}");
    let status = json(&written(&dataplane, &["status", "--json"], 2));
    assert_eq!((&status["schema"], &status["state"]), (&"status".into(), &"broken".into()));
    assert_eq!(status["role"], "active");
    assert_eq!(status["pair"]["peer"]["name"], "b");
}

#[test]
fn status_says_which_machine_is_damped_and_for_how_long() {
    let control = |_| {
        let mut pair = pair();
        pair.own.damped = Some("links were lost 6 times".to_owned());
        let peer = pair.peer.as_mut().unwrap();
        peer.damped = Some("links were lost 4 times".to_owned());
        Response::Pair(pair)
    };
    let dataplane = FakeDataplane::start(busy).with_control(control);
    let shown = written(&dataplane, &["status", "--full"], 2);
    let own = "no: connections are being copied; damped: links were lost 6 times\n";
    assert!(shown.contains(own), "{shown}");
    assert!(shown.contains("yes; damped: links were lost 4 times\n"), "{shown}");
}

/// What `status --brief` says, and its exit code.
fn verdict(dataplane: &FakeDataplane) -> (String, Option<i32>) {
    let output = dataplane.tandem(&["status", "--brief"]);
    (stdout(&output), output.status.code())
}

/// As [`busy`], with both links up, and every service with what it needs.
fn linked(request: Request) -> Response {
    match busy(request) {
        Response::Services(mut services) => {
            services.services.truncate(1);
            Response::Services(services)
        }
        Response::Status(mut status) => {
            status.nics.iter_mut().for_each(|nic| nic.link_up = true);
            Response::Status(status)
        }
        other => other,
    }
}

#[test]
fn one_line_says_whether_all_is_well() {
    let mut member = pair();
    let (own, peer) = (&mut member.own, member.peer.as_mut().unwrap());
    (own.ready, own.role, own.obstacles) = (true, Role::Active, Vec::new());
    peer.role = Role::Standby;
    member.paths.iter_mut().for_each(|path| path.up = true);
    let well = move |_| Response::Pair(member.clone());
    let dataplane = FakeDataplane::start(linked).with_control(well.clone());
    assert_eq!(verdict(&dataplane), ("WELL: a is active, b is standby\n".to_owned(), Some(0)));

    let unlinked = |request| match linked(request) {
        Response::Status(mut status) => {
            status.nics[1].link_up = false;
            Response::Status(status)
        }
        other => other,
    };
    let dataplane = FakeDataplane::start(unlinked).with_control(well);
    let line = "DEGRADED: a is active, b is standby; the private link is down\n";
    assert_eq!(verdict(&dataplane), (line.to_owned(), Some(1)));

    let alone = move |_| {
        let mut pair = pair();
        pair.own.ready = true;
        pair.paths.iter_mut().for_each(|path| path.up = false);
        Response::Pair(pair)
    };
    let dataplane = FakeDataplane::start(linked).with_control(alone);
    let line = "DEGRADED: a is active; nothing is heard of the peer: this machine does not have \
                10.0.0.2\n";
    assert_eq!(verdict(&dataplane), (line.to_owned(), Some(1)));

    let dataplane = FakeDataplane::start(busy).with_control(|_| Response::Pair(pair()));
    let (line, code) = verdict(&dataplane);
    assert_eq!(code, Some(2), "{line}");
    assert!(line.starts_with("BROKEN: a is "), "{line}");
    assert!(line.contains("; a is not ready: connections are being copied"), "{line}");
    let json = json(&stdout(&dataplane.tandem(&["status", "--brief", "--json"])));
    assert_eq!(json["state"], "broken");

    std::fs::remove_file(&dataplane.socket).unwrap();
    let (line, code) = verdict(&dataplane);
    assert!(line.starts_with("BROKEN: the dataplane does not answer"), "{line}");
    assert_eq!((code, line.lines().count()), (Some(2), 1));
}

#[test]
fn the_pair_is_shown_though_the_dataplane_is_down() {
    let dataplane = FakeDataplane::start(busy).with_control(|_| Response::Pair(pair()));
    std::fs::remove_file(&dataplane.socket).unwrap();
    let output = dataplane.tandem(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    let shown = stdout(&output);
    assert!(shown.starts_with("BROKEN: the dataplane does not answer, b is active\n"), "{shown}");
    assert!(shown.contains("\n    $ systemctl start tandem-dataplane\n"), "{shown}");
    assert!(shown.contains("\nmachines     a standby, not ready; b active, ready\n"), "{shown}");
    assert!(written(&dataplane, &["status", "--full"], 2).ends_with(PAIR));
}

#[test]
fn failover_says_who_is_active_or_why_not() {
    let dataplane = FakeDataplane::start(busy).with_control(|request| {
        assert_eq!(request, Request::Failover);
        Response::Pair(pair())
    });
    assert_eq!(dataplane.shows(&["failover"]), "b is active now, a is standby.\n");
    assert_eq!(json(&dataplane.shows(&["failover", "--json"]))["peer"]["role"], "active");

    let why = "the peer is not ready: the private link is down";
    let dataplane = FakeDataplane::start(busy)
        .with_control(move |_| Response::Failure(Failure::new(FailureKind::NotNow, why)));
    let output = dataplane.tandem(&["failover"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), format!("{why}\n")));
}

#[test]
fn failover_without_control_says_what_to_type() {
    let output = FakeDataplane::start(busy).tandem(&["failover"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("tandem-control is not running"), "{said}");
    assert!(said.contains("systemctl start tandem-control"), "{said}");
}

#[test]
fn services_show_their_servers() {
    assert_eq!(
        FakeDataplane::start(busy).shows(&["services"]),
        "\
web: 198.51.100.10:80 tcp by wlc; 0 connections, in 0 packets 0 B, out 0 packets 0 B
1,200 clients keep their servers.
SERVER        STATE                  RETURN PATH  WEIGHT  EFFECTIVE  ACTIVE  CLOSING  CONNECTIONS  PACKETS IN      IN  PACKETS OUT      OUT
10.0.0.11:80  up                     ok                1          -       3       12        5,000      40,000  4.0 MB       50,000  75.0 MB
10.0.0.12:80  draining, full 80/100  ok                0          -       3       12        5,000      40,000  4.0 MB       50,000  75.0 MB

dns: 198.51.100.10:53 udp by wlc; 0 connections, in 0 packets 0 B, out 0 packets 0 B
It takes 100 connections and has 80: it is full.
It has no servers: clients get no answer.
"
    );
}

#[test]
fn a_server_is_drained_and_enabled() {
    // No tandem-control runs: the dataplane is told, and that this does not last is said.
    const NOTE: &str = "Note: tandem-control does not run, so only the dataplane knows: it holds \
                        until tandem-dataplane is restarted or tandem-control is started, and \
                        the peer does not know of it.\n";
    let dataplane = FakeDataplane::start(busy);
    let shows = |arguments: &[&str]| {
        let shown = dataplane.shows(arguments);
        shown.strip_suffix(NOTE).unwrap_or_else(|| panic!("{shown}")).to_owned()
    };
    assert_eq!(
        shows(&["drain", "web", "10.0.0.11:80"]),
        "10.0.0.11:80 of web gets no new connection. Its 3 connections go on.\n"
    );
    assert_eq!(
        shows(&["enable", "web", "10.0.0.11"]),
        "10.0.0.11:80 of web gets new connections, with weight 1. Its 3 connections go on.\n",
        "the port is found"
    );
    assert_eq!(
        shows(&["enable", "web", "10.0.0.12:80"]),
        "10.0.0.12:80 of web gets no new connection, by weight 0 in the configuration. Its 3 \
         connections go on.\n"
    );
    assert_eq!(
        shows(&["disable", "--server", "10.0.0.11"]),
        "10.0.0.11:80 of web gets no new connection. Its 3 connections go on.\n"
    );
    let answer = json(&dataplane.shows(&["drain", "web", "10.0.0.11:80", "--json"]));
    assert_eq!(answer["servers"][0]["service"], "web");
    assert_eq!(answer["servers"][0]["administrative"], "drain");
    let output = dataplane.tandem(&["weight", "web", "10.0.0.11:80", "default"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("only tandem-control knows the configured weight"));
}

#[test]
fn a_wait_that_is_over_is_told_by_the_exit_code() {
    let dataplane = FakeDataplane::start(busy);
    let output =
        dataplane.tandem(&["drain", "web", "10.0.0.11:80", "--wait", "--timeout", "100ms"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(stderr(&output), "", "no progress but on a terminal");
    let shown = stdout(&output);
    assert!(shown.contains("10.0.0.11:80 of web: 3 connections left after "), "{shown}");
    let output = dataplane.tandem(&["drain", "web", "10.0.0.11:80", "--timeout", "1s"]);
    assert_eq!(output.status.code(), Some(2), "a time-out of no wait");
    let output = dataplane.tandem(&["drain", "web", "10.0.0.11", "--wait", "--timeout", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("write a time such as 30s"));
    for words in [&["weight", "web", "10.0.0.11:80"][..], &["weight", "web", "10.0.0.11", "70000"]]
    {
        assert_eq!(dataplane.tandem(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_not_drained() {
    let dataplane = FakeDataplane::start(busy);
    let output = dataplane.tandem(&["drain", "web", "10.0.0.99:80"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("service web has no server 10.0.0.99:80"));
    let output = dataplane.tandem(&["drain", "web", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("write the server's address"));
}

#[test]
fn neighbours_show_who_did_not_answer_yet() {
    assert_eq!(
        FakeDataplane::start(busy).shows(&["neighbours"]),
        "\
SIDE     ADDRESS       MAC                STATE          AGE
public   198.51.100.1  -                  incomplete      0s
private  10.0.0.11     02:00:00:00:00:11  reachable   1m 15s
"
    );
}

#[test]
fn counters_show_drops_by_number_and_leave_zeros_out() {
    let dataplane = FakeDataplane::start(busy);
    assert_eq!(
        dataplane.shows(&["counters"]),
        "\
COUNTER      CORE  VALUE
busy_cycles     1    600
busy_cycles     2    600
cycles          1  1,000
cycles          2  1,000
rx_packets      1  1,000
rx_packets      2  2,000

BUFFERS OF  IN USE      OF
workers      2,048  20,000
main             0   4,095

DROP REASON    PACKETS  MEANING
no_connection    1,234  not for a service, and no connection is known
bad_checksum         2  the IP header's checksum is wrong
"
    );
    let all = dataplane.shows(&["counters", "--all"]);
    assert!(all.contains("ttl_exceeded ") && all.contains("arp_replies"), "{all}");
}

#[test]
fn what_is_empty_is_said_in_words() {
    let dataplane = FakeDataplane::start(idle);
    assert_eq!(dataplane.shows(&["connections"]), "There are no connections.\n");
    assert_eq!(dataplane.shows(&["connections", "--service", "web"]), "No connection matches.\n");
    assert_eq!(
        dataplane.shows(&["neighbours"]),
        "No neighbours are known yet: nothing was sent or received.\n"
    );
    assert_eq!(dataplane.shows(&["services"]), "There are no services in the configuration.\n");
    assert_eq!(
        dataplane.shows(&["counters"]),
        "Nothing was counted yet.\n\nNo packet was dropped.\n"
    );
}

#[test]
fn connections_are_shown_up_to_a_limit() {
    let shown = FakeDataplane::start(busy).shows(&["connections", "--limit", "2"]);
    assert_eq!(
        shown,
        "\
TYPE     PROTOCOL  STATE        SERVICE  SOURCE                DESTINATION       SENT ON FROM          SENT ON TO      AGE  IDLE  EXPIRES  WORKER
service  tcp       established  web      198.51.100.100:40000  198.51.100.10:80  198.51.100.100:40000  10.0.0.11:80  1h 1m    1s  14m 59s       0
service  tcp       established  web      198.51.100.100:40001  198.51.100.10:80  198.51.100.100:40001  10.0.0.11:80  1h 1m    1s  14m 59s       0
2 shown; there may be more: --all shows all
"
    );
}

#[test]
fn all_connections_are_shown_each_once() {
    let dataplane = FakeDataplane::start(busy);
    let shown = dataplane.shows(&["connections", "--all"]);
    assert_eq!(shown.lines().count() as u64, CONNECTIONS + 1, "a heading and every connection");

    let answer = json(&dataplane.shows(&["connections", "--all", "--json"]));
    let entries = answer["entries"].as_array().unwrap();
    let mut sources: Vec<_> = entries.iter().map(|entry| &entry["original"]["source"]).collect();
    sources.sort_by_key(|source| source.to_string());
    sources.dedup();
    assert_eq!(sources.len() as u64, CONNECTIONS);
    assert_eq!(answer["next"], Value::Null);
    assert_eq!(answer["generation"], 3);
}

#[test]
fn connections_are_filtered() {
    let dataplane = FakeDataplane::start(busy);
    let none = dataplane.shows(&["connections", "--address", "10.0.0.99"]);
    assert_eq!(none, "No connection matches.\n");
    let some = dataplane.shows(&["connections", "--address", "10.0.0.11", "--service", "web"]);
    assert!(some.contains("100 shown; there may be more"), "{some}");
}

#[test]
fn the_first_connections_of_an_order_are_shown() {
    let dataplane = FakeDataplane::start(busy);
    let ages = |words: &[&str]| {
        let words = [&["connections", "--json", "--limit", "3"], words].concat();
        let answer = json(&dataplane.shows(&words));
        assert_eq!(answer["next"], Value::Null);
        let entries = answer["entries"].as_array().unwrap().clone();
        entries.iter().map(|one| one["age_seconds"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // Both halves of the connections have some of them.
    assert_eq!(ages(&["--sort", "age"]), [4699, 4699, 4698]);
    assert_eq!(ages(&["--sort", "age", "--reverse"]), [3700, 3700, 3700]);
    let many = dataplane.tandem(&["connections", "--sort", "age", "--limit", "1001"]);
    assert_eq!(many.status.code(), Some(2));
    assert!(stderr(&many).contains("the first 1000"), "{}", stderr(&many));
}

#[test]
fn connections_are_counted() {
    let dataplane = FakeDataplane::start(busy);
    assert_eq!(dataplane.shows(&["connections", "--count"]), "2,500 connections\n");
    let none = ["connections", "--count", "--client", "203.0.113.0/24"];
    assert_eq!(dataplane.shows(&none), "0 connections\n");
    let answer = json(&dataplane.shows(&["connections", "--count", "--json"]));
    assert_eq!((&answer["connections"], &answer["generation"]), (&2500.into(), &3.into()));
    assert_eq!(
        dataplane.shows(&["connections", "--by", "server"]),
        "\
SERVER        CONNECTIONS    SHARE
10.0.0.11:80        2,500  100.0 %
"
    );
    let answer = json(&dataplane.shows(&["connections", "--by", "service", "--json"]));
    let group = serde_json::json!({ "name": "web", "connections": 2500 });
    assert_eq!((&answer["by"], &answer["groups"][0]), (&"service".into(), &group));
}

#[test]
fn a_filter_that_means_nothing_is_a_mistake() {
    let socket = path();
    for (option, wrong, remedy) in [
        ("--client", "203.0.113", "203.0.113.0/24"),
        ("--server", "web", "10.0.0.11:80"),
        ("--state", "open", "ESTABLISHED"),
        ("--protocol", "sctp", "tcp"),
        ("--kind", "nat", "masquerade"),
        ("--idle", "5", "5m"),
        ("--age-under", "old", "5m"),
    ] {
        for command in ["connections", "kill"] {
            let output = tandem(&socket, &[command, option, wrong]);
            assert_eq!(output.status.code(), Some(2));
            let words = stderr(&output);
            assert!(words.contains(option) && words.contains(remedy), "{words}");
        }
    }
}

/// A dataplane that ends what is there in three parts, and counts what it was asked.
fn killing(asked: &Arc<Mutex<Vec<api::Kill>>>) -> FakeDataplane {
    let asked = Arc::clone(asked);
    FakeDataplane::start(move |request| match request {
        Request::Kill(kill) => {
            let part = kill.cursor.map_or(0, |cursor| cursor.index);
            asked.lock().unwrap().push(kill);
            let next = (part < 2).then_some(api::Cursor { worker: 0, index: part + 1 });
            Response::Killed(api::Killed { connections: 500, next, generation: 3 })
        }
        other => busy(other),
    })
}

#[test]
fn connections_are_killed_part_by_part() {
    let asked = Arc::default();
    let dataplane = killing(&asked);
    let words = ["kill", "--client", "203.0.113.9", "--state", "established,syn_recv", "--yes"];
    assert_eq!(dataplane.shows(&words), "1,500 connections were ended.\n");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|kill| kill.filter == asked[0].filter && !kill.all));
    let words = "client 203.0.113.9/32, state ESTABLISHED or SYN_RECV";
    assert_eq!(asked[0].filter.to_string(), words);
}

#[test]
fn nothing_is_killed_without_a_filter_or_without_agreement() {
    let asked = Arc::default();
    let dataplane = killing(&asked);
    for (words, remedy) in [
        (&["kill"][..], "--all"),
        (&["kill", "--yes"], "--all"),
        (&["kill", "--all", "--service", "web", "--yes"], "leave it out"),
        // Standard input is no terminal.
        (&["kill", "--service", "web"], "--yes"),
        (&["kill", "--all", "--json"], "--yes"),
    ] {
        let output = dataplane.tandem(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let said = [stdout(&output), stderr(&output)].concat();
        assert!(said.contains(remedy), "{said}");
    }
    let dry = dataplane.shows(&["kill", "--service", "web", "--dry-run"]);
    assert_eq!(dry, "2,500 connections would end.\n");
    let none = dataplane.shows(&["kill", "--service", "dns", "--dry-run"]);
    assert_eq!(none, "No connection matches.\n");
    assert_eq!(asked.lock().unwrap().len(), 0);
    // The control.
    let all = json(&dataplane.shows(&["kill", "--all", "--yes", "--json"]));
    assert_eq!((&all["connections"], &all["dry_run"]), (&1500.into(), &false.into()));
    assert!(asked.lock().unwrap().iter().all(|kill| kill.all && kill.filter.is_empty()));
}

/// What `kill` shows on a terminal, when the operator types this answer.
fn on_a_terminal(dataplane: &FakeDataplane, answer: &str) -> String {
    let (tandem, socket) = (env!("CARGO_BIN_EXE_tandem"), dataplane.socket.display());
    let line = format!("{tandem} --socket {socket} kill --service web");
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    script.stdin.as_mut().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    stdout(&output)
}

#[test]
fn on_a_terminal_the_operator_is_asked_first() {
    let asked = Arc::default();
    let dataplane = killing(&asked);
    for answer in ["n\n", "\n", "maybe\n"] {
        let shown = on_a_terminal(&dataplane, answer);
        let question = "2,500 connections would end (service web). End them? [y/N]";
        assert!(shown.contains(question) && shown.contains("Nothing was ended."), "{shown}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
    let shown = on_a_terminal(&dataplane, "y\n");
    assert!(shown.contains("1,500 connections were ended."), "{shown}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[test]
fn what_was_ended_before_a_failure_is_told() {
    let dataplane = FakeDataplane::start(|request| match request {
        Request::Kill(kill) if kill.cursor.is_none() => {
            let next = Some(api::Cursor { worker: 0, index: 1 });
            Response::Killed(api::Killed { connections: 7, next, generation: 3 })
        }
        _ => Failure::new(FailureKind::NotNow, "this machine is on standby").into(),
    });
    let output = dataplane.tandem(&["kill", "--all", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "7 connections ended before this went wrong:\n");
    assert_eq!(stderr(&output), "this machine is on standby\n");
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let dataplane = FakeDataplane::start(busy);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .arg("--socket")
        .arg(&dataplane.socket)
        .args(["connections", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn json_is_the_answer_itself() {
    let dataplane = FakeDataplane::start(busy);
    let status = json(&written(&dataplane, &["--json", "status"], 1));
    assert_eq!(status["role"], "active");
    assert_eq!(status["nics"][0]["counters"]["rx_bytes"], 1_500_000_000_u64);
    let services = json(&dataplane.shows(&["services", "--json"]));
    assert_eq!(services["services"][0]["servers"][1]["state"], "draining");
    assert_eq!(services["generation"], 3);
    let counters = json(&dataplane.shows(&["counters", "--json"]));
    assert_eq!(counters["drops"][2]["packets"], 0, "zeros are in the JSON");
    assert_eq!(counters["generation"], 3);
    let neighbours = json(&dataplane.shows(&["neighbours", "--json"]));
    assert_eq!(neighbours["entries"][0]["mac"], Value::Null);
}

#[test]
fn reload_says_what_is_in_force() {
    let dataplane = FakeDataplane::start(|request| {
        assert_eq!(request, Request::Reload(Reload { path: None }));
        Response::Reloaded(Reloaded { generation: 4, warnings: vec!["f:1:1: warning: odd".into()] })
    });
    assert_eq!(
        dataplane.shows(&["reload"]),
        "f:1:1: warning: odd\nGeneration 4 of the configuration is in force.\n"
    );
    assert_eq!(json(&dataplane.shows(&["reload", "--json"]))["generation"], 4);
}

#[test]
fn a_reload_with_mistakes_shows_them_and_exits_with_2() {
    let dataplane = FakeDataplane::start(|_| {
        let message = "the file has 1 mistake; the running configuration stays";
        Response::Failure(
            Failure::new(FailureKind::Configuration, message)
                .with_details(vec!["f:1:1: wrong; right".into()]),
        )
    });
    let output = dataplane.tandem(&["reload"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    assert_eq!(
        stderr(&output),
        "the file has 1 mistake; the running configuration stays\n  f:1:1: wrong; right\n"
    );
    let output = dataplane.tandem(&["reload", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(json(&stdout(&output))["error"]["details"][0], "f:1:1: wrong; right");
    assert_eq!(stderr(&output), "");
}

#[test]
fn another_failure_exits_with_1() {
    let dataplane =
        FakeDataplane::start(|_| Response::Failure(Failure::new(FailureKind::Busy, "try again")));
    let output = dataplane.tandem(&["counters"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), "try again\n"));
}

#[test]
fn no_dataplane_is_said_with_what_to_type() {
    let socket = path();
    let output = tandem(&socket, &["services"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "the dataplane is not running: nothing answers on {}; start it with: systemctl start \
             tandem-dataplane\n",
            socket.display()
        )
    );
    let output = tandem(&socket, &["services", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let message = json(&stdout(&output))["error"]["message"].to_string();
    assert!(message.contains("the dataplane is not running"), "{message}");
}

/// Root may use every socket, so the command runs as nobody.
#[test]
fn a_socket_of_another_user_is_said_with_what_to_type() {
    let socket = path();
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    let root = std::fs::metadata("/proc/self").unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&root) == 0;
    let binary = std::env::temp_dir().join(format!("tandem-copy-{}", std::process::id()));
    // The build's folder may be closed to nobody.
    std::fs::copy(env!("CARGO_BIN_EXE_tandem"), &binary).unwrap();
    let mut command = Command::new(&binary);
    if is_root {
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    }
    let output = command.arg("--socket").arg(&socket).arg("status").output().unwrap();
    std::fs::remove_file(&socket).unwrap();
    std::fs::remove_file(&binary).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "this user may not use {}; run the command as root: sudo tandem ...\n",
            socket.display()
        )
    );
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let socket = path();
    for arguments in [&[][..], &["explode"], &["status", "--limit", "1"], &["check"]] {
        assert_eq!(tandem(&socket, arguments).status.code(), Some(2), "{arguments:?}");
    }
    let both = tandem(&socket, &["connections", "--all", "--limit", "3"]);
    assert_eq!(both.status.code(), Some(2));
}

/// A dataplane that runs this text.
fn running(text: &'static str) -> FakeDataplane {
    FakeDataplane::start(move |request| match request {
        Request::Sources(page) => {
            let at = (page.file, page.offset);
            let files = [("/etc/tandem/tandem.toml", text)];
            Response::SourcesInForce(SourcesInForce::page(7, "digest".to_owned(), files, at))
        }
        request => busy(request),
    })
}

const EXAMPLE: &str = include_str!("../../docs/examples/tandem.toml");

/// What `tandem diff` says of the example after each `from` has become its `to`.
fn diff(changes: &[(&str, &str)], more: &[&str]) -> (Option<i32>, String, String) {
    let dataplane = running(EXAMPLE);
    let file = dataplane.socket.with_file_name("new.toml");
    let change = |text: String, (from, to): &(&str, &str)| text.replacen(from, to, 1);
    std::fs::write(&file, changes.iter().fold(EXAMPLE.to_owned(), change)).unwrap();
    let output = dataplane.tandem(&[&["diff", file.to_str().unwrap()], more].concat());
    let name = |text: String| text.replace(file.to_str().unwrap(), "new.toml");
    (output.status.code(), name(stdout(&output)), name(stderr(&output)))
}

#[test]
fn diff_says_what_a_reload_would_change() {
    let nothing = "A reload of new.toml changes nothing: generation 7 is the same.\n".to_owned();
    assert_eq!(diff(&[("scheduler = \"wlc\"\n", "")], &[]), (Some(0), nothing, String::new()));
    let (code, shown, said) = diff(
        &[
            ("scheduler = \"wlc\"", "scheduler = \"wrr\""),
            ("10.0.0.12:80\", weight = 1", "10.0.0.12:80\", weight = 9"),
            ("{ address = \"10.0.0.12:53\" }", ""),
        ],
        &[],
    );
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert_eq!(
        shown,
        "\
service web: scheduler: \"wlc\" -> \"wrr\"
service web, server 10.0.0.12:80: weight: 1 -> 9
service dns, server 10.0.0.12:53: removed

This is what a reload of new.toml changes; generation 7 is in force.
"
    );
}

#[test]
fn diff_says_what_takes_a_restart() {
    let (code, shown, _) = diff(&[("workers = [1]", "workers = [1, 2]")], &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        shown,
        "\
node: workers: [1] -> [1, 2]

A reload would be refused: these take a restart of tandem-dataplane:
  node.workers: [1] now, [1, 2] in the file
"
    );
    let (code, shown, _) = diff(&[("workers = [1]", "workers = [1]\nlog = \"debug\"")], &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        shown,
        "\
node: log: not set -> \"debug\"

A reload would be refused: these take a restart of tandem-dataplane:
  node.log: info now, debug in the file
These take a restart of tandem-control, and a reload is refused before it:
  node.log: info now, debug in the file
"
    );
}

#[test]
fn diff_as_json_names_every_part() {
    let (code, shown, _) = diff(&[("weight = 1", "weight = 4")], &["--json"]);
    let answer = json(&shown);
    assert_eq!((code, answer["differs"].as_bool()), (Some(1), Some(true)));
    let change = &answer["changes"][0];
    assert_eq!((&change["change"], &change["section"]), (&"changed".into(), &"service".into()));
    assert_eq!((&change["name"], &change["server"]), (&"web".into(), &"10.0.0.11:80".into()));
    assert_eq!(
        (&change["key"], &change["old"], &change["new"]),
        (&"weight".into(), &"1".into(), &"4".into())
    );
    let (code, shown, _) = diff(&[], &["--json"]);
    assert_eq!((code, json(&shown)["differs"].as_bool()), (Some(0), Some(false)));
}

#[test]
fn diff_exits_with_2_when_there_is_nothing_to_compare() {
    let (code, _, said) = diff(&[("workers = [1]", "workers = []")], &[]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("new.toml:6:"), "{said}");
    let dataplane = running("no TOML");
    let output = dataplane.tandem(&["diff", "../docs/examples/tandem.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let output = tandem(&path(), &["diff", "../docs/examples/tandem.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the dataplane is not running"), "{}", stderr(&output));
}

#[test]
fn reload_asks_control_first_and_the_dataplane_where_there_is_none() {
    let by_control = |_| {
        Response::Reloaded(Reloaded { generation: 9, warnings: vec!["[node] has changed".into()] })
    };
    let dataplane = FakeDataplane::start(busy).with_control(by_control);
    assert_eq!(
        dataplane.shows(&["reload"]),
        "[node] has changed\nGeneration 9 of the configuration is in force.\n"
    );
    for kind in [FailureKind::NotNow, FailureKind::Malformed] {
        let dataplane = FakeDataplane::start(|_| {
            Response::Reloaded(Reloaded { generation: 4, warnings: Vec::new() })
        })
        .with_control(move |_| Failure::new(kind, "not by me").into());
        assert_eq!(
            dataplane.shows(&["reload"]),
            "Generation 4 of the configuration is in force.\n"
        );
    }
    let dataplane = FakeDataplane::start(busy)
        .with_control(|_| Failure::new(FailureKind::Configuration, "wrong").into());
    assert_eq!(dataplane.tandem(&["reload"]).status.code(), Some(2));
}
