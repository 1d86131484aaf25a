//! Nobody waits for whoever reads the log.

use core::time::Duration;

use api::{Client, Reload};

use super::process::{Folder, Process, command};

/// Far more than fits into a pipe and into the queue.
const RELOADS: u64 = 3000;

/// Its stderr is a pipe that nobody reads. Each reload logs a line.
#[test]
fn a_blocked_log_blocks_neither_requests_nor_the_end() {
    let folder = Folder::new("log");
    let config = folder.configure("");
    let mut process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let patience = Duration::from_secs(10);
    let mut client = Client::connect_with_timeout(folder.socket(), patience).unwrap();
    for _ in 0..RELOADS {
        client.reload(Reload { path: None }).unwrap();
    }
    let counters = client.counters().unwrap();
    assert!(counters.main_core["log_lines_lost"] > 0, "{:?}", counters.main_core);
    assert!(process.end().success());
}

#[test]
fn what_was_said_before_the_end_is_read() {
    let folder = Folder::new("words");
    let config = folder.configure("");
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let said = process.last_words();
    assert!(said.contains("started") && said.trim_end().ends_with("stopped"), "{said}");
}

/// What DPDK has to say about a device comes through the same queue, and first.
#[test]
fn dpdks_own_words_come_before_ours() {
    let folder = Folder::new("dpdk");
    let config = folder.configure_with(["net_null0,no-rx=1", "net_none1"], "");
    let output = command(&[], &config, &["--no-kernel-interfaces"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("no {words}: {said}"));
    assert!(place("DPDK: EAL:") < place("tandem-dataplane: the device net_none1"), "{said}");
}
