//! What a run ran on; every record carries it.

use std::fs;

use serde::{Deserialize, Serialize};

/// The machine and the versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Processor.
    pub cpu: String,
    /// Cores that are online.
    pub cores: usize,
    /// It is a virtual machine: others may take from its cores and caches.
    pub is_virtual: bool,
    /// What sets the cores' frequency, where Linux knows.
    pub governor: Option<String>,
    /// Kernel.
    pub kernel: String,
    /// DPDK.
    pub dpdk: String,
    /// Tandem.
    pub tandem: String,
    /// Compiled with this compiler,
    pub rustc: String,
    /// and so: release or debug.
    pub build: String,
}

const GOVERNOR: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
        };
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let flags = field("flags").unwrap_or_default();
        Machine {
            cpu: field("model name").unwrap_or_else(|| "unknown".to_owned()),
            // Not those that DPDK has left this process.
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            is_virtual: flags.split_whitespace().any(|flag| flag == "hypervisor"),
            governor: fs::read_to_string(GOVERNOR).ok().map(|text| text.trim().to_owned()),
            kernel: kernel.trim().to_owned(),
            dpdk: dpdk::version(),
            tandem: env!("CARGO_PKG_VERSION").to_owned(),
            rustc: env!("TANDEM_RUSTC").to_owned(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        }
    }

    /// What another has that this one has not, and that makes figures differ, each with the
    /// other's first. What was measured, Tandem and its build, is no part of it.
    pub fn differences(&self, other: &Machine) -> Vec<String> {
        let text = |machine: &Machine| {
            [
                ("processor", machine.cpu.clone()),
                ("cores", machine.cores.to_string()),
                ("virtual machine", machine.is_virtual.to_string()),
                ("governor", machine.governor.clone().unwrap_or_else(|| "unknown".to_owned())),
                ("kernel", machine.kernel.clone()),
                ("DPDK", machine.dpdk.clone()),
            ]
        };
        let pairs = text(other).into_iter().zip(text(self));
        pairs
            .filter(|((_, then), (_, now))| then != now)
            .map(|((name, then), (_, now))| format!("{name} {then}, now {now}"))
            .collect()
    }
}
