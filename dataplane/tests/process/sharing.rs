//! More than one worker.

use std::fs;

use api::Client;

use super::process::{Folder, Process, command};

/// A device that spreads nothing: the workers hand over to each other, and the log says so
/// for each side.
#[test]
fn why_packets_go_over_rings_is_said_at_the_start() {
    let folder = Folder::new("sharing");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("workers = [1]", "workers = [0, 1]")).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let counters = Client::connect(folder.socket()).unwrap().counters().unwrap();
    assert_eq!(counters.workers.len(), 2);
    let said = process.last_words();
    for (device, address) in [("net_null0", "source"), ("net_null1", "destination")] {
        let words =
            format!("workers send each other their packets: it can't hash the {address} address");
        let says = |line: &str| line.contains(device) && line.contains(&words);
        assert!(said.lines().any(says), "{device}: {said}");
    }
}

#[test]
fn nics_are_left_alone_if_the_configuration_says_so() {
    let folder = Folder::new("no-rss");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("workers = [1]", "workers = [0, 1]\nrss = false")).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let said = process.last_words();
    assert_eq!(said.matches("workers send each other their packets: node.rss is false").count(), 2);
}

#[test]
fn one_worker_has_nobody_to_send_to() {
    let folder = Folder::new("one-worker");
    let config = folder.configure("");
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let said = process.last_words();
    assert!(!said.contains("workers send each other"), "{said}");
}
