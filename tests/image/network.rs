//! A machine without a disk, which gets its image and its configuration by network.

use lab::Lab;
use lab::image::{Configuration, Firmware, Hardware, Machine, Network, Stick};

use crate::{ask, await_answer};

#[test]
fn a_machine_without_a_disk_starts_by_network() {
    let network = Network::up().unwrap();
    let hardware =
        Hardware { firmware: Firmware::Network, nic: Hardware::VMXNET3, ..Hardware::new("a") };
    let offered = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    network.offer("a", &offered).unwrap();
    let mut machine = Machine::new(hardware, None).unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());
    machine.power_on().unwrap();
    await_answer(&machine);
    machine.await_status("WELL: a is active").unwrap();
    machine.await_console("slot network").unwrap();
    machine.await_console("the configuration was taken over from http://").unwrap();
    let log = machine.must("journalctl -u tandem-dataplane -b --no-pager").unwrap();
    assert!(log.contains("net_vmxnet3"), "{log}");
    // It has nothing to upgrade, and says what to do instead.
    let upgrade = machine.run("tandem upgrade /dev/null").unwrap();
    assert!(upgrade.stderr.contains("started by network"), "{}", upgrade.words());
}
