//! What a dataplane would say, on a real socket with the real framing.

#![allow(dead_code)] // Not every test needs all of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use api::{
    Change, Connection, ConnectionCounts, ConnectionGroup, ConnectionKind, ConnectionLimit,
    Connections, CountConnections, Counters, Cursor, DropCount, Endpoints, Member, MempoolUse,
    Neighbour, NeighbourState, Neighbours, Nic, NicCounters, Page, Pair, PersistenceStatus,
    Request, Response, Role, ServerChange, ServerState, ServerStatus, ServiceStatus, Services,
    SetServers, Side, Status, SyncLink, SyncState, SyncStatus, WorkerCounters, WorkerStatus,
    server,
};

/// A listener that answers each client as it was told to.
pub(crate) struct FakeDataplane {
    pub(crate) socket: PathBuf,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl FakeDataplane {
    /// Answers from now on. The thread ends with the test's process.
    pub(crate) fn start(answer: impl Fn(Request) -> Response + Send + 'static) -> Self {
        let socket = path();
        listen(&socket, answer);
        FakeDataplane { socket }
    }

    /// The same with a tandem-control beside it.
    pub(crate) fn with_control(
        self,
        answer: impl Fn(Request) -> Response + Send + 'static,
    ) -> Self {
        listen(&self.socket.with_file_name("control.sock"), answer);
        self
    }

    pub(crate) fn tandem(&self, arguments: &[&str]) -> Output {
        tandem(&self.socket, arguments)
    }

    /// What the command shows; it must succeed and say nothing on standard error.
    pub(crate) fn shows(&self, arguments: &[&str]) -> String {
        let output = self.tandem(arguments);
        assert_eq!(stderr(&output), "");
        assert_eq!(output.status.code(), Some(0));
        stdout(&output)
    }
}

impl Drop for FakeDataplane {
    fn drop(&mut self) {
        let _ = self.socket.parent().map(std::fs::remove_dir_all);
    }
}

fn listen(socket: &Path, answer: impl Fn(Request) -> Response + Send + 'static) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = server::serve(&mut stream, &answer);
        }
    });
}

/// A path for a socket that nobody else uses.
pub(crate) fn path() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("tandem-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("dataplane.sock")
}

/// Runs the real binary.
pub(crate) fn tandem(socket: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .arg("--socket")
        .arg(socket)
        .args(arguments)
        .output()
        .unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Answers of a machine with something to show.
pub(crate) fn busy(request: Request) -> Response {
    match request {
        Request::Status => Response::Status(status()),
        Request::Counters => Response::Counters(counters()),
        Request::Services => Response::Services(services()),
        Request::SetServers(changes) => set_servers(&changes),
        Request::Connections(page) => Response::Connections(connections(&page)),
        Request::CountConnections(count) => Response::ConnectionCounts(counted(&count)),
        Request::Neighbours => Response::Neighbours(neighbours()),
        other => panic!("{other:?} was not expected"),
    }
}

/// Answers of a machine that nothing has happened on.
pub(crate) fn idle(request: Request) -> Response {
    match request {
        Request::Counters => Response::Counters(Counters::default()),
        Request::Services => Response::Services(Services::default()),
        Request::Connections(_) => Response::Connections(Connections::default()),
        Request::Neighbours => Response::Neighbours(Neighbours::default()),
        other => panic!("{other:?} was not expected"),
    }
}

fn status() -> Status {
    let nic = |side, device: &str, mac: &str, address: &str, floating: &str| Nic {
        side,
        device: device.into(),
        mac: mac.into(),
        mtu: 1500,
        state: api::NicState::Present,
        link_up: true,
        speed_mbps: Some(10_000),
        address: address.into(),
        floating: vec![floating.into()],
        counters: NicCounters {
            rx_packets: 1_234_567,
            rx_bytes: 1_500_000_000,
            ..NicCounters::default()
        },
        ..Nic::default()
    };
    let mut private =
        nic(Side::Private, "0000:03:00.1", "02:00:00:00:00:02", "10.0.0.2/24", "10.0.0.1/24");
    (private.link_up, private.speed_mbps) = (false, None);
    let public = ("198.51.100.2/24", "198.51.100.10/24");
    Status {
        version: "0.1.0".into(),
        dpdk: "DPDK 22.11.11".into(),
        node: "a".into(),
        role: Role::Active,
        uptime_seconds: 7440,
        connections_limit: 1_000_000,
        workers: vec![WorkerStatus {
            core: 1,
            connections: 12,
            capacity: 1_000_000,
            busy_permille: 375,
            rx_packets: 2000,
            tx_packets: 1990,
            dropped_packets: 10,
        }],
        nics: vec![
            nic(Side::Public, "0000:03:00.0", "02:00:00:00:00:01", public.0, public.1),
            private,
        ],
        configuration: api::Configuration {
            path: "/etc/tandem/tandem.toml".into(),
            loaded_at: 1_772_366_400,
            generation: 3,
        },
        client_key: api::ClientKey::default(),
    }
}

/// What tandem-control on the standby machine would say.
pub(crate) fn pair() -> Pair {
    let member = |name: &str, role, obstacles: &[&str]| Member {
        name: name.into(),
        role,
        term: 7,
        priority: 100,
        ready: obstacles.is_empty(),
        obstacles: obstacles.iter().map(|&obstacle| obstacle.into()).collect(),
        damped: None,
        reach: Default::default(),
        dead_millis: 150,
        lease_millis: 120,
    };
    let path = |local: &str, remote: &str, up| api::Path {
        local: local.into(),
        remote: remote.into(),
        up,
        trouble: (!up).then(|| "this machine does not have 10.0.0.2".into()),
        silence_millis: up.then_some(12),
        sent: 1000,
        received: if up { 998 } else { 0 },
        refused: vec![("rate".into(), 0), ("authentication".into(), u64::from(up) * 2)],
    };
    Pair {
        version: "0.1.0".into(),
        uptime_seconds: 7440,
        own: member("a", Role::Standby, &["connections are being copied"]),
        peer: Some(member("b", Role::Active, &[])),
        not_understood: None,
        silence_millis: Some(12),
        paths: vec![
            path("198.51.100.2", "198.51.100.3", true),
            path("10.0.0.2", "10.0.0.3", false),
        ],
        sync: api::Sync {
            link: SyncLink::Receiving,
            path: Some("198.51.100.3".into()),
            trouble: None,
            dataplane: SyncStatus {
                state: SyncState::Bulk,
                events: 12_345,
                ..SyncStatus::default()
            },
        },
        last_change: Some(Change {
            to: Role::Standby,
            at: 1_772_366_400,
            why: "the role was handed over to the peer".into(),
        }),
        takeovers: 1,
        warnings: Vec::new(),
        differing: Vec::new(),
        keys: api::Keys::default(),
    }
}

fn counters() -> Counters {
    let drop = |name: &str, description: &str, packets| DropCount {
        name: name.into(),
        description: description.into(),
        remedy: "Look.".into(),
        packets,
    };
    let worker = |core, value| WorkerCounters {
        core,
        counters: [
            ("rx_packets", value),
            ("arp_replies", 0),
            ("busy_cycles", 600),
            ("cycles", 1000),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
    };
    let mempool = |(name, size, in_use)| MempoolUse { name: String::from(name), size, in_use };
    Counters {
        generation: 3,
        workers: vec![worker(1, 1000), worker(2, 2000)],
        drops: vec![
            drop("bad_checksum", "the IP header's checksum is wrong", 2),
            drop("no_connection", "not for a service, and no connection is known", 1234),
            drop("ttl_exceeded", "the packet's time to live ran out", 0),
        ],
        neighbours: [(Side::Private, [("reachable".to_owned(), 3)].into())].into(),
        mempools: [("workers", 20_000, 2048), ("main", 4095, 0)].map(mempool).into(),
        ..Counters::default()
    }
}

fn services() -> Services {
    let server = |address: &str, weight, state| ServerStatus {
        address: address.parse().unwrap(),
        weight,
        state,
        suspect: None,
        return_path: api::ReturnPath::Ok,
        connections_active: 3,
        connections_established: 2,
        connections_closing: 12,
        connections_total: 5000,
        packets_in: 40_000,
        bytes_in: 4_000_000,
        packets_out: 50_000,
        bytes_out: 75_000_000,
        limit: None,
    };
    let limit = Some(ConnectionLimit { most: 100, resume_below: 75, counted: 80, full: true });
    let service = |name: &str, listen: &str, protocol: &str, servers| ServiceStatus {
        name: name.into(),
        listen: listen.parse().unwrap(),
        protocol: protocol.into(),
        scheduler: "wlc".into(),
        servers,
        ..ServiceStatus::default()
    };
    let servers = vec![
        server("10.0.0.11:80", 1, ServerState::Up),
        ServerStatus { limit, ..server("10.0.0.12:80", 0, ServerState::Draining) },
    ];
    Services {
        next: None,
        generation: 3,
        services: vec![
            ServiceStatus {
                persistent_clients: Some(1200),
                ..service("web", "198.51.100.10:80", "tcp", servers)
            },
            ServiceStatus { limit, ..service("dns", "198.51.100.10:53", "udp", vec![]) },
        ],
        persistence: PersistenceStatus { clients: 1200, limit: 1_000_000, evicted_total: 3 },
    }
}

/// Does what `tandem drain` and `tandem enable` ask.
fn set_servers(changes: &SetServers) -> Response {
    let mut services = services();
    let mut servers = services.services.iter_mut().flat_map(|service| {
        let name = service.name.clone();
        service.servers.iter_mut().map(move |server| (name.clone(), server))
    });
    for ServerChange { service, server, draining, .. } in &changes.servers {
        let found = servers.find(|(name, one)| name == service && one.address == *server);
        let Some((_, found)) = found else {
            let message = "not every server is in the configuration; nothing was changed";
            let detail = format!("service {service} has no server {server}");
            let failure = api::Failure::new(api::FailureKind::NotFound, message);
            return failure.with_details(vec![detail]).into();
        };
        let drains = *draining == Some(true) || found.weight == 0;
        found.state = if drains { ServerState::Draining } else { ServerState::Up };
    }
    Response::Services(services)
}

/// How many connections the table has.
pub(crate) const CONNECTIONS: u64 = 2500;

/// How many connections a request that counts looks at.
const PART: u64 = 1000;

fn counted(count: &CountConnections) -> ConnectionCounts {
    let start = count.cursor.map_or(0, |cursor| cursor.index);
    let end = (start + PART).min(CONNECTIONS);
    let mut groups: BTreeMap<Option<String>, u64> = BTreeMap::new();
    let mut connections = 0;
    for connection in (start..end).map(connection).filter(|one| count.filter.matches(one)) {
        connections += 1;
        if let Some(by) = count.by {
            *groups.entry(by.group(&connection)).or_default() += 1;
        }
    }
    let group = |(name, connections)| ConnectionGroup { name, connections };
    ConnectionCounts {
        connections,
        groups: groups.into_iter().map(group).collect(),
        next: (end < CONNECTIONS).then_some(Cursor { worker: 0, index: end }),
        generation: 3,
    }
}

/// A page over two workers' tables of half the connections each.
fn connections(page: &Page) -> Connections {
    let half = CONNECTIONS / 2;
    let start = page.cursor.map_or(0, |cursor| u64::from(cursor.worker) * half + cursor.index);
    if let Some(order) = page.order {
        // A page of half the connections.
        let mut entries: Vec<_> = (start..start + half).map(connection).collect();
        entries.retain(|connection| page.filter.matches(connection));
        order.keep_first(&mut entries, page.limit as usize);
        let next = (start == 0).then_some(Cursor { worker: 1, index: 0 });
        return Connections { entries, next, generation: 3 };
    }
    let matching = (start..CONNECTIONS)
        .map(|index| (index, connection(index)))
        .filter(|(_, connection)| page.filter.matches(connection));
    let page: Vec<_> = matching.take(page.limit as usize).collect();
    let next = page.last().map_or(CONNECTIONS, |(index, _)| index + 1);
    let cursor = Cursor { worker: u32::from(next >= half), index: next % half };
    Connections {
        entries: page.into_iter().map(|(_, connection)| connection).collect(),
        next: (next < CONNECTIONS).then_some(cursor),
        generation: 3,
    }
}

fn connection(index: u64) -> Connection {
    let port = 40_000 + u16::try_from(index).unwrap();
    let socket = |text: &str, port: u16| SocketAddr::new(text.parse().unwrap(), port);
    let source = socket("198.51.100.100", port);
    Connection {
        kind: ConnectionKind::Service,
        protocol: "tcp".into(),
        state: "established".into(),
        service: Some("web".into()),
        original: Endpoints { source, destination: socket("198.51.100.10", 80) },
        translated: Endpoints { source, destination: socket("10.0.0.11", 80) },
        // The last are neither the oldest nor the youngest.
        age_seconds: 3700 + index * 7 % 1000,
        idle_seconds: 1,
        expires_seconds: 899,
        worker: u32::from(index >= CONNECTIONS / 2),
    }
}

fn neighbours() -> Neighbours {
    let neighbour = |side, address: &str, mac: Option<&str>, state, age_seconds| Neighbour {
        side,
        address: address.parse().unwrap(),
        mac: mac.map(str::to_owned),
        state,
        age_seconds,
    };
    let mac = Some("02:00:00:00:00:11");
    Neighbours {
        entries: vec![
            neighbour(Side::Public, "198.51.100.1", None, NeighbourState::Incomplete, 0),
            neighbour(Side::Private, "10.0.0.11", mac, NeighbourState::Reachable, 75),
        ],
    }
}
