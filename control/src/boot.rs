//! How long this machine's boot took, phase by phase.
//!
//! ```text
//!   power on      kernel       init of the     tandem-control     active, or ready to
//!      |            |          root system      starts first      take over, at first
//!      +--firmware--+---kernel-----+---userspace----+-----forwarding-----+
//! ```
//!
//! systemd knows when the kernel and it itself began. The rest is noted here, in a file of the
//! folder of the sockets, which is gone at the next boot: a tandem-control that starts again tells
//! what the first one saw. One that starts first when the boot is over, by hand say, tells nothing.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::{fs, io};

use api::{Member, Request, Response, Role};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::dataplane_client::DataplaneClient;
use crate::role::DriverHandle;

/// Between two looks whether the machine forwards.
const PERIOD: Duration = Duration::from_millis(100);
/// How long systemd may take to answer, in the middle of a boot.
const PATIENCE: Duration = Duration::from_secs(30);

/// What systemd is asked.
const PROPERTIES: &str = "FirmwareTimestampMonotonic,UserspaceTimestampMonotonic,\
                          FinishTimestampMonotonic";

/// What is known of the boot. Times are in microseconds since the start of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Boot {
    /// How long before the kernel the firmware began.
    firmware: Option<u64>,
    /// The init process of the root file system began.
    userspace: Option<u64>,
    /// tandem-control was started first.
    control: Option<u64>,
    /// The machine was active, or ready to take over from one that is, for the first time.
    forwarding: Option<u64>,
}

impl Boot {
    /// The seconds that each known phase took.
    pub fn phases(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let between = |from: Option<u64>, to: Option<u64>| to?.checked_sub(from?);
        [
            ("firmware", self.firmware),
            ("kernel", self.userspace),
            ("userspace", between(self.userspace, self.control)),
            ("forwarding", between(self.control, self.forwarding)),
        ]
        .into_iter()
        .filter_map(|(phase, micros)| Some((phase, micros? as f64 / 1e6)))
    }

    /// Takes what a file of [`Boot::noted`] says.
    fn with_notes(self, text: &str) -> Self {
        let noted = |name: &str| number(text, name, ' ');
        Boot { control: noted("control"), forwarding: noted("forwarding"), ..self }
    }

    /// What systemd does not know, as the file has it.
    fn noted(&self) -> String {
        let line = |name: &str, at: Option<u64>| {
            at.map_or(String::new(), |micros| format!("{name} {micros}\n"))
        };
        line("control", self.control) + &line("forwarding", self.forwarding)
    }
}

/// What systemd says of the boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Manager {
    boot: Boot,
    /// Everything that belongs to the boot has been started.
    is_up: bool,
}

impl Manager {
    /// From the lines of `systemctl show`, where 0 stands for what is not known, or has not
    /// happened.
    fn of(text: &str) -> Self {
        let property = |name: &str| {
            number(text, &format!("{name}TimestampMonotonic"), '=').filter(|micros| *micros > 0)
        };
        let (firmware, userspace) = (property("Firmware"), property("Userspace"));
        let boot = Boot { firmware, userspace, ..Boot::default() };
        Manager { boot, is_up: property("Finish").is_some() }
    }

    /// Asks it; `None` where there is none.
    async fn ask() -> Option<Self> {
        let mut command = Command::new("systemctl");
        let command = command.args(["show", "--property", PROPERTIES]).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.ok()?.ok()?;
        output.status.success().then(|| Manager::of(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// The number behind a name in one of the lines.
fn number(text: &str, name: &str, between: char) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(between)?.trim().parse().ok();
    text.lines().find_map(value)
}

/// Who knows whether the machine forwards, or would if the active one failed.
#[derive(Clone, Debug)]
pub enum Judge {
    /// The pair's state machine.
    Pair(DriverHandle),
    /// The dataplane behind this socket, of a machine that is alone.
    Alone(PathBuf),
}

impl Judge {
    async fn forwards(&self) -> bool {
        match self {
            Judge::Pair(driver) => driver.pair().await.is_ok_and(|pair| {
                let is_active = |member: &Member| member.role == Role::Active;
                // Ready alone is not enough: while nobody is active nobody forwards.
                is_active(&pair.own) || pair.own.ready && pair.peer.as_ref().is_some_and(is_active)
            }),
            Judge::Alone(socket) => match DataplaneClient::connect(socket).await {
                Ok(mut client) => {
                    let status = client.request(&Request::Status).await;
                    matches!(status, Ok(Response::Status(status)) if status.role == Role::Active)
                }
                Err(_) => false,
            },
        }
    }
}

/// Finds out about the boot; what is known so far is in the channel. The notes are beside this
/// socket.
#[must_use]
pub fn start(socket: &Path, judge: Judge) -> watch::Receiver<Boot> {
    let began = api::lease::monotonic_micros();
    let (told, known) = watch::channel(Boot::default());
    tokio::spawn(follow(socket.with_file_name("boot"), began, judge, told));
    known
}

async fn follow(notes: PathBuf, began: u64, judge: Judge, told: watch::Sender<Boot>) {
    let Some(Manager { boot, is_up }) = Manager::ask().await else { return };
    let Some(mut boot) = begin(boot, is_up, began, &notes) else { return };
    // Nobody may be interested any more; the notes are for the next tandem-control.
    let _ = told.send(boot);
    while boot.forwarding.is_none() {
        sleep(PERIOD).await;
        if judge.forwards().await {
            boot.forwarding = Some(api::lease::monotonic_micros());
            note(&notes, &boot);
            let _ = told.send(boot);
            let phases: Vec<_> =
                boot.phases().map(|(phase, seconds)| format!("{phase} {seconds:.1} s")).collect();
            tracing::info!("booted: {}", phases.join(", "));
        }
    }
}

/// The boot with what the notes say of it, or with this start of tandem-control as the first one;
/// `None` if this is the first start and the boot is over.
fn begin(boot: Boot, is_up: bool, began: u64, notes: &Path) -> Option<Boot> {
    let kept = fs::read_to_string(notes).unwrap_or_default();
    let boot = boot.with_notes(&kept);
    if boot.control.is_some() {
        return Some(boot);
    }
    let boot = Boot { control: Some(began), ..boot };
    (!is_up).then(|| {
        note(notes, &boot);
        boot
    })
}

fn note(path: &Path, boot: &Boot) {
    let draft = path.with_extension("new");
    let write = || -> io::Result<()> {
        fs::write(&draft, boot.noted())?;
        fs::rename(&draft, path)
    };
    if let Err(error) = write() {
        tracing::debug!("{} cannot be written: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTING: &str = "FirmwareTimestampMonotonic=2500000\n\
                           UserspaceTimestampMonotonic=4000000\nFinishTimestampMonotonic=0\n";

    fn phases(boot: Boot) -> Vec<(&'static str, f64)> {
        boot.phases().collect()
    }

    #[test]
    fn a_phase_is_what_passed_since_the_one_before() {
        let Manager { boot, is_up } = Manager::of(BOOTING);
        assert!(!is_up);
        assert_eq!(phases(boot), [("firmware", 2.5), ("kernel", 4.0)]);
        let boot = Boot { control: Some(5_500_000), forwarding: Some(7_000_000), ..boot };
        let expected =
            [("firmware", 2.5), ("kernel", 4.0), ("userspace", 1.5), ("forwarding", 1.5)];
        assert_eq!(phases(boot), expected);
    }

    #[test]
    fn what_is_not_known_is_missing() {
        let Manager { boot, is_up } =
            Manager::of("FirmwareTimestampMonotonic=0\nFinishTimestampMonotonic=9\nsomething else");
        assert!(is_up);
        assert_eq!(phases(boot), []);
        let later = Boot { userspace: Some(5), control: Some(4), ..boot };
        assert_eq!(phases(later), [("kernel", 5e-6)], "times that contradict each other");
    }

    #[test]
    fn the_first_start_of_a_boot_is_told_by_those_after_it() {
        let folder = std::env::temp_dir().join(format!("tandem-boot-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let notes = folder.join("boot");
        let _ = fs::remove_file(&notes);
        let Manager { boot, .. } = Manager::of(BOOTING);
        // The boot is over, and nobody noted its start.
        assert_eq!(begin(boot, true, 5_000_000, &notes), None);
        let first = begin(boot, false, 5_000_000, &notes).unwrap();
        assert_eq!(first.control, Some(5_000_000));
        let forwarding = Boot { forwarding: Some(6_000_000), ..first };
        note(&notes, &forwarding);
        assert_eq!(begin(boot, true, 99_000_000, &notes), Some(forwarding));
        fs::write(&notes, "control today\n").unwrap();
        assert_eq!(begin(boot, true, 99_000_000, &notes), None, "rubbish is as good as nothing");
        fs::remove_dir_all(folder).unwrap();
    }
}
