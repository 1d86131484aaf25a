//! tandem-control under systemd, with the unit file of the images.
//!
//! systemd is the first process of namespaces of its own in the machine's network: it runs
//! our unit and nothing else. What the lab keeps elsewhere than a real machine, a drop-in
//! tells.

use std::fs;

use super::machine::Machine;
use super::program;
use crate::namespace::write;
use crate::{Error, FOLDER, wait_until};

/// The unit as the images have it.
const UNIT: &str = include_str!("../../../images/systemd/tandem-control.service");

/// Makes systemd the first process of a tree whose /run is its own but for the lab's
/// folder. Control groups may be of either version; those of systemd's own go below one
/// that can be removed.
const BOOT: &str = "
folder=$1; units=$2
groups=/sys/fs/cgroup; [ -d $groups/systemd ] && groups=$groups/systemd
mkdir -p $groups/tandem-lab-$3 && echo $$ > $groups/tandem-lab-$3/cgroup.procs
exec unshare --pid --fork --mount --cgroup --mount-proc bash -ec '
    mount --make-rprivate /
    mkdir -p '$folder'/run && mount -t tmpfs tmpfs '$folder'/run
    mkdir -p '$folder'/run$0 && mount --bind $0 '$folder'/run$0
    mount --rbind '$folder'/run/run /run
    export container=tandem-lab SYSTEMD_UNIT_PATH='$units'
    exec /lib/systemd/systemd --system --unit=tandem-control.service --show-status=no
' $4";

impl Machine {
    fn systemd_folder(&self) -> String {
        format!("{}/systemd", self.folder())
    }
}

/// Starts systemd and with it tandem-control.
pub(super) fn start(machine: &Machine) -> Result<(), Error> {
    let folder = machine.systemd_folder();
    let units = format!("{folder}/units");
    let drop_in = format!("{units}/tandem-control.service.d");
    fs::create_dir_all(&drop_in).map_err(Error::file(&drop_in))?;
    write(&format!("{units}/tandem-control.service"), UNIT)?;
    let control = program("tandem-control");
    let lines = format!(
        "[Unit]\nWants=\nDefaultDependencies=no\n[Service]\nExecStart=\nExecStart={} --config \
         {}/tandem.toml\nReadWritePaths={FOLDER}\nProtectHome=no\nPrivateTmp=no\n",
        control.display(),
        machine.folder(),
    );
    write(&format!("{drop_in}/lab.conf"), &lines)?;
    // `ip netns exec` would hide the control groups behind a /sys of its own.
    let network = format!("--net=/run/netns/{}", machine.namespace.0);
    let words = ["bash", "-c", BOOT, "boot", &folder, &units, machine.name, FOLDER];
    let log = format!("{}/systemd.log", machine.name);
    crate::namespace::serve(&log, &[&["nsenter", &network][..], &words].concat())?;
    wait_until("tandem-control runs under systemd", 20, || process(machine).is_some())
}

/// Removes the control groups of a systemd that has ended, the inner ones first.
pub(super) fn remove(machine: &Machine) {
    let line = format!(
        "find /sys/fs/cgroup/tandem-lab-{0} /sys/fs/cgroup/systemd/tandem-lab-{0} -depth -type d \
         -exec rmdir {{}} + 2>/dev/null || true",
        machine.name
    );
    // Most labs have none; and empty ones that stay do no harm.
    let _ = crate::namespace::must(&["bash", "-c", &line]);
}

/// The process of tandem-control that systemd has started: its number in systemd's own
/// namespace says nothing here.
pub(super) fn process(machine: &Machine) -> Option<u32> {
    let control = program("tandem-control");
    let runs = |process: &u32| {
        let exe = fs::read_link(format!("/proc/{process}/exe"));
        exe.is_ok_and(|exe| exe == control)
    };
    machine.namespace.processes().into_iter().find(runs)
}
