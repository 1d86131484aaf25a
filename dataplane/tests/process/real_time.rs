//! Who takes orders about the role runs before others; nobody else does.

use api::{Client, LeaseOrder};

use super::process::{Folder, Process, command, wait_until};

/// Names of the threads with a real-time policy.
fn real_time_threads(process: &Process) -> Vec<String> {
    let stats = process.threads("stat");
    let found = stats.iter().filter_map(|stat| {
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        // Fields 40 and 41 of proc(5); the first of `rest` is the third.
        let fields: Vec<_> = rest.split_whitespace().collect();
        (fields[41 - 3] != "0").then(|| format!("{name} {}", fields[40 - 3]))
    });
    found.collect()
}

#[test]
fn orders_about_the_role_are_taken_with_priority() {
    let folder = Folder::new("real-time");
    let config = folder.configure(&folder.peer());
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    assert_eq!(real_time_threads(&process), [""; 0]);
    let mut client = Client::connect(folder.socket()).unwrap();
    client.lease(LeaseOrder::Renew { term: 1, lease: 120_000, at: 0 }).unwrap();
    assert_eq!(real_time_threads(&process), ["control-client 40"]);
    // Another client has a thread of its own, and this one is ordinary for other requests.
    let mut other = Client::connect(folder.socket()).unwrap();
    other.counters().unwrap();
    assert_eq!(real_time_threads(&process), ["control-client 40"]);
    client.counters().unwrap();
    assert_eq!(real_time_threads(&process), [""; 0]);
    client.lease(LeaseOrder::Watch).unwrap();
    drop(client);
    wait_until("its thread is gone", || real_time_threads(&process).is_empty().then_some(()));
}
