//! What DPDK logs goes where it is told to, and not to stderr.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Mutex;

use dpdk::CoreId;
use dpdk::eal::{DeviceSpec, Eal, EalConfig, Memory};
use dpdk::log::{Severity, redirect};

static LINES: Mutex<Vec<(Severity, String)>> = Mutex::new(Vec::new());

#[test]
fn a_refused_device_is_told_to_the_sink() {
    assert!(redirect(|severity, line| {
        LINES.lock().unwrap().push((severity, line.to_owned()));
        panic!("a sink that panics does not end the process");
    }));
    assert!(!redirect(|_, _| ()), "the first one stays");
    let eal = Eal::start(&EalConfig {
        main_cores: vec![CoreId(0)],
        memory: Memory::Ordinary(64),
        file_prefix: format!("log{}", std::process::id()),
        ..EalConfig::default()
    });
    let device = DeviceSpec::Virtual { name: "net_none0".to_owned(), arguments: String::new() };
    eal.unwrap().attach(&device).unwrap_err();
    let lines = LINES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let found = lines.iter().find(|(_, line)| line.contains("net_none0"));
    let (severity, line) = found.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(*severity, Severity::Error, "{line}");
    assert!(!line.ends_with('\n'));
}
