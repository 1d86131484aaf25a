//! tandem-control is killed, and started again by the lab or by systemd.

use core::time::Duration;
use std::time::Instant;

use api::Hold;

use super::spread;
use crate::namespace::signal;
use crate::{Appliance, Error, Lab, Loading, Probing, Signal};

/// Who starts tandem-control again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Supervisor {
    /// A loop in the lab.
    Lab,
    /// systemd with the unit file of the images, as the first process of namespaces of its
    /// own.
    Systemd,
}

/// The longest that a new process may take; by then the lease has ended long ago.
const PATIENCE: Duration = Duration::from_secs(20);
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
    let (active, standby) = lab.roles().ok_or_else(Lab::no_pair)?;
    let term = term(active)?;
    let loading = Loading::start_again_and_again(downloads, 0)?;
    let probing = Probing::start(rate)?;
    let (mut restarts, mut changes) = (Vec::new(), 0);
    for _ in 0..rounds {
        let process = match supervisor {
            Supervisor::Lab => active.control.process(),
            Supervisor::Systemd => active.control_of_systemd(),
        };
        restarts.push(kill(active, process)?);
        std::thread::sleep(PAUSE);
        changes += u32::from(!active.is_active());
        if changes > 0 {
            break;
        }
    }
    let (probed, loaded) = (probing.finish()?, loading.finish()?);
    lab.await_pair()?;
    changes += u32::from(self::term(standby)? != term);
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

fn term(machine: &Appliance) -> Result<u64, Error> {
    let failed = |words| Error::Command { command: "tandem status".to_owned(), words };
    machine.pair().map(|pair| pair.own.term).map_err(failed)
}

/// Kills the process; milliseconds until the dataplane's lease is renewed by the next one:
/// until then what is left of it only grows less.
fn kill(machine: &Appliance, process: Option<u32>) -> Result<u64, Error> {
    let failed = |words: String| Error::Command { command: "hold".to_owned(), words };
    let mut client = machine.client().map_err(failed)?;
    let killed = Instant::now();
    let process = process.ok_or_else(|| failed("tandem-control does not run".to_owned()))?;
    signal(Signal::KILL, process);
    let mut left = u64::MAX;
    // A renewal that was under way when the signal came is not the next process's.
    let settled = Duration::from_millis(2);
    while killed.elapsed() < PATIENCE {
        let holding = client.hold(Hold::Watch).map_err(|error| failed(error.to_string()))?;
        if holding.lease_left > left && killed.elapsed() > settled {
            return Ok(u64::try_from(killed.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
        left = holding.lease_left;
        std::thread::sleep(Duration::from_micros(500));
    }
    Err(failed("the lease was not renewed".to_owned()))
}
