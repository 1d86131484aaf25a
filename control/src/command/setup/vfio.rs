//! The driver that gives NICs to the dataplane, and the NICs that are bound to it: vfio-pci, or
//! uio_pci_generic where there is no IOMMU and the kernel's vfio does not do without (Debian 13).

use config::PciAddress;
use host::iommu::{self, Iommu};
use host::kernel::{self, Module};
use host::{Host, pci};

use super::action::Action;
use super::nic::Nic;
use super::record::Record;
use crate::command::doctor::Tool;

const VFIO: &str = "vfio-pci";
const UIO: &str = "uio_pci_generic";
const LOAD: &str = "/etc/modules-load.d/tandem.conf";
const OPTIONS: &str = "/etc/modprobe.d/tandem.conf";
const DROP_IN: &str = "/etc/systemd/system/tandem-dataplane.service.d/no-iommu.conf";

const RELOAD: [&str; 2] = ["systemctl", "daemon-reload"];

/// True when systemd has not read the drop-in, also where an earlier run was to make it do so.
pub(super) fn needs_reload(tool: Tool<'_>, record: &Record) -> bool {
    let asked = ["show", "-p", "NeedDaemonReload", "tandem-dataplane.service"];
    record.is_unfinished(&RELOAD)
        || tool("systemctl", &asked).is_ok_and(|answer| answer.trim() == "NeedDaemonReload=yes")
}

/// The steps, and what stands in their way.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) actions: Vec<Action>,
    pub(super) problems: Vec<String>,
    /// What an image still needs before it runs anywhere.
    pub(super) left: Vec<String>,
}

/// Binds these NICs, at once where the machine can, and at every start.
pub(super) fn steps(
    host: &Host,
    nics: &[Nic; 2],
    no_iommu: bool,
    is_live: bool,
    needs_reload: bool,
) -> Steps {
    let mut steps = Steps::default();
    let handed_over: Vec<PciAddress> = nics.iter().filter_map(Nic::handed_over).collect();
    if handed_over.is_empty() {
        return steps;
    }
    let driver = if no_iommu && !iommu::has_unsafe_mode(host) { UIO } else { VFIO };
    if no_iommu {
        without_iommu(host, driver, is_live, needs_reload, &mut steps);
    }
    let text = format!(
        "# Written by tandem setup: the driver that gives NICs to the dataplane.\n{driver}\n"
    );
    write(host, LOAD, &text, "loads the driver at every start", &mut steps);
    if is_live {
        load(host, driver, &mut steps);
    }
    // driverctl unbinds at once, and vfio-pci takes nothing without an IOMMU: until the next
    // start, the NIC would be nobody's.
    let binds_now = is_live && (no_iommu || iommu::state(host) == Iommu::On);
    if is_live && !no_iommu {
        steps.problems.extend(no_iommu_here(host));
    }
    for address in handed_over {
        bind(host, address, driver, binds_now, &mut steps);
    }
    if steps.needs("driverctl") && !has_driverctl(host) {
        let missing = if is_live { &mut steps.problems } else { &mut steps.left };
        missing.push(DRIVERCTL.to_owned());
    }
    steps
}

const DRIVERCTL: &str =
    "driverctl is not installed, which binds NICs at every start; type: apt install driverctl";

impl Steps {
    /// A NIC changes hands at once.
    pub(super) fn bind_now(&self) -> bool {
        self.actions.iter().any(|action| {
            matches!(action, Action::Run { command, .. } if command.first().is_some_and(|of| of == "driverctl"))
        })
    }

    /// Something is done that only this program makes last.
    fn needs(&self, program: &str) -> bool {
        self.actions.iter().any(|action| match action {
            Action::Run { command, .. } => command.first().is_some_and(|first| first == program),
            Action::Write { path, .. } => path.starts_with(&format!("/etc/{program}.d/")),
            Action::Set { .. } => false,
        })
    }
}

fn has_driverctl(host: &Host) -> bool {
    ["/usr/sbin/driverctl", "/sbin/driverctl"].iter().any(|path| host.exists(path))
}

/// An IOMMU that no kernel command line brings.
fn no_iommu_here(host: &Host) -> Option<String> {
    let where_ = match iommu::state(host) {
        Iommu::On | Iommu::OffInKernel => return None,
        Iommu::OffInFirmware => {
            "the firmware describes no IOMMU: switch on VT-d (Intel) or AMD-Vi/IOMMU (AMD) in its \
             setup"
        }
        Iommu::OffInHypervisor => {
            "this virtual machine has no IOMMU: give it a virtual one (QEMU: -device \
             intel-iommu,intremap=on)"
        }
    };
    Some(format!(
        "{where_}; or add --no-iommu, with which the NICs can write to all of the machine's memory"
    ))
}

fn without_iommu(host: &Host, driver: &str, is_live: bool, needs_reload: bool, steps: &mut Steps) {
    let lockdown = host.read("/sys/kernel/security/lockdown").unwrap_or_default();
    if is_live && kernel::chosen(&lockdown).is_some_and(|mode| mode != "none") {
        steps.problems.push(
            "the kernel is locked down (Secure Boot), which forbids NICs without an IOMMU: use the \
             IOMMU, or switch Secure Boot off"
                .to_owned(),
        );
    }
    if driver == VFIO {
        let text = "# Written by tandem setup --no-iommu: NICs can write to all of the memory.\n\
                    options vfio enable_unsafe_noiommu_mode=1\n";
        write(host, OPTIONS, text, "lets vfio-pci work without an IOMMU", steps);
    }
    // The registers of such NICs are in files below /sys.
    let more = match driver {
        UIO => "SystemCallFilter=@raw-io\nProtectKernelTunables=no\nDeviceAllow=char-uio rw\n",
        _ => "",
    };
    let text = format!(
        "# Written by tandem setup --no-iommu: what such NICs take besides.\n[Service]\n\
         CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SYS_RAWIO\n{more}"
    );
    let before = steps.actions.len();
    write(host, DROP_IN, &text, "lets the dataplane have such NICs", steps);
    let is_new = needs_reload || steps.actions.len() > before;
    if is_live && is_new && host.exists("/run/systemd/system") {
        steps.actions.push(Action::refresh(&RELOAD, "takes the drop-in"));
    }
    if is_live && driver == VFIO && host.read(iommu::UNSAFE_MODE).is_ok_and(|mode| mode == "N") {
        steps.actions.push(Action::Set {
            path: iommu::UNSAFE_MODE.to_owned(),
            value: "Y".to_owned(),
            why: "the same for the running kernel".to_owned(),
        });
    }
}

fn write(host: &Host, path: &str, text: &str, why: &'static str, steps: &mut Steps) {
    if !host.read(path).is_ok_and(|there| there == text.trim()) {
        steps.actions.push(Action::write(path, text.to_owned(), why));
    }
}

fn load(host: &Host, driver: &str, steps: &mut Steps) {
    match kernel::pci_driver(host, driver) {
        Module::Loaded => {}
        Module::Available => steps.actions.push(Action::run(
            &["modprobe", driver],
            &["modprobe", "-r", driver],
            "loads the driver now",
        )),
        Module::Missing => steps.problems.push(format!(
            "this kernel has no {driver}: install a kernel of the distribution, such as \
             linux-image-amd64"
        )),
    }
}

fn bind(host: &Host, address: PciAddress, driver: &str, binds_now: bool, steps: &mut Steps) {
    let file = format!("/etc/driverctl.d/pci-{address}");
    let before = host.read(&file).ok().filter(|driver| !driver.is_empty());
    let is_saved = before.as_deref() == Some(driver);
    let is_bound =
        pci::device(host, address).is_some_and(|nic| nic.driver.as_deref() == Some(driver));
    if is_saved && (is_bound || !binds_now) {
        return;
    }
    if !binds_now {
        let why = "driverctl binds the NIC at the next start";
        steps.actions.push(Action::write(&file, format!("{driver}\n"), why));
        return;
    }
    let address = address.to_string();
    let undo = match before.as_deref() {
        Some(before) => vec!["driverctl", "set-override", &address, before],
        None => vec!["driverctl", "unset-override", &address],
    };
    let command = ["driverctl", "set-override", &address, driver];
    let why = "gives the NIC to DPDK, now and at every start";
    steps.actions.push(Action::run(&command, &undo, why));
}

#[cfg(test)]
mod tests {
    use host::testing::Tree;

    use super::super::action::Content;
    use super::super::nic::{self, Side};
    use super::super::record::Done;
    use super::*;
    use crate::command::doctor::testing;

    fn of(tree: &Tree, no_iommu: bool, is_live: bool) -> Steps {
        let nic = |side, text| nic::find(&tree.host(), side, text).unwrap();
        let nics = [nic(Side::Public, "03:00.0"), nic(Side::Private, "03:00.1")];
        steps(&tree.host(), &nics, no_iommu, is_live, false)
    }

    fn titles(steps: &Steps) -> Vec<String> {
        steps.actions.iter().map(Action::title).collect()
    }

    fn tree() -> Tree {
        let tree = testing::tree();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth1"));
        tree.file("/usr/sbin/driverctl", "");
        tree.file("/etc/driverctl.d/pci-0000:03:00.1", "vfio-pci\n");
        tree
    }

    #[test]
    fn only_what_is_not_bound_is_bound() {
        let steps = of(&tree(), false, true);
        assert!(steps.problems.is_empty(), "{:?}", steps.problems);
        assert_eq!(
            titles(&steps),
            [
                "write /etc/modules-load.d/tandem.conf",
                "run driverctl set-override 0000:03:00.0 vfio-pci"
            ]
        );
    }

    #[test]
    fn without_an_iommu_yet_the_next_start_binds() {
        let tree = tree();
        tree.remove("/sys/class/iommu").file("/sys/firmware/acpi/tables/DMAR", "");
        let steps = of(&tree, false, true);
        assert!(steps.problems.is_empty());
        assert_eq!(titles(&steps)[1], "write /etc/driverctl.d/pci-0000:03:00.0");
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let tree = tree();
        tree.remove("/sys/class/iommu").remove("/usr/sbin/driverctl");
        tree.remove("/sys/module/vfio_pci");
        let problems = of(&tree, false, true).problems.join("\n");
        assert!(problems.contains("VT-d") && problems.contains("--no-iommu"), "{problems}");
        assert!(problems.contains("apt install driverctl"), "{problems}");
        assert!(problems.contains("this kernel has no vfio-pci"), "{problems}");
        // An image may still get it, and is not asked for the rest.
        let image = of(&tree, false, false);
        assert!(image.problems.is_empty() && image.left[0].contains("driverctl"));
    }

    #[test]
    fn the_unsafe_mode_is_set_up_whole() {
        let tree = tree();
        tree.remove("/sys/class/iommu").file(iommu::UNSAFE_MODE, "N\n");
        let steps = of(&tree, true, true);
        assert!(steps.problems.is_empty());
        assert_eq!(
            titles(&steps)[..3],
            [
                format!("write {OPTIONS}"),
                format!("write {DROP_IN}"),
                format!("set {} to Y", iommu::UNSAFE_MODE)
            ]
        );
        // A kernel whose vfio knows no such mode.
        tree.remove(iommu::UNSAFE_MODE).folder("/sys/module/vfio");
        tree.folder("/sys/module/uio_pci_generic");
        let steps = of(&tree, true, true);
        assert!(steps.problems.is_empty(), "{:?}", steps.problems);
        assert_eq!(
            titles(&steps)[..3],
            [
                format!("write {DROP_IN}"),
                format!("write {LOAD}"),
                "run driverctl set-override 0000:03:00.0 uio_pci_generic".to_owned()
            ]
        );
        tree.file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        assert!(of(&tree, true, true).problems[0].contains("Secure Boot"));
    }

    #[test]
    fn a_drop_in_that_systemd_has_not_read_is_read_by_the_next_run() {
        let tree = tree();
        tree.remove("/sys/class/iommu").folder("/run/systemd/system");
        let reloads = |needs_reload| {
            let nics = ["03:00.0", "03:00.1"];
            let nics = nics.map(|text| nic::find(&tree.host(), Side::Public, text).unwrap());
            let steps = steps(&tree.host(), &nics, true, true, needs_reload);
            for action in &steps.actions {
                if let Action::Write { path, content: Content::Text(text), .. } = action {
                    tree.file(path, text);
                }
            }
            titles(&steps).contains(&"run systemctl daemon-reload".to_owned())
        };
        assert!(reloads(false), "the drop-in is new");
        assert!(!reloads(false), "nothing is to do");
        assert!(reloads(true));

        let mut record = Record::default();
        let answer = |text: &'static str| {
            move |_: &str, _: &[&str]| -> Result<String, String> { Ok(text.into()) }
        };
        assert!(needs_reload(&answer("NeedDaemonReload=yes\n"), &record));
        assert!(!needs_reload(&answer("NeedDaemonReload=no\n"), &record));
        record.done.push(Done::Run {
            command: RELOAD.map(str::to_owned).into(),
            undo: Vec::new(),
            undo_last: true,
            is_done: false,
        });
        assert!(needs_reload(&answer("NeedDaemonReload=no\n"), &record));
    }
}
