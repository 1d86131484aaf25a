//! The rules that Tandem comes with, as a real Prometheus evaluates them: what fails is told, and
//! what is mended is told no longer.

use std::path::{Path, PathBuf};

use lab::prometheus::Prometheus;
use lab::{Cut, Fault, Lab, Settings, Signal, ready_pair_with, wait_until};
use serde_json::Value;

/// The longest that an alert waits is a minute, and the machine is shared.
const SECONDS: u64 = 180;

const CHECK: &str = r#"
check = { kind = "http", path = "/healthz", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#;

fn checked() -> Settings {
    Settings { web: CHECK, metrics_on_link: true, ..Settings::patient_pair() }
}

fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn start(lab: &Lab) -> Prometheus {
    let rules = documents().join("prometheus/tandem.rules.yml").canonicalize().unwrap();
    let prometheus = Prometheus::start(&lab.machines(), Some(&rules)).unwrap();
    let is_known = |expression: &str, series: usize| {
        prometheus.query(expression).is_ok_and(|found| found.len() == series)
    };
    wait_until("both machines were scraped, and all servers checked", SECONDS, || {
        is_known("up == 1", 2)
            && is_known("tandem_ready == 1", 2)
            && is_known("tandem_server_check_up{service=\"web\"} == 1", 6)
    })
    .unwrap();
    prometheus
}

/// The servers of which an alert of this name is told.
fn servers(prometheus: &Prometheus, name: &str) -> Vec<String> {
    let firing = prometheus.firing().unwrap();
    let named = firing.iter().filter(|(one, _)| one == name);
    named.filter_map(|(_, labels)| Some(labels["server"].as_str()?.to_owned())).collect()
}

fn await_fires(prometheus: &Prometheus, name: &str, expected: bool) {
    let what = format!("{name} {}", if expected { "fires" } else { "has ended" });
    wait_until(&what, SECONDS, || prometheus.fires(name) == expected)
        .unwrap_or_else(|error| panic!("{error}; {:?} fire", prometheus.firing()));
}

#[test]
fn a_dead_server_is_told_until_it_is_back_and_a_service_without_servers_too() {
    let lab = ready_pair_with(checked()).unwrap();
    let prometheus = start(&lab);
    assert!(!prometheus.fires("TandemServerDown"), "{:?}", prometheus.firing());
    let fault = Fault::kill_web(1).unwrap();
    await_fires(&prometheus, "TandemServerDown", true);
    assert_eq!(servers(&prometheus, "TandemServerDown"), ["10.0.0.12:80"]);
    assert!(!prometheus.fires("TandemServiceDown"), "two of three are up");
    drop(fault);
    await_fires(&prometheus, "TandemServerDown", false);

    let ill = [0, 1, 2].map(|server| Fault::answer_health(server, "return 500;").unwrap());
    for alert in ["TandemServiceDown", "TandemServicePanic"] {
        await_fires(&prometheus, alert, true);
    }
    drop(ill);
    for alert in ["TandemServiceDown", "TandemServicePanic", "TandemServerDown"] {
        await_fires(&prometheus, alert, false);
    }
}

#[test]
fn a_path_that_is_cut_and_a_machine_that_could_not_take_over_are_told() {
    let mut lab = ready_pair_with(checked()).unwrap();
    let prometheus = start(&lab);
    assert!(!prometheus.fires("TandemHeartbeatPathDown"), "{:?}", prometheus.firing());
    let [_, public, _] = Cut::PATHS;
    let cut = Cut::heartbeats_of_both(&[public], 100).unwrap();
    await_fires(&prometheus, "TandemHeartbeatPathDown", true);
    drop(cut);
    await_fires(&prometheus, "TandemHeartbeatPathDown", false);

    lab.spoil();
    let (_, standby) = lab.roles().unwrap();
    assert!(!prometheus.fires("TandemNotReady") && !prometheus.fires("TandemNoActiveMachine"));
    standby.dataplane.forsake();
    standby.dataplane.signal(Signal::KILL);
    for alert in ["TandemDataplaneDown", "TandemNotReady"] {
        await_fires(&prometheus, alert, true);
    }
    assert!(!prometheus.fires("TandemNoActiveMachine"), "the other one is active");
}

/// The expressions of a dashboard's panels, with their variables filled in.
fn expressions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(documents().join("grafana/tandem.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let of = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| {
            let asked = target["expr"].as_str().unwrap();
            let filled = [
                ("$__rate_interval", "10s"),
                ("$job", ".*"),
                ("$instance", ".*"),
                ("$service", ".*"),
            ]
            .iter()
            .fold(asked.to_owned(), |text, (variable, value)| text.replace(variable, value));
            (title.clone(), filled)
        })
    };
    panels.iter().flat_map(of).collect()
}

#[test]
fn no_panel_of_the_dashboard_is_empty() {
    let lab = ready_pair_with(checked()).unwrap();
    let prometheus = start(&lab);
    let line = format!("for i in $(seq 25); do curl -s -m 10 http://{}/; done", lab::VIP);
    assert_eq!(Lab::CLIENT.sh(&line).unwrap().stdout.lines().count(), 25);
    let expressions = expressions();
    assert!(expressions.len() > 30, "{}", expressions.len());
    for (title, expression) in expressions {
        assert!(!expression.contains('$'), "{title}: {expression}");
        // When all is well, there is none.
        if title == "Alerts" {
            prometheus.query(&expression).unwrap();
            continue;
        }
        wait_until(&format!("{title} has something to show: {expression}"), 60, || {
            !prometheus.query(&expression).unwrap().is_empty()
        })
        .unwrap();
    }
}
