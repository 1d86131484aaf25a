//! What devices tell of themselves: that the link has changed, that a virtual function was reset
//! by its physical one, that the device is being removed.
//!
//! A driver tells a port's events. Of a PCI device under vfio-pci it is the kernel that asks for
//! the device back, which DPDK tells by the device's name. Both come on DPDK's thread for
//! interrupts, which does no more than count them here.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use dpdk_sys::{
    RTE_DEV_EVENT_REMOVE, RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV,
    rte_dev_event_type, rte_eth_event_type,
};

use super::PortId;

/// How often a device has told of something since its port was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events {
    /// The link went up or down. A device that cannot interrupt for that tells nothing.
    pub link_changes: u32,
    /// The device was reset from outside, as a virtual function is by its physical one. It works
    /// again when it was set up anew.
    pub resets: u32,
    /// The device is being removed, or gone.
    pub removals: u32,
}

struct Counts {
    link_changes: AtomicU32,
    resets: AtomicU32,
    removals: AtomicU32,
}

impl Counts {
    const fn new() -> Self {
        let [link_changes, resets, removals] = [const { AtomicU32::new(0) }; 3];
        Counts { link_changes, resets, removals }
    }

    fn all(&self) -> [&AtomicU32; 3] {
        [&self.link_changes, &self.resets, &self.removals]
    }
}

/// Of each port, by its number. They outlive every port, as a callback may be under way while it
/// is taken back.
static COUNTS: [Counts; dpdk_sys::TANDEM_MAX_ETHPORTS as usize] =
    [const { Counts::new() }; dpdk_sys::TANDEM_MAX_ETHPORTS as usize];

/// The ports that are watched, by the name of their device.
static WATCHED: Mutex<Vec<(PortId, String)>> = Mutex::new(Vec::new());

const WANTED: [rte_eth_event_type; 3] =
    [RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV];

/// Counts what this port's device tells from now on. The error is DPDK's number.
pub(super) fn watch(id: PortId, device: &str) -> Result<(), i32> {
    forget(id);
    watch_devices();
    // Behind a comma there are arguments of a virtual device.
    let name = device.split(',').next().unwrap_or(device);
    watched(|all| all.push((id, name.to_owned())));
    for event in WANTED {
        // SAFETY: DPDK checks the number of the port; the function stays for ever, and gets no
        // argument.
        let result = unsafe {
            let nothing = core::ptr::null_mut();
            dpdk_sys::rte_eth_dev_callback_register(id.0, event, Some(port_event), nothing)
        };
        if result != 0 {
            forget(id);
            return Err(result);
        }
    }
    Ok(())
}

/// Begins to count anew, for the next device that has this number.
pub(super) fn forget(id: PortId) {
    for event in WANTED {
        // SAFETY: as above. What was not registered is not found.
        unsafe {
            let nothing = core::ptr::null_mut();
            dpdk_sys::rte_eth_dev_callback_unregister(id.0, event, Some(port_event), nothing);
        }
    }
    watched(|all| all.retain(|(port, _)| *port != id));
    let counts = COUNTS.get(usize::from(id.0));
    counts
        .iter()
        .flat_map(|counts| counts.all())
        .for_each(|count| count.store(0, Ordering::Relaxed));
}

/// What the device of this port has told.
pub(super) fn of(id: PortId) -> Events {
    let Some(counts) = COUNTS.get(usize::from(id.0)) else { return Events::default() };
    let [link_changes, resets, removals] = counts.all().map(|count| count.load(Ordering::Relaxed));
    Events { link_changes, resets, removals }
}

/// Has removals of all devices told, once in a process.
fn watch_devices() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: no name stands for every device; the function stays for ever, and gets no
        // argument. Where it is refused, drivers tell of removals still.
        unsafe {
            let nothing = core::ptr::null_mut();
            dpdk_sys::rte_dev_event_callback_register(
                core::ptr::null(),
                Some(device_event),
                nothing,
            );
        }
    });
}

fn watched<T>(of: impl FnOnce(&mut Vec<(PortId, String)>) -> T) -> T {
    of(&mut WATCHED.lock().unwrap_or_else(PoisonError::into_inner))
}

unsafe extern "C" fn port_event(
    port: u16,
    event: rte_eth_event_type,
    _argument: *mut c_void,
    _parameter: *mut c_void,
) -> c_int {
    count(PortId(port), event);
    0
}

fn count(id: PortId, event: rte_eth_event_type) {
    let Some(counts) = COUNTS.get(usize::from(id.0)) else { return };
    let count = match event {
        RTE_ETH_EVENT_INTR_LSC => &counts.link_changes,
        RTE_ETH_EVENT_INTR_RESET => &counts.resets,
        RTE_ETH_EVENT_INTR_RMV => &counts.removals,
        _ => return,
    };
    count.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn device_event(
    device: *const c_char,
    event: rte_dev_event_type,
    _argument: *mut c_void,
) {
    if event != RTE_DEV_EVENT_REMOVE || device.is_null() {
        return;
    }
    // SAFETY: a device's name ends in zero, and stays until this returns.
    let device = unsafe { CStr::from_ptr(device) };
    let port = watched(|all| {
        let is_it = |(_, name): &&(PortId, String)| name.as_bytes() == device.to_bytes();
        all.iter().find(is_it).map(|(port, _)| *port)
    });
    if let Some(port) = port {
        count(port, RTE_ETH_EVENT_INTR_RMV);
    }
}
