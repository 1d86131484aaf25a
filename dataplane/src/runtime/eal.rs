//! What DPDK is told at its start: cores, memory, devices.

use config::{Config, Device};
use dpdk::CoreId;
use dpdk::eal::{DeviceSpec, EalConfig, Memory};

pub(super) fn of(config: &Config, workers: &[CoreId]) -> EalConfig {
    let main = config.node.main_cores_of(&online_cores());
    let memory = config.node.memory;
    EalConfig {
        program: "tandem-dataplane".to_owned(),
        main_cores: main.into_iter().map(|core| CoreId(core.0)).collect(),
        worker_cores: workers.to_vec(),
        memory: match (memory.hugepages, memory.mebibytes) {
            (true, mebibytes) => Memory::Hugepages(mebibytes),
            (false, mebibytes) => Memory::Ordinary(mebibytes.unwrap_or(512)),
        },
        file_prefix: config.node.file_prefix.clone(),
        devices: vec![device(&config.public.device), device(&config.private.device)],
    }
}

/// The machine's cores, whichever of them this process was started on.
fn online_cores() -> Vec<config::CoreId> {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?)
    });
    ranges.flatten().map(config::CoreId).collect()
}

/// A device in DPDK's words.
pub(super) fn device(device: &Device) -> DeviceSpec {
    match device {
        Device::Pci(address) => DeviceSpec::Pci(address.to_string()),
        Device::Virtual(device) => {
            DeviceSpec::Virtual { name: device.name.clone(), arguments: device.arguments.clone() }
        }
    }
}
