//! What a running process says of its packet buffers.

use api::Client;
use config::{Buffers, Config};

use super::process::{Folder, Process, command, wait_until};

#[test]
fn both_pools_are_told_and_come_back_to_rest() {
    let folder = Folder::new("buffers");
    let path = folder.configure("");
    let config = Config::from_str("file", &std::fs::read_to_string(&path).unwrap()).unwrap();
    let Buffers { workers, main } = config.buffers();
    let process = Process::start(command(&[], &path, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();
    let told = client.counters().unwrap().mempools;
    let sizes: Vec<_> = told.iter().map(|pool| (pool.name.as_str(), pool.size)).collect();
    assert_eq!(sizes, [("workers", u64::from(workers)), ("main", u64::from(main))]);
    // Nothing comes in, and what the process sends itself is soon gone: these devices keep nothing.
    wait_until("no buffer is in use", || {
        let told = client.counters().unwrap().mempools;
        told.iter().all(|pool| pool.in_use == 0).then_some(())
    });
    process.last_words();
}
