//! The test bed: DPDK without a NIC, buffers, and what workers are made of.

use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{Config, Idle};
use dataplane::clock::Clock;
use dataplane::counters::WorkerBlock;
use dataplane::mailbox::Mailbox;
use dataplane::neighbour::{NeighbourTable, Resolver};
use dataplane::punt::PuntClass;
use dataplane::role::Deadlines;
use dataplane::snapshot::{Builder, Snapshot};
use dataplane::worker::{Handoff, Outlet, Parts};
use dpdk::eal::{Eal, EalConfig, Memory};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};
use dpdk::ring::{self, Consumer};
use dpdk::{CoreId, SocketId};
use nat::fragment::Tracker;
use nat::{Connections, Seconds, Side};
use serde::Serialize;
use wire::MacAddress;

use super::ring_pair::{self, End};
use crate::Error;
use crate::hugepages::Hugepages;
use crate::packets::{ROUTER_MAC, SERVICE_PORT, UPSTREAM_MAC, VIP};
use crate::traffic::{self, host};

/// The core on which packets are made, and which the machine's other work may share.
pub(crate) const GENERATOR_CORE: CoreId = CoreId(0);
/// The core of the worker.
pub(crate) const WORKER_CORE: CoreId = CoreId(1);
/// Real servers of each service.
pub(crate) const SERVERS: u32 = traffic::SERVERS.len() as u32;
/// The port of the TCP service; that of UDP is [`SERVICE_PORT`].
pub(crate) const TCP_PORT: u16 = 80;
/// The machine's own address on the public side.
pub(crate) const REAL_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
/// The router's Ethernet address on the private side.
pub(crate) const PRIVATE_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
/// MiB of memory for buffers and rings.
const MEBIBYTES: u32 = 128;
/// Places in the rings between workers and to the main core, as in the dataplane.
pub(crate) const RING: u32 = 4096;

/// What kind of memory packets lie in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pages {
    /// Huge pages, reserved for the length of the run, as in service.
    Huge,
    /// Ordinary pages: slower, and without root.
    Ordinary,
}

/// How long connections last without packets, in seconds: those of UDP, and those of TCP
/// once an end has closed or reset them. The others last as ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lifetime(pub(crate) u32);

impl Lifetime {
    /// Beyond the end of any run.
    pub(crate) const LONG: Lifetime = Lifetime(86_400);

    /// Long enough to open so many connections, and not much longer.
    pub(crate) fn to_open(connections: u32) -> Self {
        Lifetime(1 + connections / 200_000)
    }

    /// How long without packets until every connection is due: two ticks of the timer
    /// wheel more, and some.
    pub(crate) fn until_due(self) -> Duration {
        Duration::from_millis(u64::from(self.0) * 1000 + 2500)
    }
}

/// The Ethernet address of a real server.
pub(crate) fn server_mac(server: u32) -> MacAddress {
    MacAddress([2, 0, 0, 0, 1, server as u8])
}

/// The started DPDK, and what all workers of a run share.
pub(crate) struct TestBed {
    pub(crate) eal: Eal,
    pub(crate) mempool: Mempool,
    clock: Clock,
    neighbours: Arc<NeighbourTable>,
    /// Ends the workers that run on cores of their own.
    pub(crate) stop: Arc<AtomicBool>,
    _pages: Option<Hugepages>,
}

/// A worker before it starts, and the ends of the rings that join it to a test.
pub(crate) struct WorkerFixture {
    pub(crate) parts: Parts,
    /// By side of the worker.
    pub(crate) near: [End; 2],
    /// Bytes of table, index and timer wheel.
    pub(crate) bytes: usize,
    /// Where to_main_core for the main core end up.
    pub(crate) to_main_core: Vec<Consumer>,
}

impl TestBed {
    /// Starts DPDK, once in a process: this thread goes to `main`, and workers may be
    /// launched on `workers`.
    pub(crate) fn new(pages: Pages, main: CoreId, workers: &[CoreId]) -> Result<Self, Error> {
        let reserved = match pages {
            Pages::Huge => Some(Hugepages::reserve(u64::from(MEBIBYTES))?),
            Pages::Ordinary => None,
        };
        let eal = EalConfig {
            program: "tandem-perf".to_owned(),
            main_cores: vec![main],
            worker_cores: workers.to_vec(),
            memory: match pages {
                Pages::Huge => Memory::Hugepages(None),
                Pages::Ordinary => Memory::Ordinary(MEBIBYTES),
            },
            file_prefix: format!("tandem-perf-{}", std::process::id()),
            devices: Vec::new(),
        };
        let eal = Eal::start(&eal).map_err(Error::dataplane)?;
        let buffers = MempoolConfig { mbufs: 16_383, ..MempoolConfig::default() };
        let mempool = Mempool::new(&eal, buffers).map_err(Error::dataplane)?;
        let clock = Clock::start();
        Ok(TestBed {
            eal,
            mempool,
            clock,
            neighbours: neighbours(clock),
            stop: Arc::new(AtomicBool::new(false)),
            _pages: reserved,
        })
    }

    /// The only worker of a process, with room for so many connections.
    pub(crate) fn fixture(&self, room: u32, lifetime: Lifetime) -> Result<WorkerFixture, Error> {
        self.fixture_among(Handoff::alone(), room, lifetime)
    }

    /// One of several workers.
    pub(crate) fn fixture_among(
        &self,
        handoff: Handoff,
        room: u32,
        lifetime: Lifetime,
    ) -> Result<WorkerFixture, Error> {
        let snapshot = snapshot(lifetime)?;
        let ring = || ring::spsc(&self.eal, RING, SocketId::ANY).map_err(Error::dataplane);
        let [near, far] = [(); 2].map(|()| ring_pair::create(&self.eal, &self.mempool));
        let ([near_public, far_public], [near_private, far_private]) = (near?, far?);
        let punt_rings = PuntClass::rings().map(|_| ring()).collect::<Result<Vec<_>, _>>()?;
        let (to_housekeeping, to_main_core) = punt_rings.into_iter().unzip();
        let (_, from_housekeeping) = ring()?;
        let (_, returned) = ring()?;
        let connections = self.connections(&snapshot, room);
        let bytes = connections.bytes();
        let parts = Parts {
            role: Arc::new(Deadlines::never()),
            index: handoff.index,
            receive: [Some(far_public.rx), Some(far_private.rx)],
            checks_ip: [false; 2],
            outlets: [Outlet::Queue(far_public.tx), Outlet::Queue(far_private.tx)],
            handoff,
            to_housekeeping,
            from_housekeeping,
            returned,
            mempool: self.mempool.clone(),
            connections,
            fragments: Tracker::new(16, 16, Seconds(5)),
            neighbours: Arc::clone(&self.neighbours),
            snapshot,
            mailbox: Arc::new(Mailbox::default()),
            counters: Arc::new(WorkerBlock::default()),
            clock: self.clock,
            idle: Idle::Poll,
            stop: Arc::clone(&self.stop),
        };
        Ok(WorkerFixture { parts, near: [near_public, near_private], bytes, to_main_core })
    }

    fn connections(&self, snapshot: &Snapshot, room: u32) -> Connections<Ipv4Addr> {
        let now = self.clock.now();
        Connections::new(room as usize, snapshot.timeouts, now, &mut |region| {
            dpdk::memory::advise_hugepages(region.start, region.bytes);
        })
    }
}

/// Everybody next to the router, resolved for good.
fn neighbours(clock: Clock) -> Arc<NeighbourTable> {
    let table = Arc::new(NeighbourTable::default());
    let upstream = Ipv4Addr::new(198, 18, 0, 254);
    let mut all = vec![(Side::Public, upstream, UPSTREAM_MAC)];
    let server = |number| (Side::Private, host(number), server_mac(number));
    all.extend((0..SERVERS).map(server));
    Resolver::<Mbuf>::new(Arc::clone(&table)).set_static(&all, clock.now());
    table
}

fn snapshot(lifetime: Lifetime) -> Result<Arc<Snapshot>, Error> {
    let config = Config::from_str("built-in", &configuration(lifetime));
    let config = config.map_err(Error::dataplane)?;
    Builder::new([ROUTER_MAC, PRIVATE_MAC]).build(&config, &[]).map_err(Error::dataplane)
}

fn configuration(Lifetime(seconds): Lifetime) -> String {
    let service = |name: &str, port: u16| {
        let server = |number| format!("{{ address = \"{}:{port}\" }}", host(number));
        let servers: Vec<String> = (0..SERVERS).map(server).collect();
        format!(
            r#"
[[service]]
name = "{name}"
listen = "{VIP}:{port}"
protocol = "{name}"
scheduler = "rr"
server = [{}]
"#,
            servers.join(", ")
        )
    };
    let (udp, tcp) = (service("udp", SERVICE_PORT), service("tcp", TCP_PORT));
    format!(
        r#"
[node]
name = "perf"
workers = [1]

[public]
port = "net_ring0"
address = "{REAL_ADDRESS}/24"
floating = ["{VIP}/24"]
gateway = "198.18.0.254"

[private]
port = "net_ring1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

[timeouts.service]
udp = "{seconds}s"
udp_unreplied = "{seconds}s"
close = "{seconds}s"
close_wait = "{seconds}s"
fin_wait = "{seconds}s"
last_ack = "{seconds}s"
time_wait = "{seconds}s"
{udp}{tcp}"#
    )
}
