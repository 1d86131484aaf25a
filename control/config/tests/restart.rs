//! Which changes a running dataplane takes, and which it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use config::Config;

const COMPLETE: &str = include_str!("../../../docs/examples/tandem.toml");

/// What a restart is needed for after each `from` has become its `to`.
fn needed(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = COMPLETE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in the file");
        text = text.replacen(from, to, 1);
    }
    let old = Config::from_str("old", COMPLETE).unwrap();
    let new = Config::from_str("new", &text).unwrap();
    assert_ne!(old, new);
    old.restart_needed(&new)
}

#[test]
fn services_addresses_and_routes_change_at_any_time() {
    assert_eq!(
        needed(&[
            (
                "floating = [\"198.51.100.10/24\"]",
                "floating = [\"198.51.100.10/24\", \"198.51.100.11/24\"]"
            ),
            ("gateway = \"198.51.100.1\"", "gateway = \"198.51.100.254\""),
            ("source = [\"10.0.0.0/24\"]", "source = [\"10.0.0.0/25\"]"),
            ("weight = 1", "weight = 0"),
            ("scheduler = \"wlc\"", "scheduler = \"wrr\""),
            ("[[masquerade]]", "[timeouts.service]\nudp = \"1m\"\n[[masquerade]]"),
        ]),
        [""; 0]
    );
}

#[test]
fn cores_memory_and_devices_need_a_restart() {
    assert_eq!(
        needed(&[
            ("workers = [1]", "workers = [1, 2]\nmemory = 512"),
            ("idle = \"poll\"", "idle = \"adaptive\"\nrss = false"),
            ("connections = 1_000_000", "connections = 2_000_000\npersistence = 50_000"),
            ("port = \"0000:03:00.0\"", "port = \"net_null0\"\nmtu = 9000"),
            (
                "address = \"10.0.0.2/24\"",
                "address = \"10.0.0.3/24\"\nrx_descriptors = 512\n\
              kernel_multicast = [\"ospf\"]\n\
              virtual_mac = \"00:00:5e:00:01:01\""
            ),
        ]),
        [
            "node.workers: [1] now, [1, 2] in the file",
            "node.idle: poll now, adaptive in the file",
            "node.rss: true now, false in the file",
            "node.connections: 1000000 now, 2000000 in the file",
            "node.persistence: 1000000 now, 50000 in the file",
            "node.memory: not set now, 512 in the file",
            "public.port: 0000:03:00.0 now, net_null0 in the file",
            "public.mtu: 1500 now, 9000 in the file",
            "private.address: 10.0.0.2/24 now, 10.0.0.3/24 in the file",
            "private.rx_descriptors: not set now, 512 in the file",
            "private.kernel_multicast: [] now, [ospf] in the file",
            "private.virtual_mac: not set now, 00:00:5e:00:01:01 in the file",
        ]
    );
}

#[test]
fn a_machine_does_not_become_one_of_a_pair_while_it_runs() {
    let peer = "[peer]\nkey_file = \"/etc/tandem/peer.key\"\npaths = [{ local = \"10.0.0.2\", \
                remote = \"10.0.0.3\" }]\n[[masquerade]]";
    assert_eq!(needed(&[("[[masquerade]]", peer)]), ["peer: not set now, set in the file"]);
}

#[test]
fn what_a_pair_has_set_up_takes_a_restart_of_control() {
    let with = |more: &str, path: &str| {
        let text = format!(
            "{COMPLETE}\n[peer]\nkey_file = \"/etc/tandem/peer.key\"\npaths = [{{ local = \"10.0.0.2\", \
             remote = \"{path}\" }}]\n{more}"
        );
        Config::from_str("peer", &text).unwrap()
    };
    let old = with("", "10.0.0.3");
    let new = with(
        "port = 7406\ninterval = \"10ms\"\nlease = \"100ms\"\npreempt = \"30s\"\ngrace = \"1s\"\n\
         quiet = \"1m\"\n",
        "10.0.0.4",
    );
    let lines = [
        "peer.paths: [10.0.0.2 to 10.0.0.3] now, [10.0.0.2 to 10.0.0.4] in the file",
        "peer.port: 7405 now, 7406 in the file",
        "peer.interval: 20ms now, 10ms in the file",
        "peer.lease: 120ms now, 100ms in the file",
        "peer.preempt: not set now, 30s in the file",
        "peer.grace: 2s now, 1s in the file",
    ];
    assert_eq!(old.restart_of_control(&new), lines);
    assert_eq!(old.restart_of_control(&old), [""; 0]);
    // After that the dataplane takes it, too.
    assert_eq!(old.restart_needed(&new), [""; 0]);
}

#[test]
fn what_control_alone_has_set_up_takes_a_restart_of_control() {
    let old = Config::from_str("old", COMPLETE).unwrap();
    let mut new = old.clone();
    new.metrics.listen = "127.0.0.1:9406".parse().unwrap();
    new.node.maintenance = Some("/srv/maintenance.d".into());
    // These are the dataplane's, and taken at any time.
    new.node.unserved = config::Unserved::Drop;
    new.node.management_ports = vec![22, 179];
    assert_eq!(old.restart_needed(&new), [""; 0]);
    let lines = old.restart_of_control(&new);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("node.maintenance: "), "{lines:?}");
    assert_eq!(lines[1], "metrics.listen: 127.0.0.1:9405 now, 127.0.0.1:9406 in the file");
}
