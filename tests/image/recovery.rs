//! What an operator does when something is wrong with what a machine keeps.

use lab::Lab;
use lab::image::{Configuration, Hardware, Machine, Network, Stick};

use crate::{ask, await_answer};

/// The lines of GRUB's menu, as the disk has them.
const SHELL_OF_SLOT_A: usize = 2;
const RESET: usize = 4;

#[test]
fn a_machine_is_reset_to_factory_and_lives_without_its_state() {
    let _network = Network::up().unwrap();
    let hardware = Hardware::new("a");
    let stick = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    let mut machine = Machine::new(hardware, Some(&stick)).unwrap();
    machine.power_on().unwrap();
    await_answer(&machine);
    let keys = machine.must("cat /var/etc/ssh/*.pub").unwrap();
    machine.must("touch /var/lib/tandem/kept; sync").unwrap();

    // A shell on the console, for whom nobody lets in any more.
    machine.power_off();
    machine.power_on().unwrap();
    machine.choose(SHELL_OF_SLOT_A).unwrap();
    machine.await_console("Press Enter for system maintenance").unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());

    // Everything is forgotten, and the machine asks for a configuration.
    machine.power_off();
    machine.take_stick_out();
    machine.power_on().unwrap();
    machine.choose(RESET).unwrap();
    machine.await_console("reset to factory: configuration, keys and logs are gone").unwrap();
    machine.await_console("There is no configuration").unwrap();
    machine.await_console("Nobody can log in").unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());
    machine.plug(&stick).unwrap();
    await_answer(&machine);
    assert!(!machine.run("test -e /var/lib/tandem/kept").unwrap().ok());
    let others = machine.must("cat /var/etc/ssh/*.pub").unwrap();
    assert_ne!(keys, others);
    // The workers' core is theirs alone from the second start on.
    assert_eq!(machine.must("cat /sys/devices/system/cpu/isolated").unwrap(), "1\n");

    // A state partition that cannot be read any more.
    machine.power_off();
    machine.wipe("tandem-state").unwrap();
    machine.power_on().unwrap();
    machine.await_console("the partition tandem-state is damaged and was left alone").unwrap();
    machine.await_console("There is no configuration").unwrap();
    machine.plug(&stick).unwrap();
    await_answer(&machine);
    assert_eq!(machine.must("findmnt -no FSTYPE /var").unwrap(), "tmpfs\n");
}
