//! A machine that starts by UEFI, with the NICs of virtual machines, and a stick with a mistake on
//! it: what it says, who gets in, and what it leaves open.

use lab::image::{Configuration, Firmware, Hardware, Machine, Network, Stick};
use lab::{Lab, Namespace};

use crate::{ask, await_answer};

/// The TCP ports of an address that answer, as nmap counts them.
fn open_ports(from: Namespace, address: &str) -> Vec<u16> {
    let line = format!(
        "nmap -Pn -n -sS -p- --min-rate 4000 --max-retries 2 -T4 -oG - {address} | grep -o '[0-9]*/open/' || true"
    );
    let output = from.sh(&line).unwrap();
    output.stdout.lines().filter_map(|line| line.split('/').next()?.parse().ok()).collect()
}

#[test]
fn a_mistake_on_the_stick_is_told_and_a_right_one_is_taken() {
    let _network = Network::up().unwrap();
    let hardware =
        Hardware { firmware: Firmware::Uefi, nic: Hardware::VIRTIO, ..Hardware::new("a") };
    let right = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    let wrong = right.clone().with("scheduler = \"rr\"", "scheduler = \"fastest\"");
    let mut machine = Machine::new(hardware, Some(&wrong)).unwrap();
    machine.power_on().unwrap();
    machine.await_console("the configuration of the disk labelled TANDEM has mistakes").unwrap();
    machine.await_console("\"fastest\"").unwrap();
    // Its keys were taken all the same.
    machine.await_login().unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());

    machine.plug(&right).unwrap();
    await_answer(&machine);
    machine.await_status("WELL: a is active").unwrap();
    let log = machine.must("journalctl -u tandem-dataplane -b --no-pager").unwrap();
    assert!(log.contains("net_virtio"), "{log}");
    // Secure Boot is on, and the kernel keeps to what that means.
    let boot = machine.must("dmesg | grep -i 'secure boot\\|lockdown'").unwrap();
    assert!(boot.contains("Secure boot enabled"), "{boot}");

    // Only what is documented is open: SSH, and the metrics where they are configured.
    assert_eq!(open_ports(Lab::SWITCH, &machine.management()), [22]);
    assert_eq!(open_ports(Lab::CLIENT, &machine.public()), [22, 9405]);
    let metrics =
        Lab::CLIENT.sh(&format!("curl -s -m 20 http://{}:9405/metrics", machine.public()));
    assert!(metrics.unwrap().stdout.contains("tandem_active 1"));

    // The root is read-only and checked, and nothing in it runs with the rights of another user.
    let root = machine.must("findmnt -no FSTYPE,SOURCE,OPTIONS /").unwrap();
    assert!(root.starts_with("squashfs /dev/mapper/tandem-root ro,nosuid,nodev"), "{root}");
    assert!(!machine.run("touch /usr/bin/tandem").unwrap().ok());
    assert_eq!(machine.must("find / -xdev -type f -perm /6000").unwrap(), "");
    // No account has a password.
    assert_eq!(machine.must("awk -F: '$2 !~ /^[*!]/' /etc/shadow").unwrap(), "");
    // Who has no key does not get in.
    let stranger = format!(
        "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
         -o ConnectTimeout=20 root@{} true",
        machine.management()
    );
    let refused = Lab::SWITCH.sh(&stranger).unwrap();
    assert!(refused.stderr.contains("Permission denied (publickey)"), "{}", refused.words());
    // What the machine itself says of its state.
    let doctor = machine.run("tandem doctor").unwrap().words();
    assert!(doctor.contains("Nothing is wrong"), "{doctor}");
}

#[test]
fn a_machine_without_an_iommu_says_so_and_forwards_when_told_to() {
    let _network = Network::up().unwrap();
    let hardware = Hardware { iommu: false, ..Hardware::new("a") };
    let stick = Stick::new(Configuration { pair: false }, &hardware).unwrap();
    let mut machine = Machine::new(hardware, Some(&stick)).unwrap();
    machine.power_on().unwrap();
    machine.await_console("this virtual machine has no IOMMU").unwrap();
    machine.await_console("add --no-iommu").unwrap();
    machine.await_login().unwrap();
    assert!(!Lab::CLIENT.sh(&ask()).unwrap().ok());

    // The way without is an explicit choice.
    machine.plug(&stick.with_setup("--no-iommu\n")).unwrap();
    await_answer(&machine);
    machine.await_status("WELL: a is active").unwrap();
    let driver = machine.must("readlink -f /sys/bus/pci/devices/0000:00:10.0/driver").unwrap();
    assert!(driver.contains("uio_pci_generic"), "{driver}");
}
