//! EAL's arguments, made from typed ones.

use std::ffi::CString;
use std::path::Path;

use super::{EalConfig, EalError, Memory};
use crate::CoreId;

pub(super) fn of(config: &EalConfig) -> Result<Vec<CString>, EalError> {
    let main = main_lcore(config)?;
    check_cores(config)?;
    let mut arguments = vec![
        config.program.clone(),
        format!("--lcores={}", lcores(config, main)),
        format!("--main-lcore={main}"),
        format!("--file-prefix={}", config.file_prefix),
        "--no-telemetry".to_owned(),
        "--log-level=lib.eal:error".to_owned(),
        // Devices are added one by one, so that an error names the device.
        "--no-pci".to_owned(),
    ];
    // Either way nothing is left behind in /dev/hugepages or /run, however the process
    // ends; --in-memory does not go with --no-huge.
    let (kind, mebibytes) = match config.memory {
        Memory::Hugepages(mebibytes) => (["--in-memory"].as_slice(), mebibytes),
        Memory::Ordinary(mebibytes) => (["--no-huge", "--no-shconf"].as_slice(), Some(mebibytes)),
    };
    arguments.extend(kind.iter().map(|&argument| argument.to_owned()));
    arguments.extend(mebibytes.map(|mebibytes| format!("-m{mebibytes}")));
    if config.devices.iter().any(super::DeviceSpec::is_pci) {
        arguments.retain(|argument| argument != "--no-pci");
        let addresses = config.devices.iter().filter_map(super::DeviceSpec::pci_address);
        arguments.extend(addresses.map(|address| format!("--allow={address}")));
    }
    let invalid =
        |_| EalError::Invalid("a name in the configuration has a zero byte in it".to_owned());
    arguments.into_iter().map(|argument| CString::new(argument).map_err(invalid)).collect()
}

/// DPDK answers a core that the machine does not have with two pages of its options.
fn check_cores(config: &EalConfig) -> Result<(), EalError> {
    let there =
        |core: &CoreId| Path::new("/sys/devices/system/cpu").join(format!("cpu{core}")).exists();
    match config.main_cores.iter().chain(&config.worker_cores).find(|core| !there(core)) {
        Some(core) => Err(EalError::Invalid(format!(
            "core {core} is not in this machine; `lscpu --extended` lists those there are"
        ))),
        None => Ok(()),
    }
}

/// The main thread's lcore: the number of its core, if no worker has that.
fn main_lcore(config: &EalConfig) -> Result<u16, EalError> {
    let first = config
        .main_cores
        .first()
        .ok_or_else(|| EalError::Invalid("no core is left for the main thread".to_owned()))?;
    let most = dpdk_sys::TANDEM_MAX_LCORE as u16;
    if let Some(core) = config.worker_cores.iter().find(|core| core.0 >= most) {
        let message = format!("core {core} is beyond the {most} cores that DPDK was built for");
        return Err(EalError::Invalid(message));
    }
    let free = |lcore: &u16| !config.worker_cores.contains(&CoreId(*lcore));
    core::iter::once(first.0)
        .filter(|first| *first < most)
        .chain((0..most).rev())
        .find(free)
        .ok_or_else(|| EalError::Invalid("every lcore is a worker".to_owned()))
}

/// `lcore@cores`, the workers' lcores having the numbers of their cores.
fn lcores(config: &EalConfig, main: u16) -> String {
    let cores: Vec<String> = config.main_cores.iter().map(ToString::to_string).collect();
    let mut parts = vec![format!("{main}@({})", cores.join(","))];
    parts.extend(config.worker_cores.iter().map(|core| format!("{core}@{core}")));
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(numbers: &[u16]) -> Vec<CoreId> {
        numbers.iter().copied().map(CoreId).collect()
    }

    fn text(main: &[u16], workers: &[u16]) -> String {
        let config = EalConfig {
            main_cores: cores(main),
            worker_cores: cores(workers),
            ..EalConfig::default()
        };
        lcores(&config, main_lcore(&config).unwrap())
    }

    #[test]
    fn each_worker_has_its_core() {
        assert_eq!(text(&[0, 3], &[1, 2]), "0@(0,3),1@1,2@2");
    }

    #[test]
    fn a_main_thread_that_shares_a_core_has_an_lcore_of_its_own() {
        assert_eq!(text(&[0], &[0]), "127@(0),0@0");
    }

    #[test]
    fn cores_that_dpdk_cannot_number_are_refused() {
        let config = EalConfig { worker_cores: cores(&[500]), ..EalConfig::default() };
        assert!(of(&config).unwrap_err().to_string().contains("core 500"));
    }
}
