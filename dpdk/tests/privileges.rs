//! Privileges are given up in DPDK's threads too.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::sync::mpsc;

use dpdk::CoreId;
use dpdk::eal::{Eal, EalConfig, Memory};
use dpdk::privileges::{keep_only, of_this_thread};
use rustix::thread::CapabilitySet;

/// Of each thread its name and what it may do.
fn threads() -> Vec<(String, u64, bool)> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc/self/task").unwrap() {
        let status = fs::read_to_string(entry.unwrap().path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let set = |name| u64::from_str_radix(&field(name), 16).unwrap();
        all.push((field("Name:"), set("CapPrm:") | set("CapEff:"), field("NoNewPrivs:") == "1"));
    }
    all
}

#[test]
fn every_thread_keeps_what_is_asked_for_and_nothing_else() {
    let eal = Eal::start(&EalConfig {
        main_cores: vec![CoreId(0)],
        worker_cores: vec![CoreId(1)],
        memory: Memory::Ordinary(64),
        file_prefix: format!("privileges{}", std::process::id()),
        ..EalConfig::default()
    });
    let eal = eal.unwrap();
    let before = of_this_thread().unwrap();
    assert!(before.contains(CapabilitySet::NET_ADMIN), "this test is for root");
    let (end, ended) = mpsc::channel::<()>();
    let worker = eal.launch(CoreId(1), move || while ended.try_recv().is_err() {}).unwrap();
    assert!(threads().len() >= 4, "DPDK has threads of its own");

    assert_eq!(keep_only(CapabilitySet::NET_ADMIN).unwrap(), Vec::<String>::new());
    for (name, set, no_new) in threads() {
        assert_eq!(set, CapabilitySet::NET_ADMIN.bits(), "{name}");
        assert!(no_new, "{name}");
    }

    assert_eq!(keep_only(CapabilitySet::empty()).unwrap(), Vec::<String>::new());
    let inherits = std::thread::spawn(|| of_this_thread().unwrap());
    assert!(inherits.join().unwrap().is_empty());
    for (name, set, no_new) in threads() {
        assert!(set == 0 && no_new, "{name} has {set:#x}");
    }
    // The interrupted worker goes on, and DPDK too.
    end.send(()).unwrap();
    worker.join().unwrap();
    eal.launch(CoreId(1), || ()).unwrap().join().unwrap();
}
