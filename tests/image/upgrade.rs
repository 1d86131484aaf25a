//! Upgrades of one machine, right and wrong ones, and what a power cut leaves.

use core::time::Duration;

use lab::image::{Configuration, Hardware, Machine, Network, Stick, upgrade};
use lab::{Lab, Output};

use crate::{ask, await_answer};

/// Times that the power is cut.
const CUTS: usize = 3;

/// Waits until a slot with this release runs and was judged to be well.
fn await_good(machine: &Machine, slot: &str, release: &str) {
    let judged = format!(
        "grep -q rauc.slot={slot} /proc/cmdline && grep -q 'VERSION=.*{release}' /usr/lib/tandem/release \
         && test -e /run/tandem/slot-good"
    );
    let is_good = || machine.run(&judged).is_ok_and(|output| output.ok());
    machine.wait(&format!("slot {slot} is well"), is_good).unwrap();
}

/// Gives the machine a file and has it upgrade itself; what it said.
fn try_upgrade(machine: &Machine, name: &str, options: &str) -> Output {
    machine.copy(&upgrade(name).unwrap(), "/var/lib/tandem/new.raucb").unwrap();
    machine.run(&format!("tandem upgrade {options} /var/lib/tandem/new.raucb")).unwrap()
}

/// Why it left a slot the last time.
fn reason(machine: &Machine) -> String {
    machine.must("tail -n 1 /var/lib/tandem/slots").unwrap()
}

/// A machine that forwards, and whose slot is well.
fn start() -> (Network, Machine) {
    let network = Network::up().unwrap();
    let hardware = Hardware::new("a");
    let stick = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    let mut machine = Machine::new(hardware, Some(&stick)).unwrap();
    machine.power_on().unwrap();
    await_answer(&machine);
    await_good(&machine, "a", "");
    (network, machine)
}

#[test]
fn upgrades_that_are_not_right_or_not_finished_change_nothing() {
    let (_network, mut machine) = start();
    let slots = "grub-editenv /efi/grub/grubenv list";
    let before = machine.must(slots).unwrap();
    for (name, options, words) in [
        ("older", "--without-peer", "is not newer than"),
        ("newer", "", "clients would be without a machine"),
        ("foreign", "--without-peer", "signature verification failed"),
        ("truncated", "--without-peer", "Nothing was changed"),
    ] {
        let refused = try_upgrade(&machine, name, options);
        assert!(!refused.ok() && refused.words().contains(words), "{name}: {}", refused.words());
    }
    assert_eq!(machine.must(slots).unwrap(), before);

    // The power is cut while the slot is written, at any moment of it.
    machine.copy(&upgrade("newer").unwrap(), "/var/lib/tandem/new.raucb").unwrap();
    let begin = "tandem upgrade --without-peer /var/lib/tandem/new.raucb";
    for _ in 0..CUTS {
        machine.must(&format!("sync; nohup {begin} >/run/upgrade.log 2>&1 </dev/null &")).unwrap();
        let writes =
            || machine.run("grep -q Copying /run/upgrade.log").is_ok_and(|output| output.ok());
        machine.wait("the slot is being written", writes).unwrap();
        let later = Duration::from_millis(fastrand::u64(0..6000));
        println!("the power is cut {later:?} after the first write");
        std::thread::sleep(later);
        machine.power_off();
        machine.power_on().unwrap();
        await_answer(&machine);
        await_good(&machine, "a", "");
        // It was not even tried, and nobody is blamed.
        assert!(!machine.run("test -e /var/lib/tandem/slots").unwrap().ok());
    }
}

#[test]
fn a_new_slot_that_is_not_well_is_left() {
    let (_network, machine) = start();
    // Its kernel panics.
    let started = try_upgrade(&machine, "panics", "--without-peer");
    assert!(started.words().contains("Restarting into slot b"), "{}", started.words());
    machine.await_console("Kernel panic").unwrap();
    await_answer(&machine);
    await_good(&machine, "a", "");
    assert!(reason(&machine).contains("slot b was new and did not start"), "{}", reason(&machine));
    machine.await_console("slot b was new and did not start").unwrap();

    // It starts and does not forward.
    let started = try_upgrade(&machine, "broken", "--without-peer");
    assert!(started.words().contains("Restarting into slot b"), "{}", started.words());
    machine.await_console("broken, slot b").unwrap();
    machine.await_console("slot b was new and not well").unwrap();
    await_answer(&machine);
    await_good(&machine, "a", "");
    assert!(reason(&machine).contains("slot b was new and not well"), "{}", reason(&machine));
}

#[test]
fn a_slot_that_is_damaged_on_the_disk_is_left() {
    let (_network, mut machine) = start();
    let started = try_upgrade(&machine, "newer", "--without-peer");
    assert!(started.words().contains("Restarting into slot b"), "{}", started.words());
    await_good(&machine, "b", "newer");
    await_answer(&machine);

    // Its kernel cannot be read any more: after three starts the slot from before is taken.
    machine.must("sync").unwrap();
    machine.power_off();
    machine.damage("tandem-boot-b").unwrap();
    machine.power_on().unwrap();
    machine.await_console("Slot b cannot be loaded").unwrap();
    await_answer(&machine);
    await_good(&machine, "a", "");

    // A root with one other bit is not used, also where there is no second slot.
    machine.power_off();
    machine.damage("tandem-root-a").unwrap();
    machine.power_on().unwrap();
    machine.await_console("is corrupted").unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());
}
