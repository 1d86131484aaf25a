//! The dataplane as a whole: started from a configuration, stopped in order.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use config::{Config, Device, Interface};
use dpdk::eal::{
    DeviceSpec, Eal, EalConfig, EalError, LaunchError, Memory, WorkerHandle, WorkerPanic,
};
use dpdk::mempool::{Mempool, MempoolConfig, MempoolError};
use dpdk::port::{self, Port, PortConfig, PortError, RxQueue, TxQueue};
use dpdk::ring::{self, Consumer, Producer, RingError};
use dpdk::{CoreId, SocketId};
use nat::Connections;
use nat::fragment::Tracker;
use parking_lot::{Mutex, RwLock};
use wire::MacAddress;

use crate::clock::Clock;
use crate::control::reload::static_neighbours;
use crate::control::{Control, Loaded, Socket, SocketError, WorkerHandle as ControlledWorker};
use crate::counters::{Drops, WorkerBlock};
use crate::housekeeping::{Announcer, Housekeeping, Watch};
use crate::kernel::{KernelInterface, KernelInterfaceError};
use crate::link::NicLink;
use crate::mailbox::Mailbox;
use crate::neighbour::{NeighbourTable, Resolver};
use crate::role::{Role, SharedDeadlines};
use crate::snapshot::{BuildError, Builder, Snapshot};
use crate::sync::Hub;
use crate::worker::{BURST, Handoff, Outlet, Parts, Peer, Sharing, Worker};

/// Packets that a ring between two threads holds.
const RING: u32 = 2048;
/// Fragmented datagrams on their way, and fragments held, in each worker.
const DATAGRAMS: usize = 4096;
const HELD_FRAGMENTS: usize = 4096;
/// Room in a buffer besides the IP packet: 128 bytes before it, Ethernet, two VLAN tags.
const FRAME_OVERHEAD: u16 = 128 + 14 + 8;
/// The least room that drivers want behind the headroom.
const LEAST_DATA_ROOM: u16 = 2048 + 128;
/// Buffers that a core keeps at hand.
const MEMPOOL_CACHE: u32 = 256;

/// Why the dataplane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// DPDK.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A device that DPDK knows no port of.
    #[error(
        "{0}: DPDK has no driver for the device; `dpdk-devbind.py --status-dev net` lists NICs"
    )]
    NoPort(String),
    /// A port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The buffers.
    #[error(transparent)]
    Mempool(#[from] MempoolError),
    /// A ring.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// A worker.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The kernel interfaces.
    #[error(transparent)]
    Kernel(#[from] KernelInterfaceError),
    /// The configuration.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The control socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// More static neighbours than the table takes.
    #[error("the neighbour table has no room for every neighbour of the configuration")]
    Neighbours,
}

/// Whether the kernel gets interfaces to both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelInterfaces {
    /// It does: for a router in service.
    Create,
    /// It does not: for measuring.
    Omit,
}

/// A dataplane that runs. Its main loop is [`Dataplane::run`].
pub struct Dataplane {
    housekeeping: Housekeeping,
    workers: Vec<WorkerHandle>,
    control: Arc<Control>,
    socket: Socket,
    /// Tells the workers to end.
    halt: Arc<AtomicBool>,
}

/// One side's device, started.
struct Nic {
    port: Arc<Port>,
    rx: Vec<RxQueue>,
    tx: Vec<TxQueue>,
}

impl Dataplane {
    /// Starts everything but the main loop; workers forward when this returns.
    ///
    /// # Errors
    ///
    /// [`StartError`]; what was started has been stopped again.
    pub fn start(
        config: Config,
        path: PathBuf,
        kernel: KernelInterfaces,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, StartError> {
        let cores: Vec<CoreId> = config.node.workers.iter().map(|core| CoreId(core.0)).collect();
        let eal = Eal::start(&eal_config(&config, &cores))?;
        let clock = Clock::start();
        let mempool = Mempool::new(&eal, mempool_config(&config))?;
        let public = start_nic(&eal, &config.public, cores.len(), &mempool)?;
        let private = start_nic(&eal, &config.private, cores.len(), &mempool)?;
        let macs = [&public, &private].map(|nic| MacAddress(nic.port.mac()));
        let kernel = match kernel {
            KernelInterfaces::Create => [
                Some(KernelInterface::create(&config.public, macs[0])?),
                Some(KernelInterface::create(&config.private, macs[1])?),
            ],
            KernelInterfaces::Omit => [None, None],
        };

        let mut builder = Builder::new(macs);
        let snapshot = builder.build(&config)?;
        let neighbours = Arc::new(NeighbourTable::default());
        let mut resolver = Resolver::new(Arc::clone(&neighbours));
        if !resolver.set_static(&static_neighbours(&config), clock.now()) {
            return Err(StartError::Neighbours);
        }
        resolver.keep(snapshot.next_hops());
        let resolver = Arc::new(Mutex::new(resolver));
        let ports = [Arc::clone(&public.port), Arc::clone(&private.port)];
        let links = [
            NicLink::new(Arc::clone(&public.port), &config.public.device),
            NicLink::new(Arc::clone(&private.port), &config.private.device),
        ];
        let role = Arc::new(match config.peer {
            Some(_) => Role::of_a_pair(clock.rate()),
            None => Role::alone(clock.rate()),
        });

        let halt = Arc::new(AtomicBool::new(false));
        let common = Common {
            config: &config,
            mempool,
            neighbours,
            snapshot,
            deadlines: Arc::clone(role.deadlines()),
            clock,
            halt: Arc::clone(&halt),
        };
        let crew = common.crew(&eal, [public, private])?;
        let sharing = crew.sharing();
        let Common { mempool, snapshot, .. } = common;
        let blocks = crew.controlled.iter().map(|worker| Arc::clone(&worker.counters));
        let watch = Watch::new(blocks.collect(), links, clock.now());
        let drops = Arc::new(Drops::default());
        let shared_snapshot = Arc::new(RwLock::new(snapshot));
        let control = Arc::new(Control {
            loaded: Mutex::new(Loaded { config, path, at: SystemTime::now(), builder }),
            snapshot: Arc::clone(&shared_snapshot),
            workers: crew.controlled,
            orders: Mutex::new(0),
            ports,
            resolver: Arc::clone(&resolver),
            role: Arc::clone(&role),
            drops: Arc::clone(&drops),
            clock,
            sharing,
            sync: Hub::new(cores.len()),
        });
        let socket_path = control.loaded.lock().config.node.control_socket.clone();
        let socket = Socket::open(&socket_path, &control)?;
        let housekeeping = Housekeeping {
            from_workers: crew.from_workers,
            to_worker: crew.to_worker,
            kernel,
            mempool,
            resolver,
            snapshot: shared_snapshot,
            role,
            announcer: Announcer::default(),
            watch,
            drops,
            clock,
            stop: Arc::clone(&stop),
        };
        let mut workers = Vec::new();
        for (core, parts) in cores.into_iter().zip(crew.parts) {
            // However a worker ends, forwarding is over: better a restart than a queue
            // that nobody polls.
            let last = StopAtEnd(Arc::clone(&stop));
            let launched = eal.launch(core, move || {
                let _last = last;
                Worker::new(parts).run();
            });
            match launched {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    halt.store(true, Ordering::Relaxed);
                    // What kept the others from starting is told; how they end is not.
                    let _ = join(workers);
                    return Err(error.into());
                }
            }
        }
        Ok(Dataplane { housekeeping, workers, control, socket, halt })
    }

    /// What the control socket answers from.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Does the main core's work until the process is told to stop, then stops in order:
    /// workers, socket, kernel interfaces, ports.
    ///
    /// # Errors
    ///
    /// [`WorkerPanic`] of the first worker that did not end by itself.
    pub fn run(mut self) -> Result<(), WorkerPanic> {
        self.housekeeping.run();
        // Its last order is for workers that still run.
        self.control.sync.end();
        self.halt.store(true, Ordering::Relaxed);
        let ended = join(self.workers);
        self.control.role.end();
        drop(self.socket);
        drop(self.housekeeping);
        close_ports(self.control);
        ended
    }
}

/// Gives up the last hold on the ports, which stops and closes them. A client may just be
/// getting its answer: that is waited for.
fn close_ports(control: Arc<Control>) {
    let deadline = std::time::Instant::now() + Duration::from_secs(1);
    while Arc::strong_count(&control) > 1 && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(control);
}

/// Stops the process when it is dropped.
struct StopAtEnd(Arc<AtomicBool>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn join(workers: Vec<WorkerHandle>) -> Result<(), WorkerPanic> {
    let ends: Vec<_> = workers.into_iter().map(WorkerHandle::join).collect();
    ends.into_iter().collect()
}

fn eal_config(config: &Config, workers: &[CoreId]) -> EalConfig {
    let main = config.node.main_cores_of(&online_cores());
    let memory = config.node.memory;
    EalConfig {
        program: "tandem-dataplane".to_owned(),
        main_cores: main.into_iter().map(|core| CoreId(core.0)).collect(),
        worker_cores: workers.to_vec(),
        memory: match (memory.hugepages, memory.mebibytes) {
            (true, mebibytes) => Memory::Hugepages(mebibytes),
            (false, mebibytes) => Memory::Ordinary(mebibytes.unwrap_or(512)),
        },
        file_prefix: config.node.file_prefix.clone(),
        devices: vec![device(&config.public.device), device(&config.private.device)],
    }
}

/// The machine's cores, whichever of them this process was started on.
fn online_cores() -> Vec<config::CoreId> {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?)
    });
    ranges.flatten().map(config::CoreId).collect()
}

fn device(device: &Device) -> DeviceSpec {
    match device {
        Device::Pci(address) => DeviceSpec::Pci(address.to_string()),
        Device::Virtual(device) => {
            DeviceSpec::Virtual { name: device.name.clone(), arguments: device.arguments.clone() }
        }
    }
}

fn mempool_config(config: &Config) -> MempoolConfig {
    let mtu = config.public.mtu.max(config.private.mtu);
    MempoolConfig {
        mbufs: config.node.memory.mbufs,
        cache: MEMPOOL_CACHE,
        data_room: (mtu + FRAME_OVERHEAD).max(LEAST_DATA_ROOM),
        socket: SocketId::ANY,
    }
}

/// Starts a side's port with a queue for each worker, or as many as it has.
fn start_nic(
    eal: &Eal,
    interface: &Interface,
    workers: usize,
    mempool: &Mempool,
) -> Result<Nic, StartError> {
    let spec = device(&interface.device);
    let name = spec.to_string();
    let id = eal.port(spec.port_name()).ok_or_else(|| StartError::NoPort(name.clone()))?;
    let can = port::capabilities(id)?;
    let wanted = u16::try_from(workers).unwrap_or(u16::MAX);
    let config = PortConfig {
        rx_queues: wanted.min(can.rx_queues).max(1),
        tx_queues: wanted.min(can.tx_queues).max(1),
        mempool: mempool.clone(),
        rx_descriptors: interface.rx_descriptors,
        tx_descriptors: interface.tx_descriptors,
        mtu: interface.mtu,
        promiscuous: false,
    };
    let (port, rx, tx) = Port::start(id, &name, &config)?;
    if let Some(mac) = interface.virtual_mac {
        port.accept(mac.0);
    }
    tracing::info!(
        device = name,
        driver = can.driver,
        rx_queues = config.rx_queues,
        tx_queues = config.tx_queues,
        "port started"
    );
    Ok(Nic { port: Arc::new(port), rx, tx })
}

/// What all workers are made from.
struct Common<'a> {
    config: &'a Config,
    mempool: Mempool,
    neighbours: Arc<NeighbourTable>,
    snapshot: Arc<Snapshot>,
    deadlines: Arc<SharedDeadlines>,
    clock: Clock,
    halt: Arc<AtomicBool>,
}

/// The workers before they start, and the ends of their rings and boxes that others hold.
struct Crew {
    parts: Vec<Parts>,
    controlled: Vec<ControlledWorker>,
    from_workers: Vec<Consumer>,
    to_worker: Producer,
}

impl Crew {
    fn sharing(&self) -> Sharing {
        let seed = self.parts.first().map_or(1, |parts| parts.handoff.seed);
        Sharing { seed, workers: self.parts.len() }
    }
}

impl Common<'_> {
    fn crew(&self, eal: &Eal, nics: [Nic; 2]) -> Result<Crew, StartError> {
        let cores = &self.config.node.workers;
        let [mut public, mut private] = nics.map(Queues::new);
        let mut handoffs = handoffs(eal, cores.len())?.into_iter();
        let capacity = (self.config.node.connections as usize).div_ceil(cores.len());
        // Only the first worker sends for the main core; the others' rings stay empty.
        let mut to_worker = None;
        let mut crew = (Vec::new(), Vec::new(), Vec::new());
        for (index, core) in cores.iter().enumerate() {
            let (to_housekeeping, from_worker) = ring::spsc(eal, RING, SocketId::ANY)?;
            let (to_this, from_housekeeping) = ring::spsc(eal, RING, SocketId::ANY)?;
            to_worker.get_or_insert(to_this);
            let counters = Arc::new(WorkerBlock::default());
            let mailbox = Arc::new(Mailbox::default());
            let Some(handoff) = handoffs.next() else { break };
            crew.0.push(Parts {
                index,
                receive: [public.rx.next(), private.rx.next()],
                outlets: [public.outlet(index), private.outlet(index)],
                handoff,
                to_housekeeping,
                from_housekeeping,
                mempool: self.mempool.clone(),
                connections: self.connections(capacity),
                fragments: self.fragments(),
                neighbours: Arc::clone(&self.neighbours),
                snapshot: Arc::clone(&self.snapshot),
                mailbox: Arc::clone(&mailbox),
                counters: Arc::clone(&counters),
                role: Arc::clone(&self.deadlines),
                clock: self.clock,
                idle: self.config.node.idle,
                stop: Arc::clone(&self.halt),
            });
            crew.1.push(ControlledWorker { core: core.0, capacity, counters, mailbox });
            crew.2.push(from_worker);
        }
        let (parts, controlled, from_workers) = crew;
        let no_workers = || EalError::Invalid("node.workers names no core".to_owned());
        let to_worker = to_worker.ok_or_else(no_workers)?;
        Ok(Crew { parts, controlled, from_workers, to_worker })
    }

    fn connections(&self, capacity: usize) -> Connections<std::net::Ipv4Addr> {
        Connections::new(capacity, self.snapshot.timeouts, self.clock.now(), &mut |region| {
            // Without huge pages the table is slower, and right.
            dpdk::memory::advise_hugepages(region.start, region.bytes);
        })
    }

    fn fragments(&self) -> Tracker<std::net::Ipv4Addr, dpdk::mbuf::Mbuf, crate::worker::Verdict> {
        // All workers together hold no more fragments than leaves half of the buffers to
        // others.
        let share = self.config.node.memory.mbufs as usize / 2 / self.config.node.workers.len();
        Tracker::new(DATAGRAMS, HELD_FRAGMENTS.min(share), self.snapshot.fragment_timeout)
    }
}

/// A device's queues as they are given out.
struct Queues {
    rx: std::vec::IntoIter<RxQueue>,
    tx: std::vec::IntoIter<TxQueue>,
    senders: usize,
}

impl Queues {
    fn new(nic: Nic) -> Self {
        let senders = nic.tx.len();
        Queues { rx: nic.rx.into_iter(), tx: nic.tx.into_iter(), senders }
    }

    /// A queue of its own while there are some; then through the others in turn.
    fn outlet(&mut self, index: usize) -> Outlet {
        match self.tx.next() {
            Some(queue) => Outlet::Queue(queue),
            None => Outlet::Via(index % self.senders.max(1)),
        }
    }
}

/// Rings from every worker to every other.
fn handoffs(eal: &Eal, workers: usize) -> Result<Vec<Handoff>, RingError> {
    let seed = ahash::RandomState::new().hash_one(0u8) | 1;
    let empty = |index| Handoff { peers: Vec::new(), from: Vec::new(), index, seed };
    let mut all: Vec<Handoff> = (0..workers).map(empty).collect();
    for from in 0..workers {
        for to in 0..workers {
            let mut peer = None;
            if from != to {
                let (producer, consumer) = ring::spsc(eal, RING, SocketId::ANY)?;
                peer = Some(Peer { ring: producer, waiting: dpdk::burst::Burst::<BURST>::new() });
                all[to].from.push(consumer);
            }
            all[from].peers.push(peer);
        }
    }
    Ok(all)
}
