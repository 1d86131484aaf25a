//! The metrics, as promtool and a real Prometheus take them, against counted traffic.

use lab::prometheus::{Prometheus, instance};
use lab::{Appliance, Lab, Settings, ready_pair, ready_pair_with};

const URL: &str = "http://127.0.0.1:9405/metrics";

fn page(machine: &Appliance) -> String {
    machine.machine.namespace.must(&["curl", "-s", "-m", "10", URL]).unwrap().stdout
}

/// The value of a metric with these labels, as the page writes them.
fn value(page: &str, metric: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {metric} in\n{page}")).parse().unwrap()
}

#[test]
fn they_are_exact_and_promtool_finds_no_fault() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let connections = "tandem_service_connections_total{listen=\"198.51.100.10:80\",\
                       protocol=\"tcp\",service=\"web\"}";
    let before = value(&page(active), connections);
    let line = format!("for i in $(seq 25); do curl -s -m 10 http://{}/; done", lab::VIP);
    assert_eq!(Lab::CLIENT.sh(&line).unwrap().stdout.lines().count(), 25);
    assert_eq!(value(&page(active), connections) - before, 25.0);
    for (machine, is_active) in [(active, 1.0), (standby, 0.0)] {
        let text = page(machine);
        assert_eq!(value(&text, "tandem_active"), is_active);
        assert_eq!(value(&text, "tandem_ready"), 1.0);
        let check = format!("curl -s {URL} | promtool check metrics");
        let told = machine.machine.namespace.sh(&check).unwrap();
        assert!(told.ok() && told.words().trim().is_empty(), "{}", told.words());
    }
}

#[test]
fn one_prometheus_scrapes_both_machines() {
    let lab =
        ready_pair_with(Settings { metrics_on_link: true, ..Settings::patient_pair() }).unwrap();
    let (active, standby) = lab.roles().unwrap();
    let prometheus = Prometheus::start(&lab.machines(), None).unwrap();
    // What Prometheus knows of a machine's role.
    let knows = |machine: &Appliance, value: &str| {
        let role = format!("tandem_active{{instance=\"{}\"}} == {value}", instance(machine));
        prometheus.query(&role).is_ok_and(|found| found.len() == 1)
    };
    lab::wait_until("Prometheus knows who is active", 60, || {
        knows(active, "1") && knows(standby, "0")
    })
    .unwrap();
    assert!(active.tandem(&["failover"]).unwrap().ok());
    lab::wait_until("Prometheus has seen the handover", 60, || {
        knows(active, "0") && knows(standby, "1")
    })
    .unwrap();
}
