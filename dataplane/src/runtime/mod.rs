//! The dataplane as a whole: started from a configuration, stopped in order.
//!
//! ```text
//!   eal.rs   DPDK          nic.rs  buffers, ports, queues      state.rs  what all read
//!   crew.rs  the workers' parts and rings                      threads.rs  their threads
//!   privileges.rs  checked before all this, and given up before a worker runs
//! ```

mod crew;
mod eal;
mod error;
mod nic;
mod privileges;
mod state;
mod threads;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use config::Config;
use dpdk::CoreId;
use dpdk::eal::{Eal, WorkerHandle, WorkerPanic};
use dpdk::mempool::Mempool;
use parking_lot::{Mutex, RwLock};

use crate::clock::Clock;
use crate::control::{Control, Loaded, Socket};
use crate::counters::Drops;
use crate::housekeeping::{Announcer, Housekeeping, Watch};
use crate::kernel::{KernelInterface, KernelInterfaceError};
use crate::link::NicLink;
use crate::sync::Hub;

use crew::{Common, Crew};
use nic::Nic;
use state::State;

pub use error::StartError;

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

/// What is opened of the machine.
struct Machine {
    eal: Eal,
    clock: Clock,
    mempool: Mempool,
    nics: [Nic; 2],
    kernel: [Option<KernelInterface>; 2],
}

impl Machine {
    fn open(
        config: &Config,
        cores: &[CoreId],
        kernel: KernelInterfaces,
    ) -> Result<Self, StartError> {
        let eal = Eal::start(&eal::of(config, cores))?;
        let clock = Clock::start();
        let mempool = nic::mempool(&eal, config)?;
        let public = nic::start(&eal, &config.public, cores.len(), &mempool)?;
        let private = nic::start(&eal, &config.private, cores.len(), &mempool)?;
        let nics = [public, private];
        let kernel = match kernel {
            KernelInterfaces::Create => kernel_interfaces(config, &nics)?.map(Some),
            KernelInterfaces::Omit => [None, None],
        };
        Ok(Machine { eal, clock, mempool, nics, kernel })
    }
}

fn kernel_interfaces(
    config: &Config,
    [public, private]: &[Nic; 2],
) -> Result<[KernelInterface; 2], KernelInterfaceError> {
    Ok([
        KernelInterface::create(&config.public, public.mac())?,
        KernelInterface::create(&config.private, private.mac())?,
    ])
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
        privileges::check(&config, kernel)?;
        let machine = Machine::open(&config, &cores, kernel)?;
        let Machine { eal, clock, mempool, nics, kernel } = machine;
        let state = State::new(&config, [nics[0].mac(), nics[1].mac()], clock)?;
        let ports = [0, 1].map(|side| Arc::clone(&nics[side].port));
        let links = [
            NicLink::new(Arc::clone(&ports[0]), &config.public.device),
            NicLink::new(Arc::clone(&ports[1]), &config.private.device),
        ];
        let halt = Arc::new(AtomicBool::new(false));
        let common = Common {
            config: &config,
            mempool: mempool.clone(),
            neighbours: state.neighbours,
            snapshot: Arc::clone(&state.snapshot),
            deadlines: Arc::clone(state.role.deadlines()),
            clock,
            halt: Arc::clone(&halt),
        };
        let crew = common.crew(&eal, nics)?;
        let sharing = crew.sharing();
        let Crew { parts, controlled, from_workers, to_worker } = crew;
        let blocks = controlled.iter().map(|worker| Arc::clone(&worker.counters)).collect();
        let drops = Arc::new(Drops::default());
        let snapshot = Arc::new(RwLock::new(state.snapshot));
        let socket_path = config.node.control_socket.clone();
        let loaded = Loaded { config, path, at: SystemTime::now(), builder: state.builder };
        let control = Arc::new(Control {
            loaded: Mutex::new(loaded),
            snapshot: Arc::clone(&snapshot),
            workers: controlled,
            orders: Mutex::new(0),
            ports,
            resolver: Arc::clone(&state.resolver),
            role: Arc::clone(&state.role),
            drops: Arc::clone(&drops),
            clock,
            sharing,
            sync: Hub::new(cores.len()),
        });
        let socket = Socket::open(&socket_path, &control)?;
        let housekeeping = Housekeeping {
            from_workers,
            to_worker,
            kernel,
            mempool,
            resolver: state.resolver,
            snapshot,
            role: state.role,
            announcer: Announcer::default(),
            watch: Watch::new(blocks, links, clock.now()),
            drops,
            clock,
            stop: Arc::clone(&stop),
        };
        privileges::give_up(&control.loaded.lock().config);
        let workers = threads::launch(&eal, cores, parts, &halt, &stop)?;
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
        let ended = threads::join(self.workers);
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
    let deadline = Instant::now() + Duration::from_secs(1);
    while Arc::strong_count(&control) > 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(control);
}
