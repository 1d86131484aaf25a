//! tandem-control is killed, and started again by the lab or by systemd.

use core::time::Duration;
use std::time::Instant;

use api::{LeaseOrder, Role};

use super::spread;
use crate::namespace::signal;
use crate::{Appliance, Error, Lab, Loading, Probing, Signal, wait_until};

/// Who starts tandem-control again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Supervisor {
    /// A loop in the lab.
    Lab,
    /// systemd with the unit file of the images, as the first process of namespaces of its
    /// own.
    Systemd,
}

/// Between two kills: systemd looks at what it starts, and the sync stream comes back.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn run(
    lab: &Lab,
    rounds: u32,
    supervisor: Supervisor,
    rate: u32,
    downloads: u32,
) -> Result<bool, Error> {
    if supervisor == Supervisor::Systemd {
        for machine in lab.machines() {
            machine.control_by_systemd()?;
        }
        lab.await_pair()?;
    }
    let (mut restarts, mut changes) = (Vec::new(), 0);
    let loading = Loading::start_again_and_again(downloads, 0)?;
    let probing = Probing::start(rate)?;
    for _ in 0..rounds {
        lab.await_pair()?;
        let (active, _) = lab.roles().ok_or_else(Lab::no_pair)?;
        match kill(active, supervisor)? {
            Some(millis) => restarts.push(millis),
            None => changes += 1,
        }
        std::thread::sleep(PAUSE);
    }
    let (probed, loaded) = (probing.finish()?, loading.finish()?);
    println!(
        "{} restarts of tandem-control by {}: {} from the kill to the renewed lease",
        restarts.len(),
        match supervisor {
            Supervisor::Lab => "the lab",
            Supervisor::Systemd => "systemd",
        },
        spread(&restarts, "ms"),
    );
    println!(
        "{} changes of role; {} of {} datagrams lost at {rate}/s (longest silence {} ms, the \
         probe's own {} ms), {} of {} downloads lost",
        changes,
        probed.sent - probed.received,
        probed.sent,
        probed.gap_micros / 1000,
        probed.late_micros / 1000,
        loaded.lost + loaded.wrong,
        loaded.whole + loaded.lost + loaded.wrong,
    );
    let lost = probed.sent - probed.received + loaded.lost + loaded.wrong;
    Ok(lost == 0 && changes == 0)
}

/// Kills the process; milliseconds until the dataplane's lease is renewed by the next one:
/// until then what is left of it only grows less. `None` if it ended.
fn kill(machine: &Appliance, supervisor: Supervisor) -> Result<Option<u64>, Error> {
    let failed = |words: String| Error::Command { command: "lease".to_owned(), words };
    let process = || match supervisor {
        Supervisor::Lab => machine.control.process(),
        Supervisor::Systemd => machine.control_of_systemd(),
    };
    wait_until("tandem-control runs", 20, || process().is_some())?;
    let mut client = machine.client().map_err(failed)?;
    let process = process().unwrap_or_default();
    let killed = Instant::now();
    signal(Signal::KILL, process);
    let mut left = u64::MAX;
    // A renewal that was under way when the signal came is not the next process's.
    let settled = Duration::from_millis(2);
    loop {
        let lease_status =
            client.lease(LeaseOrder::Watch).map_err(|error| failed(error.to_string()))?;
        if lease_status.role != Role::Active {
            return Ok(None);
        }
        if lease_status.lease_left > left && killed.elapsed() > settled {
            return Ok(Some(u64::try_from(killed.elapsed().as_millis()).unwrap_or(u64::MAX)));
        }
        left = lease_status.lease_left;
        std::thread::sleep(Duration::from_micros(500));
    }
}
