//! A process that has started may do nothing that its files do not let it do.

use api::{Client, Reload};

use super::process::{Folder, Process, command, wait_until};

/// Name, permitted and effective capabilities, bounding set, and whether there is a way to
/// new ones, of each thread.
fn rights(process: &Process) -> Vec<(String, [u64; 3], bool)> {
    let statuses = process.threads("status");
    let rights = statuses.iter().map(|status| {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        let set = |name| u64::from_str_radix(&field(name), 16).unwrap();
        let sets = ["CapPrm:", "CapEff:", "CapBnd:"].map(set);
        (field("Name:"), sets, field("NoNewPrivs:") == "0")
    });
    rights.collect()
}

/// A process of root with its kernel interfaces, in a network namespace of its own.
#[test]
fn no_thread_keeps_a_capability_and_all_goes_on() {
    let folder = Folder::new("privileges");
    let config = folder.configure("");
    let process = Process::start(command(&["unshare", "--net"], &config, &[]), &folder);
    let all = rights(&process);
    assert!(all.len() >= 5, "{all:?}");
    for (name, sets, may_gain) in all {
        assert_eq!(sets, [0; 3], "{name}");
        assert!(!may_gain, "{name}");
    }
    let mut client = Client::connect(folder.socket()).unwrap();
    let reloaded = client.reload(Reload { path: None }).unwrap();
    assert_eq!(reloaded.generation, 2);
    assert!(rights(&process).iter().all(|(_, sets, _)| *sets == [0; 3]), "a client's thread too");
    let said = process.last_words();
    assert!(said.contains(r#"capabilities given up kept="none""#), "{said}");
}

/// Packet sockets, opened with privileges, are used and closed without.
#[test]
fn packets_go_in_and_out_without_capabilities() {
    let folder = Folder::new("packets");
    let devices = ["net_af_packet0,iface=p0", "net_af_packet1,iface=p1"];
    let config = folder.configure_with(devices, "");
    // sysfs shows the interfaces of the namespace in which it was mounted.
    let script = "mount -t sysfs sysfs /sys && ip link add p0 type veth peer name p1 && ip link set p0 up && \
                  ip link set p1 up && exec \"$@\"";
    let before = ["unshare", "--net", "--mount", "sh", "-c", script, "sh"];
    let process = Process::start(command(&before, &config, &[]), &folder);
    assert!(rights(&process).iter().all(|(_, sets, _)| *sets == [0; 3]));
    let mut client = Client::connect(folder.socket()).unwrap();
    // Each side hears the other one's announcements.
    wait_until("frames are received on both sides", || {
        let counters = client.counters().unwrap();
        let worker = &counters.workers[0].counters;
        (worker["rx_public_packets"] > 0 && worker["rx_private_packets"] > 0).then_some(())
    });
    assert!(client.status().unwrap().nics.iter().all(|nic| nic.link_up));
    process.last_words();
}

#[test]
fn who_may_not_make_interfaces_is_told_what_is_missing() {
    let folder = Folder::new("missing");
    let config = folder.configure("");
    let before = ["setpriv", "--bounding-set", "-net_admin"];
    let output = command(&before, &config, &[]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = "lacks CAP_NET_ADMIN (for the kernel interfaces tandem-pub and tandem-priv)";
    assert!(said.contains(expected), "{said}");
}
