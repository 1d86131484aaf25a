//! What Prometheus sees.

use std::io::Write;
use std::process::{Command, Stdio};

use control::metrics::catalogue::ALL;

use crate::machine::{Both, wait};

/// The value of a metric, by its name and labels as they are written.
fn value(text: &str, metric: &str) -> Option<f64> {
    let value = |line: &str| line.strip_prefix(metric)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value)
}

/// What promtool has to say against a text. It comes with Debian's package prometheus.
fn promtool(text: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing: tests/setup.sh installs it");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{}{}", output.status, String::from_utf8(said).unwrap())
}

#[test]
fn every_metric_is_served_and_well_formed() {
    let both = Both::up();
    wait("a check has ended", || both.a.metrics().contains("tandem_server_check_result{"));
    let text = both.a.metrics();
    // Nobody knows of a boot here: systemd does not start these processes with the machine.
    let families = ALL.iter().filter(|family| family.name != "tandem_boot_seconds");
    for family in families.clone() {
        let (name, kind) = (family.name, family.kind.name());
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is missing");
        assert!(text.contains(&format!("# HELP {name} {}\n", family.help)), "{name}'s help");
    }
    let served = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(served, families.count(), "and no other");
    assert_eq!(promtool(&text), "exit status: 0");
    assert_ne!(promtool("tandem_wrong_total 1\n"), "exit status: 0", "the check can fail");
}

#[test]
fn metrics_say_what_is() {
    let both = Both::up();
    let (a, b) = (both.a.metrics(), both.b.metrics());
    for (text, active, link) in [(&a, 1.0, "sending"), (&b, 0.0, "receiving")] {
        assert_eq!(value(text, "tandem_takeovers_total"), Some(active));
        assert_eq!(value(text, "tandem_peer_active"), Some(1.0 - active));
        assert_eq!(value(text, &format!("tandem_sync_link{{direction=\"{link}\"}}")), Some(1.0));
        assert_eq!(value(text, "tandem_ready"), Some(1.0));
        assert_eq!(value(text, "tandem_dataplane_up"), Some(1.0));
    }
    assert_eq!(value(&b, "tandem_sync_complete"), Some(1.0));
    let drop = "tandem_dropped_packets_total{reason=\"no_connection\"}";
    assert_eq!(value(&a, drop), Some(1234.0));
    let path = "{local=\"127.0.0.2\",remote=\"127.0.0.3\"}";
    let received = |text: &str| value(text, &format!("tandem_heartbeat_received_total{path}"));
    wait("heartbeats are counted", || received(&both.a.metrics()) > received(&a));
    let gaps = value(&both.a.metrics(), &format!("tandem_heartbeat_gap_seconds_count{path}"));
    assert!(gaps > Some(0.0));
}

#[test]
fn a_scrape_works_without_a_dataplane() {
    let both = Both::up();
    both.b.dataplane.kill();
    let text = both.b.metrics();
    assert_eq!(value(&text, "tandem_dataplane_up"), Some(0.0));
    assert_eq!(value(&text, "tandem_ready"), Some(0.0));
    assert!(!text.contains("tandem_nic_up"), "nothing is known of the NICs");
    assert_eq!(promtool(&text), "exit status: 0");
}

#[test]
fn nothing_else_is_served() {
    let both = Both::up();
    both.a.metrics();
    for path in ["/", "/metrics/more", "/favicon.ico"] {
        assert!(both.a.get(path).0.starts_with("HTTP/1.1 404"), "{path}");
    }
}
