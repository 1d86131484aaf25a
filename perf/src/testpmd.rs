//! dpdk-testpmd on the same files.

use core::time::Duration;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nat::Side;

use crate::Error;
use crate::replay::Replay;
use crate::statistics::Summary;

/// Ports that it forwards between.
const PORTS: usize = 2;

/// Forwards for a while in a mode such as io, macswap or 5tswap; returns Mpps, of all
/// packets that come in on either port.
///
/// # Errors
///
/// [`Error`], with testpmd's last words.
pub fn run(mode: &str, replay: &Replay, time: Duration) -> Result<f64, Error> {
    let mut child = start(mode, replay).map_err(Error::io("dpdk-testpmd"))?;
    // It says the rate of each port once a second; the first ones are of warming up.
    let wanted = 1 + usize::try_from(time.as_secs()).unwrap_or(1).max(1);
    let mut rates = Vec::new();
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            rates.extend(rate(&line));
            text.push(line);
            if both(&rates).len() >= wanted {
                break;
            }
        }
    }
    let errors = stop(child).map_err(Error::io("dpdk-testpmd"))?;
    let rates = both(&rates);
    let steady = rates.get(1..).unwrap_or_default();
    Summary::of(steady).map(|rates| rates.median / 1e6).ok_or_else(|| Error::Program {
        program: format!("dpdk-testpmd {mode}"),
        why: text
            .iter()
            .rev()
            .take(5)
            .map(String::as_str)
            .chain([&*errors])
            .collect::<Vec<_>>()
            .join(" | "),
    })
}

fn start(mode: &str, replay: &Replay) -> std::io::Result<Child> {
    Command::new("dpdk-testpmd")
        .args(["--lcores=0@0,1@1", "--in-memory", "--no-pci", "--no-telemetry"])
        .arg("--file-prefix=tandem-perf-testpmd")
        .args(Side::ALL.map(|side| format!("--vdev={}", replay.device(side))))
        .args(["--", "--nb-cores=1", "--stats-period=1", "--burst=32"])
        .arg(format!("--forward-mode={mode}"))
        .arg(format!("--total-num-mbufs={}", replay.mbufs()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Ends it; returns what it had to complain about.
fn stop(mut child: Child) -> std::io::Result<String> {
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut errors)?;
    }
    child.wait()?;
    Ok(errors)
}

/// The sums over the ports, of the times at which something was forwarded.
fn both(rates: &[f64]) -> Vec<f64> {
    let sums = rates.chunks_exact(PORTS).map(|ports| ports.iter().sum());
    sums.filter(|&rate: &f64| rate > 0.0).collect()
}

/// A port's rate in a line such as `  Rx-pps:     51234567          Rx-bps: ...`.
fn rate(line: &str) -> Option<f64> {
    line.trim().strip_prefix("Rx-pps:")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_sums_over_both_ports() {
        let text = "  Throughput (since last show)\n  Rx-pps:            0          Rx-bps: 0\n\
                    Rx-pps: 0\n  RX-packets: 77\n  Rx-pps:     30000000   Rx-bps: 1\n\
                    Rx-pps: 10000000\n Rx-pps: 5";
        let rates: Vec<f64> = text.lines().filter_map(rate).collect();
        assert_eq!(both(&rates), [40e6]);
    }
}
