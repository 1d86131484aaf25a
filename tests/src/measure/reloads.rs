//! Reloads under load, again and again.

use api::ServerState;

use crate::outage::await_state;
use crate::{Error, Lab, Requesting, Settings};

/// Kilobytes that a process may have more at the end than when a fifth was over.
const GROWTH: u64 = 4096;

/// Memory of a process that is in use, in kilobytes (proc_pid_status(5)).
fn memory(process: Option<u32>) -> u64 {
    let status = process.and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

pub(super) fn run(lab: &Lab, rounds: u32) -> Result<bool, Error> {
    let appliance = &lab.appliance;
    for server in 0..3 {
        let start = std::time::Instant::now();
        await_state((appliance, "web", server), ServerState::Up, start)?;
    }
    let requesting = Requesting::start(20, 20)?;
    let processes = || [appliance.process(), appliance.control.process()].map(memory);
    let mut early = processes();
    for round in 0..rounds {
        // What differs changes the scheduler's weights, and no check.
        let weights = if round % 2 == 0 { [1, 2, 3] } else { [1, 1, 1] };
        appliance.reload(&Settings { weights, ..Settings::checked() })?;
        if round == rounds / 5 {
            early = processes();
        }
    }
    let late = processes();
    let requested = requesting.finish()?;
    let pool = appliance.pool("web");
    let pool = pool.map_err(|words| Error::Command { command: "pools".to_owned(), words })?;
    let transitions: u64 = pool.servers.iter().map(|server| server.transitions).sum();
    println!(
        "{rounds} reloads: {} of {} requests failed, {transitions} changes of state",
        requested.failed(),
        requested.answered() + requested.failed()
    );
    for (name, (early, late)) in
        ["tandem-dataplane", "tandem-control"].iter().zip(early.into_iter().zip(late))
    {
        println!("{name}: {early} kB in use after a fifth of them, {late} kB at the end");
    }
    let has_grown = early.into_iter().zip(late).any(|(early, late)| late > early + GROWTH);
    Ok(requested.failed() == 0 && transitions == 0 && !has_grown)
}
