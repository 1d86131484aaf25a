//! The dataplane as a whole: started from a configuration, stopped in order.
//!
//! ```text
//!   eal.rs   DPDK          nic.rs  buffers, ports, queues      state.rs  what all share
//!   worker_setup.rs  the workers' parts and rings              threads.rs  their threads
//!   numa.rs  whether cores and NICs are near each other
//!   privileges.rs  checked before all this, and given up before a worker runs
//! ```

mod eal;
mod error;
mod nic;
mod numa;
mod privileges;
mod state;
mod threads;
mod worker_setup;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use config::{Checked, Config};
use dpdk::eal::{Eal, WorkerHandle, WorkerPanic};
use dpdk::port::{self, Port};
use dpdk::{CoreId, SocketId};
use wire::MacAddress;

use crate::admin::{Admin, Loaded, Socket, SocketError};
use crate::clock::Clock;
use crate::housekeeping::{Housekeeping, Lending, Spread, Watch};
use crate::kernel::{KernelInterface, KernelInterfaceError};
use crate::link::NicLink;

use nic::{Nic, Pools};
use numa::On;
use state::SharedState;
use worker_setup::{WorkerResources, WorkerSetup};

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
    admin: Arc<Admin>,
    socket: Socket,
    /// Tells the workers to end.
    halt: Arc<AtomicBool>,
}

/// What is opened of the machine.
struct Machine {
    eal: Eal,
    clock: Clock,
    pools: Pools,
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
        let pools = Pools::make(&eal, config)?;
        let public = nic::start(&eal, &config.public, cores.len(), &pools.workers)?;
        let private = nic::start(&eal, &config.private, cores.len(), &pools.workers)?;
        let nics = [public, private];
        let kernel = match kernel {
            KernelInterfaces::Create => kernel_interfaces(config, &nics)?.map(Some),
            KernelInterfaces::Omit => [None, None],
        };
        let machine = Machine { eal, clock, pools, nics, kernel };
        machine.look_at_nodes(cores);
        Ok(machine)
    }

    /// Says which cores are far from the NICs.
    fn look_at_nodes(&self, cores: &[CoreId]) {
        let on = |socket: SocketId| socket.number();
        let nics = self.nics.iter().filter_map(|nic| {
            Some(On { what: nic.name.as_str(), node: on(port::socket(nic.port.id()))? })
        });
        let workers = cores
            .iter()
            .filter_map(|core| Some(On { what: *core, node: on(self.eal.socket(*core)?)? }));
        for remark in numa::remarks(&nics.collect::<Vec<_>>(), &workers.collect::<Vec<_>>()) {
            tracing::warn!("{remark}");
        }
    }

    fn macs(&self) -> [MacAddress; 2] {
        [self.nics[0].mac(), self.nics[1].mac()]
    }

    fn ports(&self) -> [Arc<Port>; 2] {
        [0, 1].map(|side| Arc::clone(&self.nics[side].port))
    }
}

fn links(config: &Config, [public, private]: &[Arc<Port>; 2]) -> [NicLink; 2] {
    [
        NicLink::new(Arc::clone(public), &config.public.device),
        NicLink::new(Arc::clone(private), &config.private.device),
    ]
}

fn open_socket(admin: &Arc<Admin>) -> Result<Socket, SocketError> {
    let path = admin.loaded.lock().config.node.control_socket.clone();
    Socket::open(&path, admin)
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
        checked: Checked,
        path: PathBuf,
        kernel: KernelInterfaces,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, StartError> {
        let config = &checked.config;
        let cores: Vec<CoreId> = config.node.workers.iter().map(|core| CoreId(core.0)).collect();
        privileges::check(config, kernel)?;
        let machine = Machine::open(config, &cores, kernel)?;
        let (state, builder) = SharedState::new(config, machine.macs(), machine.clock)?;
        let ports = machine.ports();
        let links = links(config, &ports);
        let (sharing, by_nics) =
            nic::share(&machine.nics, &config.node, builder.client_key.sharing);
        let sharing = Arc::new(sharing);
        let Machine { eal, pools, nics, kernel, .. } = machine;
        let halt = Arc::new(AtomicBool::new(false));
        let resources = WorkerResources {
            config,
            mempool: &pools.workers,
            socket: pools.socket,
            sharing: &sharing,
            state: &state,
            halt: &halt,
        };
        let worker_setup = resources.worker_setup(&eal, nics)?;
        let WorkerSetup { builds, admin_handles, from_workers, to_worker, reserve } = worker_setup;
        let blocks: Vec<_> =
            admin_handles.iter().map(|worker| Arc::clone(&worker.counters)).collect();
        let rooms = admin_handles.iter().map(|worker| Arc::clone(&worker.room)).collect();
        let lending = Lending::new(reserve, rooms, blocks.clone());
        let loads = admin_handles.iter().map(|worker| Arc::clone(&worker.loads)).collect();
        let now = state.clock.now();
        let spread = by_nics.then(|| Spread::new(config.node.workers.clone(), now));
        let watch = Watch::new(config, blocks, links, spread, now);
        let loaded = Loaded::new(checked, path, builder);
        let admin = Arc::new(state.admin(loaded, admin_handles, ports, pools.named(), sharing));
        let socket = open_socket(&admin)?;
        let rings = (from_workers, to_worker);
        let housekeeping = state.housekeeping(
            rings,
            kernel,
            pools.main,
            watch,
            (loads, lending),
            Arc::clone(&stop),
        );
        privileges::give_up(&admin.loaded.lock().config);
        let workers = threads::launch(&eal, cores, builds, &halt, &stop)?;
        Ok(Dataplane { housekeeping, workers, admin, socket, halt })
    }

    /// What the control socket answers from.
    pub fn admin(&self) -> &Arc<Admin> {
        &self.admin
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
        self.admin.sync.end();
        self.halt.store(true, Ordering::Relaxed);
        let ended = threads::join(self.workers);
        self.admin.role.end();
        drop(self.socket);
        drop(self.housekeeping);
        close_ports(self.admin);
        ended
    }
}

/// Gives up the last hold on the ports, which stops and closes them. A client may just be
/// getting its answer: that is waited for.
fn close_ports(admin: Arc<Admin>) {
    let deadline = Instant::now() + Duration::from_secs(1);
    while Arc::strong_count(&admin) > 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(admin);
}
