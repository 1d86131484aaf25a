//! dpdk-testpmd on the same file.

use core::time::Duration;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Error;
use crate::statistics::Summary;

/// Forwards for a while in a mode such as io, macswap or 5tswap; returns Mpps.
///
/// # Errors
///
/// [`Error`], with testpmd's last words.
pub fn run(mode: &str, file: &Path, mbufs: u32, time: Duration) -> Result<f64, Error> {
    let mut child = start(mode, file, mbufs).map_err(Error::io("dpdk-testpmd"))?;
    // It says its rate once a second; the first is of warming up.
    let wanted = 1 + usize::try_from(time.as_secs()).unwrap_or(1).max(1);
    let mut rates = Vec::new();
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            rates.extend(rate(&line));
            text.push(line);
            if rates.len() >= wanted {
                break;
            }
        }
    }
    let errors = stop(child).map_err(Error::io("dpdk-testpmd"))?;
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

fn start(mode: &str, file: &Path, mbufs: u32) -> std::io::Result<Child> {
    Command::new("dpdk-testpmd")
        .args(["--lcores=0@0,1@1", "--in-memory", "--no-pci", "--no-telemetry"])
        .arg("--file-prefix=tandem-perf-testpmd")
        .arg(format!("--vdev=net_pcap0,rx_pcap={},infinite_rx=1", file.display()))
        .arg("--vdev=net_null0,no-rx=1")
        .args(["--", "--nb-cores=1", "--stats-period=1", "--burst=32"])
        .arg(format!("--forward-mode={mode}"))
        .arg(format!("--total-num-mbufs={mbufs}"))
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

/// The rate in a line such as `  Rx-pps:     51234567          Rx-bps: ...`, of the port
/// that receives.
fn rate(line: &str) -> Option<f64> {
    let rest = line.trim().strip_prefix("Rx-pps:")?;
    let rate: f64 = rest.split_whitespace().next()?.parse().ok()?;
    (rate > 0.0).then_some(rate)
}
