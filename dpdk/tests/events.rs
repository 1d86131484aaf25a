//! What devices tell of themselves arrives, and at their own port only. The events are raised by
//! the functions with which drivers and buses raise them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::ffi::{CString, c_char, c_int, c_void};

use common::{attach, pool, port_config, start};
use dpdk::port::{Events, Port};

/// From rte_ethdev.h and rte_dev.h.
const LINK: c_int = 1;
const RESET: c_int = 3;
const REMOVAL: c_int = 6;
const DEVICE_ADDED: c_int = 0;
const DEVICE_REMOVED: c_int = 1;

unsafe extern "C" {
    /// The array of all ports, whose first one is at its beginning.
    static mut rte_eth_devices: u8;
    fn rte_eth_dev_callback_process(port: *mut c_void, event: c_int, more: *mut c_void) -> c_int;
    fn rte_dev_event_callback_process(device: *const c_char, event: c_int);
}

/// The driver of port 0 tells of this.
fn driver_tells(event: c_int) {
    // SAFETY: there is a port 0, at the beginning of the array.
    unsafe {
        let port = (&raw mut rte_eth_devices).cast();
        rte_eth_dev_callback_process(port, event, core::ptr::null_mut());
    }
}

fn bus_tells(device: &str, event: c_int) {
    let name = CString::new(device).unwrap();
    // SAFETY: the name ends in zero.
    unsafe { rte_dev_event_callback_process(name.as_ptr(), event) };
}

/// One test, since it takes port 0, which only the first device of a process is.
#[test]
fn what_a_device_tells_is_counted_at_its_port_until_it_is_closed() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let name = attach(eal, "net_null", "");
    let id = eal.port(&name).unwrap();
    let (port, rx, tx) = Port::start(id, &name, &port_config(&pool)).unwrap();
    let other = start(eal, "net_null", "", &port_config(&pool));
    assert_eq!(port.events(), Events::default());

    for event in [LINK, RESET, LINK, LINK] {
        driver_tells(event);
    }
    assert_eq!(port.events(), Events { link_changes: 3, resets: 1, removals: 0 });
    driver_tells(REMOVAL);
    bus_tells(&name, DEVICE_REMOVED);
    assert_eq!(port.events().removals, 2);
    // What is added, and what happens to devices of other names, is nothing of its.
    bus_tells(&name, DEVICE_ADDED);
    bus_tells("0000:03:00.0", DEVICE_REMOVED);
    assert_eq!(port.events().removals, 2);
    assert_eq!(other.port.events(), Events::default());

    // The next device with its number begins anew.
    drop((port, rx, tx));
    let again = start(eal, "net_null", "", &port_config(&pool));
    assert_eq!((again.port.id(), again.port.events()), (id, Events::default()));
    driver_tells(LINK);
    assert_eq!(again.port.events().link_changes, 1);
}
