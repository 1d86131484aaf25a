//! Each kind of trouble is told, with what to type; and a healthy pair has none.

use std::path::PathBuf;

use api::client::ClientError;
use api::{
    Administrative, ConnectionLimit, Counters, DropCount, Failure, FailureKind, Member, MempoolUse,
    Nic, NicState, NotUnderstood, Operational, Pair, Path, PeerExchange, PersistenceStatus, Pool,
    PoolMode, PoolServer, Pools, ReturnPath, Role, ServerStatus, ServiceStatus, Services, Side,
    Status, SuspectCause, SyncLink, SyncState, SyncStatus, Version, Versions, WorkerStatus,
};

use super::*;
use crate::command::rates::{NicRates, Rates};

/// A pair without a trouble.
fn healthy() -> Known {
    let nic = |side, address: &str, floating: &str| Nic {
        side,
        link_up: true,
        speed_mbps: Some(10_000),
        address: address.to_owned(),
        floating: vec![floating.to_owned()],
        ..Nic::default()
    };
    let server = || ServerStatus {
        address: ([10, 0, 0, 11], 80).into(),
        weight: 1,
        return_path: ReturnPath::Ok,
        ..ServerStatus::default()
    };
    let in_pool = PoolServer {
        service: "web".to_owned(),
        address: ([10, 0, 0, 11], 80).into(),
        operational: Operational::Up,
        ..PoolServer::default()
    };
    let member =
        |name: &str, role| Member { name: name.to_owned(), role, ready: true, ..Member::default() };
    let path = |local: &str, remote: &str| Path {
        local: local.to_owned(),
        remote: remote.to_owned(),
        up: true,
        ..Path::default()
    };
    Known {
        status: Ok(Status {
            version: "0.1.0".to_owned(),
            node: "a".to_owned(),
            connections_limit: 1_000_000,
            workers: vec![WorkerStatus { core: 1, connections: 12, ..WorkerStatus::default() }],
            nics: vec![
                nic(Side::Public, "198.51.100.2/24", "198.51.100.10/24"),
                nic(Side::Private, "10.0.0.2/24", "10.0.0.1/24"),
            ],
            ..Status::default()
        }),
        services: Some(Services {
            services: vec![ServiceStatus {
                name: "web".to_owned(),
                servers: vec![server()],
                ..ServiceStatus::default()
            }],
            ..Services::default()
        }),
        counters: Some(Counters {
            drops: vec![DropCount {
                name: "no_connection".to_owned(),
                packets: 9,
                ..DropCount::default()
            }],
            mempools: vec![MempoolUse { name: "workers".to_owned(), size: 1000, in_use: 10 }],
            ..Counters::default()
        }),
        pair: KnownPair::Pair(Box::new(Pair {
            version: "0.1.0".to_owned(),
            own: member("a", Role::Active),
            peer: Some(member("b", Role::Standby)),
            paths: vec![path("198.51.100.2", "198.51.100.3"), path("10.0.0.2", "10.0.0.3")],
            silence_millis: Some(12),
            sync: api::Sync {
                link: SyncLink::Sending,
                path: Some("198.51.100.3".to_owned()),
                dataplane: SyncStatus { state: SyncState::Following, ..SyncStatus::default() },
                ..api::Sync::default()
            },
            ..Pair::default()
        })),
        pools: Some(Pools {
            pools: vec![Pool {
                service: "web".to_owned(),
                quorum: true,
                servers: vec![in_pool],
                ..Pool::default()
            }],
            ..Pools::default()
        }),
        versions: Some(Versions::default()),
    }
}

fn status(known: &mut Known) -> &mut Status {
    known.status.as_mut().unwrap()
}

fn pair(known: &mut Known) -> &mut Pair {
    let KnownPair::Pair(pair) = &mut known.pair else { panic!("there is a pair") };
    pair
}

fn server(known: &mut Known) -> &mut ServerStatus {
    &mut known.services.as_mut().unwrap().services[0].servers[0]
}

fn pool(known: &mut Known) -> &mut Pool {
    &mut known.pools.as_mut().unwrap().pools[0]
}

/// The verdict after this was made wrong.
fn after(wrong: impl Fn(&mut Known)) -> Verdict {
    let mut known = healthy();
    wrong(&mut known);
    judge(&known, None)
}

/// The one trouble there is then, in words, and what to type.
#[track_caller]
fn is_told(state: State, what: &str, remedy: &str, wrong: impl Fn(&mut Known)) {
    let verdict = after(wrong);
    let told: Vec<_> = verdict.troubles.iter().map(|trouble| trouble.what.as_str()).collect();
    assert_eq!(told, [what]);
    assert_eq!(verdict.state, state);
    let lines = verdict.troubles[0].remedy.join("\n");
    assert!(lines.contains(remedy), "{lines}");
}

#[test]
fn a_healthy_pair_says_so() {
    let verdict = after(|_| ());
    assert_eq!(verdict.line(), "WELL: a is active, b is standby");
    assert!(verdict.outcome().is_ok());
    assert!(verdict.troubles.is_empty());
}

#[test]
fn a_machine_by_itself_is_well_without_a_peer() {
    let verdict = after(|known| known.pair = KnownPair::Alone("there is no [peer]".to_owned()));
    assert_eq!(verdict.line(), "WELL: a is active");
}

#[test]
fn a_dataplane_that_does_not_answer_is_broken() {
    let socket = || PathBuf::from("/run/tandem/dataplane.sock");
    let timeout = || core::time::Duration::from_secs(3);
    let cases: [(ClientError, &str); 5] = [
        (ClientError::NotRunning(socket()), "systemctl start tandem-dataplane"),
        (Failure::new(FailureKind::Busy, "busy").into(), "journalctl -u tandem-dataplane"),
        (ClientError::OtherAnswer, "dpkg -l 'tandem*'"),
        (ClientError::Closed(socket()), "journalctl -u tandem-dataplane"),
        (
            ClientError::Timeout { path: socket(), timeout: timeout() },
            "journalctl -u tandem-dataplane",
        ),
    ];
    for (error, remedy) in cases {
        let mut known = healthy();
        known.status = Err(Silence::of_dataplane(&error));
        let verdict = judge(&known, None);
        assert_eq!(verdict.state, State::Broken);
        assert!(verdict.summary.starts_with("the dataplane does not answer"), "{verdict:?}");
        assert!(verdict.troubles[0].remedy.iter().any(|line| line.contains(remedy)), "{verdict:?}");
    }
}

#[test]
fn troubles_of_the_machine() {
    use State::{Broken, Degraded};
    is_told(Degraded, "the public link is down", "cable", |known| {
        status(known).nics[0].link_up = false;
    });
    is_told(Degraded, "the private NIC was reset", "systemctl restart tandem-dataplane", |known| {
        status(known).nics[1].state = NicState::Reset;
    });
    is_told(Degraded, "the private NIC was removed", "tandem doctor", |known| {
        status(known).nics[1].state = NicState::Removed;
    });
    is_told(
        Degraded,
        "the table of connections is 95 % full: 950,000 of 1,000,000",
        "tandem sources",
        |known| status(known).workers[0].connections = 950_000,
    );
    is_told(
        Degraded,
        "packet buffers run out (workers): 990 of 1,000 are in use",
        "tandem counters",
        |known| known.counters.as_mut().unwrap().mempools[0].in_use = 990,
    );
    is_told(
        Degraded,
        "tandem-dataplane is release 0.0.9, tandem-control 0.1.0",
        "dpkg -l",
        |known| status(known).version = "0.0.9".to_owned(),
    );
    is_told(
        Degraded,
        "version 4 of the configuration is taken back at 2026-03-01 12:00:00 UTC unless it is confirmed",
        "tandem config confirm",
        |known| {
            let confirm_by = Some(1_772_366_400_000);
            let newest = Version { number: 4, confirm_by, ..Version::default() };
            known.versions = Some(Versions { versions: vec![newest] });
        },
    );
    is_told(Broken, "this machine is standby", "systemctl restart tandem-control", |known| {
        known.pair = KnownPair::Alone("there is no [peer]".to_owned());
        status(known).role = Role::Standby;
    });
}

#[test]
fn packets_that_are_lost_just_now() {
    let nic = NicRates { side: Side::Public, rx_lost: 1234.0, ..NicRates::default() };
    let rates = Rates { nics: vec![nic], ..Rates::default() };
    let verdict = judge(&healthy(), Some(&rates));
    assert_eq!(verdict.troubles[0].what, "the public NIC loses 1.2k packets/s");
    assert_eq!(verdict.troubles[0].remedy[0], "tandem top --by workers");
    assert_eq!(judge(&healthy(), Some(&Rates::default())).state, State::Well);
}

#[test]
fn troubles_of_the_pair() {
    use State::{Broken, Degraded};
    let socket = || PathBuf::from("/run/tandem/control.sock");
    let not_running = "tandem-control is not running: nothing answers on /run/tandem/control.sock";
    is_told(Degraded, not_running, "systemctl start tandem-control", |known| {
        known.pair = KnownPair::Silent(Silence::of_control(&ClientError::NotRunning(socket())));
    });
    let unheard = "nothing is heard of the peer: it speaks version 9: install the same release";
    is_told(Degraded, unheard, "tandem --version", |known| {
        for path in &mut pair(known).paths {
            path.up = false;
            path.trouble = Some("it speaks version 9: install the same release".to_owned());
        }
    });
    is_told(Broken, "a is not ready: the public link is down", "cable", |known| {
        // The NIC is told once, where it matters most.
        status(known).nics[0].link_up = false;
        let own = &mut pair(known).own;
        (own.ready, own.obstacles) = (false, vec!["the public link is down".to_owned()]);
    });
    is_told(
        Degraded,
        "b is not ready: connections are being copied",
        "on b: tandem status",
        |known| {
            let peer = pair(known).peer.as_mut().unwrap();
            (peer.ready, peer.obstacles) = (false, vec!["connections are being copied".to_owned()]);
        },
    );
    is_told(
        Degraded,
        "no heartbeat of the peer arrives",
        "systemctl status tandem-control",
        |known| {
            pair(known).paths.iter_mut().for_each(|path| path.up = false);
        },
    );
    is_told(
        Degraded,
        "no heartbeat from 10.0.0.3 to 10.0.0.2: this machine does not have 10.0.0.2",
        "ping -c 3 -I 10.0.0.2 10.0.0.3",
        |known| {
            let path = &mut pair(known).paths[1];
            path.up = false;
            path.trouble = Some("this machine does not have 10.0.0.2".to_owned());
        },
    );
    is_told(Degraded, "no heartbeat from 10.0.0.3 to 10.0.0.2", "tandem key status", |known| {
        let path = &mut pair(known).paths[1];
        (path.up, path.refused) = (false, vec![("authentication".to_owned(), 7)]);
    });
    is_told(Degraded, "connection sync is down: it was refused", "TCP port 7405", |known| {
        let sync = &mut pair(known).sync;
        (sync.link, sync.trouble) = (SyncLink::Down, Some("it was refused".to_owned()));
    });
    is_told(Degraded, "a is damped: links were lost 6 times", "by itself", |known| {
        pair(known).own.damped = Some("links were lost 6 times".to_owned());
    });
    is_told(Degraded, "both machines are active", "journalctl -u tandem-control", |known| {
        pair(known).peer.as_mut().unwrap().role = Role::Active;
    });
    is_told(Broken, "neither machine is active: clients get no answer", "tandem doctor", |known| {
        pair(known).own.role = Role::Standby;
    });
    is_told(Degraded, "the peer speaks version 99", "journalctl", |known| {
        let why = "the peer speaks version 99".to_owned();
        pair(known).not_understood = Some(NotUnderstood { active: None, why });
    });
    for (warning, remedy) in [
        ("the peer has another configuration than this machine, in: service", "tandem diff"),
        ("the peer has the same node.name \"a\" as this machine", "restart tandem-control"),
        ("heartbeats are sealed with a key that this machine does not have", "tandem key status"),
        ("the peer runs, but its heartbeats are not understood", "tandem --version"),
        ("next hops on the public side that do not answer ARP", "tandem neighbours"),
        ("the peer has other timers", "journalctl"),
    ] {
        is_told(Degraded, warning, remedy, |known| {
            pair(known).warnings = vec![warning.to_owned()];
        });
    }
}

/// One machine is better than none: holding a part of the connections is no reason to be broken.
#[test]
fn a_standby_machine_that_holds_a_part_is_degraded() {
    let verdict = after(|known| {
        let pair = pair(known);
        (pair.own.role, pair.own.ready) = (Role::Standby, false);
        pair.own.obstacles = vec!["holds 1 of 2 connections, raise node.connections".to_owned()];
        pair.peer.as_mut().unwrap().role = Role::Active;
        pair.sync.dataplane.missing = 1;
    });
    assert_eq!(verdict.state, State::Degraded);
    assert!(verdict.troubles[0].remedy[0].contains("raise node.connections"), "{verdict:?}");
}

#[test]
fn troubles_of_services_and_servers() {
    use State::Degraded;
    is_told(
        Degraded,
        "10.0.0.11:80 of web: DOWN 40s (http: 500 after 12 ms)",
        "tandem disable web 10.0.0.11:80",
        |known| {
            let server = &mut pool(known).servers[0];
            (server.operational, server.since_seconds) = (Operational::Down, 40);
            server.reason = "http: 500 after 12 ms".to_owned();
        },
    );
    is_told(
        Degraded,
        "service web: all servers are down; clients are refused",
        "services",
        |known| {
            pool(known).mode = PoolMode::AllDownRefuse;
        },
    );
    is_told(Degraded, "service web: its quorum is lost", "tandem services", |known| {
        pool(known).quorum = false;
    });
    is_told(
        Degraded,
        "10.0.0.11:80 of web does not send its answers through the gateway address",
        "on 10.0.0.11: ip route replace default via 10.0.0.1",
        |known| server(known).return_path = ReturnPath::Missing,
    );
    is_told(Degraded, "clients fail at 10.0.0.11:80 of web: refused", "tandem services", |known| {
        server(known).suspect = Some(SuspectCause::Refused);
    });
    is_told(
        Degraded,
        "service web takes no new connection: it has 100 of 100",
        "tandem top --by servers",
        |known| {
            let limit = ConnectionLimit { most: 100, resume_below: 90, counted: 100, full: true };
            known.services.as_mut().unwrap().services[0].limit = Some(limit);
        },
    );
    is_told(
        Degraded,
        "service web has no servers: clients get no answer",
        "tandem reload",
        |known| {
            known.services.as_mut().unwrap().services[0].servers.clear();
        },
    );
    is_told(Degraded, "the table of persistent clients is full: 10", "persistence", |known| {
        let table = PersistenceStatus { clients: 10, limit: 10, evicted_total: 1 };
        known.services.as_mut().unwrap().persistence = table;
    });
    is_told(Degraded, "the maintenance folder cannot be read", "tandem services", |known| {
        let warning = "the maintenance folder cannot be read".to_owned();
        known.pools.as_mut().unwrap().warnings = vec![warning];
    });
    is_told(
        Degraded,
        "the peer does not get the states of servers: no path",
        "journalctl -u tandem-control",
        |known| {
            let trouble = Some("no path".to_owned());
            let exchange = PeerExchange { trouble, ..PeerExchange::default() };
            known.pools.as_mut().unwrap().peer = Some(exchange);
        },
    );
}

#[test]
fn a_server_in_maintenance_is_no_trouble() {
    let verdict = after(|known| {
        let server = &mut pool(known).servers[0];
        server.operational = Operational::Down;
        server.administrative = Administrative::Maintenance;
    });
    assert_eq!(verdict.state, State::Well);
}

/// A hundred servers that are down, and everything else as well.
fn ruined() -> Known {
    let mut known = healthy();
    let down = |last: u8| PoolServer {
        service: "web".to_owned(),
        address: ([10, 0, 0, last], 80).into(),
        operational: Operational::Down,
        reason: "http: the answer has the status 500 where 200 to 299 was wanted".to_owned(),
        ..PoolServer::default()
    };
    pool(&mut known).servers = (0..100).map(down).collect();
    let pair = pair(&mut known);
    pair.own.ready = false;
    pair.own.obstacles =
        vec!["the public link is down".to_owned(), "a worker is stalled".to_owned()];
    pair.paths[1].up = false;
    pair.warnings = vec!["a long warning that goes on and on ".repeat(8)];
    known
}

#[test]
fn what_is_wrong_comes_first_and_all_fits_into_80_by_24() {
    let known = ruined();
    let verdict = judge(&known, None);
    let layout = Layout { size: Some((80, 24)), has_colours: false };
    let lines = screen::lines(&known, &verdict, None, layout);
    let text = lines.join("\n");
    assert!(lines.len() <= 23, "{} lines:\n{text}", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    assert_eq!(lines[0], "BROKEN: a is active, b is standby");
    assert_eq!(lines[1], "* a is not ready: the public link is down; a worker is stalled");
    assert!(text.contains("    $ tandem doctor"), "{text}");
    assert!(text.contains("tandem status --full"), "{text}");
    assert!(text.contains("\nmachines     a active, not ready; b standby, ready"), "{text}");
    assert!(text.contains("\nservers      0 of 100 up in 1 service"), "{text}");

    let all = screen::lines(&known, &verdict, None, Layout::default()).join("\n");
    assert!(all.contains("goes on and on a long warning that goes on and on"), "it is not broken");
    assert!(!all.contains("--full"), "{all}");
}

#[test]
fn small_terminals_get_what_fits() {
    let known = ruined();
    let verdict = judge(&known, None);
    for (columns, rows) in [(20, 5), (40, 12), (200, 60), (1, 1)] {
        let layout = Layout { size: Some((columns, rows)), has_colours: true };
        assert!(!screen::lines(&known, &verdict, None, layout).is_empty());
    }
}

#[test]
fn the_verdict_is_coloured_where_that_is_wanted() {
    let known = healthy();
    let verdict = judge(&known, None);
    let lines = |has_colours| {
        screen::lines(&known, &verdict, None, Layout { size: None, has_colours }).join("\n")
    };
    assert!(lines(true).starts_with("\x1b[32mWELL: a is active, b is standby\x1b[0m"));
    assert!(!lines(false).contains('\x1b'));
}

#[test]
fn a_control_that_is_of_another_kind_is_alone() {
    let failure = Failure::new(FailureKind::NotNow, "there is no [peer]".to_owned());
    assert!(matches!(KnownPair::of(Err(failure.into())), KnownPair::Alone(_)));
}
