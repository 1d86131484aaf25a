//! What a run ran on; every result carries it.

use std::fs;

use serde::Serialize;

/// The machine and the versions.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processor.
    pub cpu: String,
    /// Cores that are online.
    pub cores: usize,
    /// Kernel.
    pub kernel: String,
    /// DPDK.
    pub dpdk: String,
    /// Tandem.
    pub tandem: &'static str,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
            // Not those that DPDK has left this process.
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: kernel.trim().to_owned(),
            dpdk: dpdk::version(),
            tandem: env!("CARGO_PKG_VERSION"),
        }
    }
}
