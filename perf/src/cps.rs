//! What a new connection costs a worker, in cycles.
//!
//! The real worker in this process: packets of flows that it has never seen come to it
//! over its ring, a burst at a time, and leave through net_null. The clock runs while the
//! worker polls and stands still while the next burst is made. In the count are parsing,
//! the look-up that misses, the scheduler, the entry into table and wheel, translation
//! and sending; not in it is a NIC's receive queue.

use core::sync::atomic::AtomicBool;
use std::sync::Arc;

use config::{Config, Idle};
use dataplane::clock::Clock;
use dataplane::counters::WorkerBlock;
use dataplane::errand::Errand;
use dataplane::mailbox::Mailbox;
use dataplane::neighbour::{NeighbourTable, Resolver};
use dataplane::role::Deadlines;
use dataplane::snapshot::Builder;
use dataplane::worker::{BURST, Handoff, Outlet, Parts, Worker};
use dpdk::burst::Burst;
use dpdk::eal::{DeviceSpec, Eal, EalConfig, Memory};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};
use dpdk::port::{Port, PortConfig};
use dpdk::ring::{self, Producer};
use dpdk::{CoreId, SocketId};
use nat::fragment::Tracker;
use nat::{Connections, Seconds, Side};
use serde::Serialize;
use wire::MacAddress;

use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;
use crate::{Error, packets};

/// The result.
#[derive(Clone, Debug, Serialize)]
pub struct NewConnections {
    /// Connections opened, in a table with room for as many.
    pub connections: u32,
    /// Cycles of the time stamp counter for each, the median of 32 parts of the run.
    pub cycles: Summary,
    /// Connections a second that one worker opens when it does nothing else.
    pub per_second: f64,
    /// Bytes of the table, index and timer wheel for each connection.
    pub bytes_per_connection: f64,
    /// The samples.
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

const CONFIGURATION: &str = r#"
[node]
name = "perf"
workers = [1]

[public]
port = "net_null0"
address = "198.18.0.2/24"
floating = ["198.18.0.1/24"]
gateway = "198.18.0.254"

[private]
port = "net_null1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

[[service]]
name = "perf"
listen = "198.18.0.1:53"
protocol = "udp"
scheduler = "rr"
server = [{ address = "10.0.0.11:53" }, { address = "10.0.0.12:53" }, { address = "10.0.0.13:53" }]
"#;

/// Opens so many connections and counts.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(connections: u32) -> Result<NewConnections, Error> {
    let config = configuration()?;
    let eal = start_eal(2)?;
    let mempool = Mempool::new(&eal, MempoolConfig::default()).map_err(Error::dataplane)?;
    let devices = ["net_null0", "net_null1"];
    let mut bench = Bench::new(&eal, &config, devices, connections, mempool)?;
    let part = (connections / 32).max(1);
    let mut parts = Vec::new();
    for first in (0..connections).step_by(part as usize) {
        let last = first.saturating_add(part).min(connections);
        let cycles = bench.open(first, last);
        parts.push(cycles as f64 / f64::from(last - first));
    }
    let opened = bench.counters.opened.get();
    if opened != u64::from(connections) {
        return Err(Error::Dataplane(format!("{opened} of {connections} connections opened")));
    }
    let cycles = Summary::of(&parts).ok_or_else(|| Error::Dataplane("nothing ran".to_owned()))?;
    Ok(NewConnections {
        connections,
        per_second: dpdk::clock::hz() as f64 / cycles.median,
        cycles,
        bytes_per_connection: bench.bytes as f64 / f64::from(connections),
        figures: vec![Figure::new("new connection", "cycles", Better::Lower, Each::Part, parts)],
    })
}

/// What the worker runs with.
pub(crate) fn configuration() -> Result<Config, Error> {
    Config::from_str("built-in", CONFIGURATION).map_err(Error::dataplane)
}

/// DPDK with so many devices that take every packet.
pub(crate) fn start_eal(devices: u8) -> Result<Eal, Error> {
    let null = |number: u8| DeviceSpec::Virtual {
        name: format!("net_null{number}"),
        arguments: "no-rx=1".to_owned(),
    };
    let config = EalConfig {
        main_cores: vec![CoreId(1)],
        memory: Memory::Ordinary(256),
        file_prefix: "tandem-perf-cps".to_owned(),
        devices: (0..devices).map(null).collect(),
        ..EalConfig::default()
    };
    Eal::start(&config).map_err(Error::dataplane)
}

/// A worker and what feeds it.
pub(crate) struct Bench {
    worker: Worker,
    ring: Producer,
    mempool: Mempool,
    pub(crate) counters: Arc<WorkerBlock>,
    pub(crate) mailbox: Arc<Mailbox>,
    bytes: usize,
    _ports: [Port; 2],
}

impl Bench {
    pub(crate) fn new(
        eal: &Eal,
        config: &Config,
        devices: [&str; 2],
        room: u32,
        mempool: Mempool,
    ) -> Result<Self, Error> {
        let clock = Clock::start();
        let mut ports = Vec::new();
        let mut outlets = Vec::new();
        for name in devices {
            let id = eal.port(name).ok_or_else(|| Error::dataplane("no net_null port"))?;
            let port = PortConfig {
                rx_queues: 1,
                tx_queues: 1,
                mempool: mempool.clone(),
                rx_descriptors: None,
                tx_descriptors: None,
                mtu: 1500,
                promiscuous: false,
            };
            let (port, _, mut tx) = Port::start(id, name, &port).map_err(Error::dataplane)?;
            ports.push(port);
            outlets.extend(tx.pop().map(Outlet::Queue));
        }
        let macs = [packets::ROUTER_MAC, MacAddress([2, 0, 0, 0, 0, 1])];
        let snapshot = Builder::new(macs).build(config).map_err(Error::dataplane)?;
        let neighbours = neighbours(clock);
        let (ring, from_housekeeping) =
            ring::spsc(eal, 1024, SocketId::ANY).map_err(Error::dataplane)?;
        let (to_housekeeping, _) =
            ring::spsc(eal, 1024, SocketId::ANY).map_err(Error::dataplane)?;
        let table =
            Connections::new(room as usize, snapshot.timeouts, clock.now(), &mut |region| {
                dpdk::memory::advise_hugepages(region.start, region.bytes);
            });
        let bytes = table.bytes();
        let counters = Arc::new(WorkerBlock::default());
        let mailbox = Arc::new(Mailbox::default());
        let both = |_| Error::dataplane("two ports and two outlets were made");
        let worker = Worker::new(Parts {
            role: Arc::new(Deadlines::never()),
            index: 0,
            receive: [None, None],
            outlets: outlets.try_into().map_err(both)?,
            handoff: Handoff::alone(),
            to_housekeeping,
            from_housekeeping,
            mempool: mempool.clone(),
            connections: table,
            fragments: Tracker::new(16, 16, Seconds(5)),
            neighbours,
            snapshot,
            mailbox: Arc::clone(&mailbox),
            counters: Arc::clone(&counters),
            clock,
            idle: Idle::Poll,
            stop: Arc::new(AtomicBool::new(false)),
        });
        let ports = ports.try_into().map_err(|_| Error::dataplane("two ports were made"))?;
        Ok(Bench { worker, ring, mempool, counters, mailbox, bytes, _ports: ports })
    }

    /// Cycles of the worker for the flows of these numbers.
    pub(crate) fn open(&mut self, first: u32, last: u32) -> u64 {
        let mut cycles = 0;
        let mut next = first;
        while next < last {
            let mut burst = Burst::<BURST>::new();
            while next < last && !burst.is_full() {
                let Some(mbuf) = self.packet(next) else { break };
                // There is room: the loop has looked.
                drop(burst.push(mbuf));
                next += 1;
            }
            self.ring.enqueue(&mut burst);
            let before = dpdk::clock::tsc();
            self.worker.poll();
            cycles += dpdk::clock::tsc().wrapping_sub(before);
        }
        cycles
    }

    /// A poll without packets.
    pub(crate) fn poll(&mut self) {
        self.worker.poll();
    }

    fn packet(&self, number: u32) -> Option<Mbuf> {
        let mut mbuf = self.mempool.alloc()?;
        mbuf.append(packets::FRAME)?.copy_from_slice(&packets::frame(number));
        Errand::Process(Side::Public).tag(&mut mbuf);
        Some(mbuf)
    }
}

/// The real servers, resolved.
fn neighbours(clock: Clock) -> Arc<NeighbourTable> {
    let table = Arc::new(NeighbourTable::default());
    let servers = [11, 12, 13].map(|last| {
        let address = std::net::Ipv4Addr::new(10, 0, 0, last);
        (Side::Private, address, MacAddress([2, 0, 0, 0, 0, last]))
    });
    Resolver::<Mbuf>::new(Arc::clone(&table)).set_static(&servers, clock.now());
    table
}
