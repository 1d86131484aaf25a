//! What signals do to the process.

use std::fs;

use api::Client;
use rustix::process::Signal;

use super::process::{Folder, Process, command, wait_until};

/// The number of the configuration in use.
fn generation(folder: &Folder) -> u64 {
    let status = Client::connect(folder.socket()).unwrap().status().unwrap();
    status.configuration.generation
}

#[test]
fn sighup_reloads_the_configuration() {
    let folder = Folder::new("sighup");
    let config = folder.configure("");
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    assert_eq!(generation(&folder), 1);
    process.signal(Signal::HUP);
    wait_until("the configuration is reloaded", || (generation(&folder) == 2).then_some(()));
    let said = process.last_words();
    assert!(said.contains("configuration reloaded generation=2"), "{said}");
}

/// First a mistake, then a change that needs a restart.
#[test]
fn sighup_with_a_file_that_cannot_be_used_changes_nothing_and_says_why() {
    let folder = Folder::new("sighup-mistake");
    let config = folder.configure("");
    let good = fs::read_to_string(&config).unwrap();
    let mut process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let lines = process.lines();
    fs::write(&config, good.replace("198.51.100.10/24", "198.51.100.300/24")).unwrap();
    process.signal(Signal::HUP);
    lines.await_words("SIGHUP, not reloaded: the configuration has mistakes");
    lines.await_words("198.51.100.300");
    fs::write(&config, good.replace("connections = 1000", "connections = 2000")).unwrap();
    process.signal(Signal::HUP);
    lines.await_words("SIGHUP, not reloaded: these changes need a restart");
    lines.await_words("node.connections: 1000 now, 2000 in the file");
    assert_eq!(generation(&folder), 1);
    fs::write(&config, good).unwrap();
    process.signal(Signal::HUP);
    wait_until("the mended file is taken", || (generation(&folder) == 2).then_some(()));
}

#[test]
fn signals_that_mean_nothing_here_end_nothing() {
    let folder = Folder::new("sigusr");
    let config = folder.configure("");
    let mut process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let lines = process.lines();
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        process.signal(signal);
        lines.await_words(&format!("{name} changes nothing here"));
    }
    process.signal(Signal::PIPE);
    assert_eq!(generation(&folder), 1);
    assert!(process.end().success());
}
