//! The units that the images have: what systemd says of them, and tandem-control under it.

use std::path::Path;
use std::process::Command;

use lab::{Signal, appliance, ready_pair};

const UNITS: [(&str, &str); 2] = [
    ("tandem-control.service", include_str!("../../../images/systemd/tandem-control.service")),
    ("tandem-dataplane.service", include_str!("../../../images/systemd/tandem-dataplane.service")),
];

/// What `systemd-analyze verify` finds wrong with the units once they are changed so; nothing if
/// it finds nothing. They start the programs of this build, which are there.
fn verified(change: impl Fn(&str) -> String) -> String {
    let folder = std::env::temp_dir().join(format!("tandem-units-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let built = appliance::program("tandem-dataplane");
    let built = built.parent().map(Path::to_owned).unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    for (name, text) in UNITS {
        let text = text.replace("/usr/bin/tandem", &built.join("tandem").display().to_string());
        std::fs::write(folder.join(name), change(&text)).unwrap();
        verify.arg(folder.join(name));
    }
    let output = verify.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let words = [output.stdout, output.stderr].concat();
    // It reads the machine's other units as well, and says what is wrong with those.
    let words = String::from_utf8_lossy(&words);
    words.lines().filter(|line| line.contains("tandem-")).collect::<Vec<_>>().join("\n")
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    assert_eq!(verified(str::to_owned), "");
    // The control: it does find what is wrong.
    for (right, wrong) in [("WatchdogSec=", "WatchdogSecs="), ("ExecReload=/", "ExecReload=/no/")] {
        let found = verified(|text| text.replace(right, wrong));
        assert!(found.contains("tandem-"), "{wrong}: {found:?}");
    }
}

#[test]
fn systemd_starts_control_again_within_the_lease() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    for machine in [standby, active] {
        machine.control_by_systemd().unwrap();
        lab.await_pair().unwrap();
    }
    // Moving it from one supervisor to another took longer than the lease.
    let (active, _) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    for _ in 0..3 {
        let killed = active.control_of_systemd().unwrap();
        lab::namespace::signal(Signal::KILL, killed);
        lab::wait_until("systemd has started another one, which answers", 20, || {
            active.control_of_systemd().is_some_and(|next| next != killed) && active.pair().is_ok()
        })
        .unwrap();
        assert!(active.is_active());
    }
    lab.await_pair().unwrap();
    assert_eq!(active.pair().unwrap().own.term, term, "nobody claimed anything");
}
