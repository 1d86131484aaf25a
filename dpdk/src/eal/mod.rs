//! The environment abstraction layer: DPDK's start, once in a process.

mod arguments;
mod device;
mod hugepages;
mod launch;

use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port_id::PortId;
use crate::{CoreId, SocketId};

pub use device::{DeviceError, DeviceSpec};
pub use launch::{LaunchError, WorkerHandle, WorkerPanic};

/// The pages that DPDK's memory consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// Huge pages; at most so many MiB are taken at the start, or what is needed.
    Hugepages(Option<u32>),
    /// Ordinary pages, so many MiB: for tests and laboratories. NICs that do DMA cannot
    /// work with them.
    Ordinary(u32),
}

/// How DPDK is to be started.
#[derive(Clone, Debug)]
pub struct EalConfig {
    /// Name of the program in DPDK's own messages.
    pub program: String,
    /// Cores on which the main thread may run.
    pub main_cores: Vec<CoreId>,
    /// Cores of the workers, one thread each.
    pub worker_cores: Vec<CoreId>,
    /// The pages that DPDK's memory consists of, and their amount.
    pub memory: Memory,
    /// Tells the files of two DPDK processes apart.
    pub file_prefix: String,
    /// The devices that this process drives; it touches no others.
    pub devices: Vec<DeviceSpec>,
}

impl Default for EalConfig {
    fn default() -> Self {
        EalConfig {
            program: "tandem".to_owned(),
            main_cores: vec![CoreId(0)],
            worker_cores: Vec::new(),
            memory: Memory::Hugepages(None),
            file_prefix: "tandem".to_owned(),
            devices: Vec::new(),
        }
    }
}

/// Why DPDK did not start.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EalError {
    /// DPDK was started before, and a process can start it only once.
    #[error("DPDK runs already in this process, and can be started once only")]
    AlreadyStarted,
    /// A part of the configuration cannot be passed to DPDK.
    #[error("{0}")]
    Invalid(String),
    /// No huge pages are free.
    #[error(
        "no huge pages are free: reserve some with \
         `echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages` (512 are 1 GiB), \
         or set node.hugepages = false to do without (for tests)"
    )]
    NoHugepages,
    /// The process lacks capabilities that DPDK needs.
    #[error(
        "DPDK may not use huge pages or devices here: run as root, or with the capabilities \
         CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW and CAP_IPC_LOCK"
    )]
    Permission,
    /// A device cannot be driven.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// DPDK refused for another reason.
    #[error("DPDK did not start: {0}; the lines of EAL before this one say more")]
    Init(String),
}

static STARTED: AtomicBool = AtomicBool::new(false);

/// DPDK's functions that set up, ask and end devices and workers are for one thread at a
/// time; whoever calls them holds this. Packets go their way without it.
pub(crate) fn control() -> MutexGuard<'static, ()> {
    static CONTROL: Mutex<()> = Mutex::new(());
    CONTROL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// DPDK, started. It runs until the process ends.
#[derive(Debug)]
pub struct Eal {
    worker_cores: Vec<CoreId>,
}

impl Eal {
    /// Starts DPDK and probes the devices.
    ///
    /// # Errors
    ///
    /// [`EalError`]. After an error inside DPDK itself, the process has to be started
    /// anew: DPDK does not start twice.
    pub fn start(config: &EalConfig) -> Result<Self, EalError> {
        for device in &config.devices {
            device.check()?;
        }
        if matches!(config.memory, Memory::Hugepages(_)) {
            hugepages::check()?;
        }
        let arguments = arguments::of(config)?;
        if STARTED.swap(true, Ordering::SeqCst) {
            return Err(EalError::AlreadyStarted);
        }
        let _control = control();
        init(arguments)?;
        reserve_tag()?;
        for device in &config.devices {
            device.attach()?;
        }
        Ok(Eal { worker_cores: config.worker_cores.clone() })
    }

    /// The port of a device, by its name: a PCI address, or a virtual device's name
    /// without arguments.
    pub fn port(&self, name: &str) -> Option<PortId> {
        let name = CString::new(name).ok()?;
        let _control = control();
        device::port_by_name(&name).map(PortId)
    }

    /// The NUMA socket of a worker core; `None` for any other core.
    pub fn socket(&self, core: CoreId) -> Option<SocketId> {
        // SAFETY: DPDK checks the number.
        let socket = || unsafe { dpdk_sys::rte_lcore_to_socket_id(u32::from(core.0)) };
        self.worker_cores.contains(&core).then(|| SocketId(socket() as i32))
    }

    /// Adds a device while DPDK runs.
    ///
    /// # Errors
    ///
    /// Returns [`DeviceError`] if the device cannot be driven.
    pub fn attach(&self, device: &DeviceSpec) -> Result<(), DeviceError> {
        device.check()?;
        let _control = control();
        device.attach()
    }
}

fn init(arguments: Vec<CString>) -> Result<(), EalError> {
    // EAL keeps pointers into its arguments for as long as it runs.
    let mut raw: Vec<*mut c_char> = arguments.into_iter().map(CString::into_raw).collect();
    let count = raw.len() as i32;
    raw.push(core::ptr::null_mut());
    let raw = Vec::leak(raw);
    // SAFETY: an array of `count` strings that end in zero, closed by a null pointer, all
    // of which stay for ever.
    if unsafe { dpdk_sys::rte_eal_init(count, raw.as_mut_ptr()) } >= 0 {
        return Ok(());
    }
    match last_errno() {
        libc::EACCES | libc::EPERM => Err(EalError::Permission),
        error => Err(EalError::Init(describe(error))),
    }
}

/// Keeps the bytes of [`crate::mbuf::Mbuf::tag`] from drivers.
fn reserve_tag() -> Result<(), EalError> {
    // SAFETY: EAL has started.
    if unsafe { dpdk_sys::tandem_reserve_tag() } >= 0 {
        return Ok(());
    }
    let cause = last_error();
    Err(EalError::Init(format!("a driver uses the bytes that mark packets ({cause})")))
}

pub(crate) fn last_errno() -> i32 {
    // SAFETY: reads a number of this thread.
    unsafe { dpdk_sys::tandem_errno() }
}

/// What DPDK says of its last error in this thread.
pub(crate) fn last_error() -> String {
    describe(last_errno())
}

/// Describes one of DPDK's error numbers in words.
pub(crate) fn describe(error: i32) -> String {
    // SAFETY: returns a string that ends in zero and stays until the next call of this
    // thread.
    let text = unsafe { CStr::from_ptr(dpdk_sys::rte_strerror(error.abs())) };
    text.to_string_lossy().into_owned()
}
