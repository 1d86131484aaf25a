//! One worker between two net_rings: what it sends comes back, to be looked at.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use capture::{Intake, Selection, Session, Settings};
use config::{Config, Idle};
use crossbeam::utils::CachePadded;
use dataplane::clock::Clock;
use dataplane::counters::WorkerBlock;
use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::housekeeping::FromWorker;
use dataplane::mailbox::{Answer, FoundConnection, Kill, Mailbox, Order, Walk};
use dataplane::neighbour::NeighbourTable;
use dataplane::punt::PuntClass;
use dataplane::role::{Deadlines, SharedDeadlines};
use dataplane::snapshot::{Builder, Snapshot};
use dataplane::trace::Tracer;
use dataplane::worker::{BURST, Handoff, Outlet, Parts, Peer, Worker};
use dpdk::burst::Burst;
use dpdk::eal::{DeviceSpec, Eal, EalConfig, Memory};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};
use dpdk::port::{Port, PortConfig, RxQueue};
use dpdk::ring::{self, Consumer, Producer};
use dpdk::{CoreId, SocketId};
use nat::fragment::Tracker;
use nat::passive::{Observer, Suspects};
use nat::service::{Budgets, Limits, Loads, ServerId, Services, Weights};
use nat::sources::SharedCounts;
use nat::table::{ConnectionId, Key};
use nat::{Connections, Seconds, Side};
use wire::MacAddress;
use wire::testing::Frame;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// This machine's own on the public side.
pub(crate) const REAL: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// The worker's own, by side.
pub(crate) const MACS: [MacAddress; 2] =
    [MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])];
/// The upstream router's and the real server's.
pub(crate) const NEIGHBOURS: [MacAddress; 2] =
    [MacAddress([2, 0, 0, 0, 0, 8]), MacAddress([2, 0, 0, 0, 0, 9])];

/// The private NIC looks at the checksums of IP headers.
const CHECKS_IP: [bool; 2] = [false, true];

pub(crate) const CONFIGURATION: &str = r#"
[node]
name = "test"
workers = [1]

[public]
port = "net_ring0"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]
gateway = "198.51.100.1"

[private]
port = "net_ring1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

[[masquerade]]
source = ["10.0.0.0/24"]
address = "198.51.100.10"

[[service]]
name = "dns"
listen = "198.51.100.10:53"
protocol = "udp"
scheduler = "rr"
server = [{ address = "10.0.0.11:53" }]
"#;

/// The worker, and all that it can give packets to.
pub(crate) struct Bench {
    pub(crate) worker: Worker,
    pub(crate) counters: Arc<WorkerBlock>,
    pub(crate) neighbours: Arc<NeighbourTable>,
    pub(crate) pool: Mempool,
    /// The only real server.
    pub(crate) server: ServerId,
    /// The rings to the main core, by class and side.
    pub(crate) for_main: Vec<Consumer>,
    /// What another worker gets, if there is one.
    pub(crate) peer: Consumer,
    /// What makes the snapshots.
    pub(crate) builder: Builder,
    /// The connections of each real server.
    pub(crate) loads: Arc<Loads>,
    /// The services to begin with. A snapshot would keep their numbers.
    pub(crate) services: Services<Ipv4Addr>,
    /// The weights and flags of servers.
    pub(crate) weights: Arc<Weights>,
    returns: Option<Producer>,
    budgets: Arc<Budgets>,
    mailbox: Arc<Mailbox>,
    input: Producer,
    sent: [RxQueue; 2],
    _ports: [Port; 2],
    _eal: Eal,
}

impl Bench {
    /// One that forwards, the only worker.
    pub(crate) fn new() -> Self {
        Bench::with(Deadlines::never(), 1)
    }

    /// With this role, the first of so many workers (two at the most). Of two, the other has
    /// the only transmit queues, and a ring of fifteen places.
    pub(crate) fn with(role: SharedDeadlines, workers: usize) -> Self {
        Bench::built(CONFIGURATION, role, workers)
    }

    /// One that forwards, the only worker, with more in its configuration.
    pub(crate) fn with_more(configuration: &str) -> Self {
        Bench::built(&format!("{CONFIGURATION}{configuration}"), Deadlines::never(), 1)
    }

    /// One that forwards, the only worker, with some words of its configuration replaced.
    pub(crate) fn with_other(words: &str, others: &str) -> Self {
        assert!(CONFIGURATION.contains(words), "{words}");
        let configuration = CONFIGURATION.replace(words, others);
        Bench::built(&configuration, Deadlines::never(), 1)
    }

    /// With a configuration of its own and this role, the only worker.
    pub(crate) fn with_configuration(configuration: &str, role: SharedDeadlines) -> Self {
        Bench::built(configuration, role, 1)
    }

    fn built(configuration: &str, role: SharedDeadlines, workers: usize) -> Self {
        let eal = start();
        let mbufs = 2047;
        let pool = MempoolConfig { mbufs, cache: 32, data_room: 2176, socket: SocketId::ANY };
        let pool = Mempool::new(&eal, pool).unwrap();
        let [(public, from_public, out_public), (private, from_private, out_private)] =
            ["net_ring0", "net_ring1"].map(|name| port(&eal, name, &pool));
        let spsc = |places| ring::spsc(&eal, places, SocketId::ANY).unwrap();
        let (input, from_housekeeping) = spsc(64);
        let (to_housekeeping, for_main) = PuntClass::rings().map(|_| spsc(63)).unzip();
        let (returns, returned) = spsc(63);
        let (to_peer, peer) = spsc(15);
        let way = Peer { ring: to_peer, waiting: Burst::new() };
        let peers = [None, Some(CachePadded::new(way))].into_iter().take(workers).collect();
        let outlets =
            if workers > 1 { [Outlet::Via(1), Outlet::Via(1)] } else { [out_public, out_private] };

        let config = Config::from_str("built-in", configuration).unwrap();
        let mut builder = Builder::new(MACS);
        let snapshot = builder.build(&config, &[]).unwrap();
        let service = snapshot.policy.services.iter().next().unwrap();
        let server = service.servers[0].id;
        let services = snapshot.policy.services.clone();
        let weights = Arc::clone(builder.servers.weights());
        let suspects = Suspects::new(Arc::clone(&weights), 1);
        let observer = Observer::new(Arc::new(suspects), 0);
        let clock = Clock::start();
        let neighbours = Arc::new(NeighbourTable::default());
        for (side, address) in
            [(Side::Public, Ipv4Addr::new(198, 51, 100, 1)), (Side::Private, SERVER)]
        {
            let hop = neighbours.insert(side, address).unwrap();
            neighbours.publish(hop, Some(NEIGHBOURS[side.index()]));
            neighbours.want(hop);
        }
        let counters = Arc::new(WorkerBlock::default());
        let (loads, mailbox) = (Arc::new(Loads::default()), Arc::new(Mailbox::default()));
        let limits = Arc::new(Limits::default());
        let budgets = Arc::new(Budgets::new(Arc::clone(&limits), 0, 1));
        let rules = &snapshot.policy.sources;
        let connections = Connections::new(64, snapshot.timeouts, clock.now(), &mut |_| ())
            .counting(rules, Arc::new(SharedCounts::for_rules(rules, 64)));
        let worker = Worker::new(Parts {
            index: 0,
            receive: [None, None],
            checks_ip: CHECKS_IP,
            outlets,
            handoff: Handoff { peers, ..Handoff::alone() },
            to_housekeeping,
            from_housekeeping,
            returned,
            mempool: pool.clone(),
            connections: connections
                .counted_in(Arc::clone(&loads))
                .limited_by(Arc::clone(&budgets))
                .observed_by(observer),
            fragments: Tracker::new(16, 16, Seconds(5)),
            neighbours: Arc::clone(&neighbours),
            snapshot,
            mailbox: Arc::clone(&mailbox),
            counters: Arc::clone(&counters),
            role: Arc::new(role),
            clock,
            idle: Idle::Poll,
            stop: Arc::new(AtomicBool::new(false)),
        });
        limits.follow(&services, &services, &[&budgets]);
        let (sent, ports) = ([from_public, from_private], [public, private]);
        Bench {
            worker,
            counters,
            neighbours,
            pool,
            server,
            for_main,
            peer,
            builder,
            loads,
            services,
            weights,
            returns: Some(returns),
            budgets,
            mailbox,
            input,
            sent,
            _ports: ports,
            _eal: eal,
        }
    }

    /// The worker takes another configuration.
    pub(crate) fn reload(&mut self, configuration: &str) -> Arc<Snapshot> {
        let config = Config::from_str("built-in", configuration).unwrap();
        let snapshot = self.builder.build(&config, &[&self.loads]).unwrap();
        assert!(
            self.mailbox.order(snapshot.generation, Order::Snapshot(Arc::clone(&snapshot))).is_ok()
        );
        self.worker.poll();
        let answer = self.mailbox.answer();
        assert!(
            matches!(answer, Some((number, Answer::Retired(_))) if number == snapshot.generation)
        );
        let Some((_, Answer::Retired(before))) = answer else { return snapshot };
        let (before, services) = (&before.policy.services, &snapshot.policy.services);
        self.budgets.limits().follow(before, services, &[&self.budgets]);
        snapshot
    }

    /// The worker follows packets, or no longer.
    pub(crate) fn order_trace(&mut self, tracer: Option<Box<Tracer>>) {
        assert!(self.mailbox.order(0, Order::Trace(tracer)).is_ok());
        self.worker.poll();
        assert!(matches!(self.mailbox.answer(), Some((0, Answer::Traced(_)))));
    }

    /// An operator ends connections; how many have ended, after so many polls of the worker.
    pub(crate) fn kill(&mut self, targets: Vec<(ConnectionId, Key<Ipv4Addr>)>) -> (u64, u32) {
        let number = u64::MAX;
        let order = Order::Kill(Kill { targets, done: 0, killed: 0 });
        assert!(self.mailbox.order(number, order).is_ok());
        for polls in 1.. {
            self.worker.poll();
            if let Some((_, Answer::Killed(kill))) = self.mailbox.answer() {
                return (kill.killed, polls);
            }
            assert!(polls < 1000, "it never ends");
        }
        (0, 0)
    }

    /// What a walk over the connections finds.
    pub(crate) fn walk(&mut self) -> Vec<FoundConnection> {
        let walk = Walk { start: 0, found: Vec::with_capacity(64), next: None };
        assert!(self.mailbox.order(u64::MAX, Order::Walk(walk)).is_ok());
        for _ in 0..10 {
            self.worker.poll();
            if let Some((_, Answer::Walked(walk))) = self.mailbox.answer() {
                return walk.found;
            }
        }
        panic!("the walk never ends");
    }

    /// The worker copies packets from now on.
    pub(crate) fn capture(&mut self, selection: Selection) -> Intake {
        let (session, intake) = capture::session(&Settings {
            selection: Arc::new(selection),
            snap_length: 2048,
            buffers: 0,
            capture: 1,
            worker: 0,
            workers: 1,
        });
        assert!(self.order_capture(Some(Box::new(session))).is_none());
        intake
    }

    /// The worker copies nothing any more.
    pub(crate) fn end_capture(&mut self) {
        assert!(self.order_capture(None).is_some());
    }

    fn order_capture(&mut self, session: Option<Box<Session>>) -> Option<Box<Session>> {
        assert!(self.mailbox.order(1, Order::Capture(session)).is_ok());
        self.worker.poll();
        match self.mailbox.answer() {
            Some((1, Answer::Captured(before))) => before,
            _ => panic!("the worker has not answered"),
        }
    }

    /// Frames come in on a side, in one burst.
    pub(crate) fn arrive(&mut self, side: Side, frames: &[Vec<u8>]) {
        self.arrive_as(side, frames, |_| ());
    }

    /// The same, each as `mark` makes it.
    pub(crate) fn arrive_as(&mut self, side: Side, frames: &[Vec<u8>], mark: impl Fn(&mut Mbuf)) {
        let mut burst = Burst::<BURST>::new();
        for frame in frames {
            let mut mbuf = self.pool.alloc().unwrap();
            mbuf.append(frame.len()).unwrap().copy_from_slice(frame);
            mark(&mut mbuf);
            HandoffTag::Process(side).write(&mut mbuf);
            burst.push(mbuf).unwrap();
        }
        assert_eq!(self.input.enqueue(&mut burst), frames.len());
        self.worker.poll();
    }

    /// The main core has frames of this machine's own sent on a side.
    pub(crate) fn send_own(&mut self, side: Side, frames: &[Vec<u8>]) {
        let mut burst = Burst::<BURST>::new();
        for frame in frames {
            let mut mbuf = self.pool.alloc().unwrap();
            mbuf.append(frame.len()).unwrap().copy_from_slice(frame);
            HandoffTag::TransmitOwn(side).write(&mut mbuf);
            burst.push(mbuf).unwrap();
        }
        assert_eq!(self.input.enqueue(&mut burst), frames.len());
        self.worker.poll();
    }

    /// The main core gives packets back whose neighbour on this side does not answer.
    pub(crate) fn give_back(&mut self, side: Side, mbufs: Vec<Mbuf>) {
        let mut burst = Burst::<BURST>::new();
        for mut mbuf in mbufs {
            HandoffTag::Undeliverable(side).write(&mut mbuf);
            burst.push(mbuf).unwrap();
        }
        self.input.enqueue(&mut burst);
        self.worker.poll();
    }

    /// What the main core was given since it was asked last, in the order of classes.
    pub(crate) fn punted(&mut self) -> Vec<Mbuf> {
        self.for_main.iter_mut().flat_map(drain).collect()
    }

    /// The main core's ends of the worker's rings, and a pool of its own with so many buffers.
    /// [`Bench::punted`] has nothing from then on.
    pub(crate) fn main_core(&mut self, mbufs: u32) -> (FromWorker, Mempool) {
        let pool = MempoolConfig { mbufs, cache: 0, data_room: 2176, socket: SocketId::ANY };
        let pool = Mempool::of_one_taker(&self._eal, pool).unwrap();
        let rings = std::mem::take(&mut self.for_main);
        (FromWorker::new(rings, self.returns.take().unwrap()), pool)
    }

    /// What has left on a side since it was asked last.
    pub(crate) fn sent(&mut self, side: Side) -> Vec<Vec<u8>> {
        let mut burst = Burst::<BURST>::new();
        let mut frames = Vec::new();
        while self.sent[side.index()].receive(&mut burst) > 0 {
            frames.extend(burst.drain().map(|mbuf| mbuf.data().to_vec()));
        }
        frames
    }

    pub(crate) fn dropped(&self, reason: DropReason) -> u64 {
        self.counters.drops.get(reason)
    }
}

/// What is in a ring.
pub(crate) fn drain(ring: &mut Consumer) -> Vec<Mbuf> {
    let mut burst = Burst::<BURST>::new();
    let mut mbufs = Vec::new();
    while ring.dequeue(&mut burst) > 0 {
        mbufs.extend(burst.drain());
    }
    mbufs
}

/// A frame that arrives on this side.
pub(crate) fn arriving(side: Side, frame: Frame) -> Frame {
    frame.macs(NEIGHBOURS[side.index()], MACS[side.index()])
}

/// A datagram that arrives on this side, with a byte that tells it from others.
pub(crate) fn datagram(
    side: Side,
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
    mark: u8,
) -> Vec<u8> {
    arriving(side, Frame::udp(from, to).payload([mark; 18])).build()
}

/// A client's question.
pub(crate) fn question(mark: u8) -> Vec<u8> {
    datagram(Side::Public, (CLIENT, 4242), (VIP, 53), mark)
}

/// The mark of a frame.
pub(crate) fn mark(frame: &[u8]) -> u8 {
    frame[frame.len() - 1]
}

fn start() -> Eal {
    let ring = |number| DeviceSpec::Virtual {
        name: format!("net_ring{number}"),
        arguments: String::new(),
    };
    Eal::start(&EalConfig {
        program: "test".to_owned(),
        main_cores: vec![CoreId(0)],
        worker_cores: Vec::new(),
        memory: Memory::Ordinary(128),
        file_prefix: format!("worker{}", std::process::id()),
        devices: [0, 1].map(ring).into(),
    })
    .unwrap()
}

fn port(eal: &Eal, name: &str, pool: &Mempool) -> (Port, RxQueue, Outlet) {
    let config = PortConfig {
        rx_queues: 1,
        tx_queues: 1,
        mempool: pool.clone(),
        rx_descriptors: None,
        tx_descriptors: None,
        mtu: 1500,
        promiscuous: false,
    };
    let (port, mut rx, mut tx) = Port::start(eal.port(name).unwrap(), name, &config).unwrap();
    (port, rx.remove(0), Outlet::Queue(tx.remove(0)))
}
