//! One machine: written to a disk, started, configured by a stick, and it forwards.

use std::time::Instant;

use lab::image::{Configuration, Hardware, Machine, Network, Stick};
use lab::{Lab, VIP};

use crate::{ask, await_answer};

#[test]
fn smoke_a_machine_with_a_stick_forwards() {
    let _network = Network::up().unwrap();
    let hardware = Hardware::new("a");
    let stick = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    let mut machine = Machine::new(hardware, Some(&stick)).unwrap();
    // The control: nobody answers for the virtual IP while the machine is off.
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());

    let begin = Instant::now();
    machine.power_on().unwrap();
    await_answer(&machine);
    println!("from power-on to forwarding: {} s", begin.elapsed().as_secs());

    machine.await_status("WELL: a is active").unwrap();
    let log = machine.must("journalctl -u tandem-dataplane -b --no-pager").unwrap();
    assert!(log.contains("net_e1000_em"), "{log}");
    machine.await_console("the configuration was taken over").unwrap();
    // The machine knows what it took, too: all of it but what only some firmware tells.
    let metrics = format!("curl -s -m 20 http://{}:9405/metrics", machine.public());
    let metrics = || Lab::CLIENT.sh(&metrics).unwrap().stdout;
    for phase in ["kernel", "userspace", "forwarding"] {
        let has = || metrics().contains(&format!("tandem_boot_seconds{{phase=\"{phase}\"}}"));
        lab::wait_until(&format!("the phase {phase} of the boot is told"), 60, has).unwrap();
    }
    // The servers' own connections go out.
    let out = Lab::S1.sh("curl -s -m 20 http://203.0.113.10/").unwrap().stdout;
    assert_eq!(out, format!("internet {VIP}\n"));
}
