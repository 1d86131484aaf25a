//! What the operator is told: a healthy pair is well, and what is wrong is said with what to type.

use lab::{Appliance, Fault, Loading, Settings, ready_pair_with, wait_until};
use serde_json::Value;

const SECONDS: u64 = 40;

const CHECK: &str = r#"
check = { kind = "http", path = "/healthz", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#;

fn checked() -> Settings {
    Settings { web: CHECK, ..Settings::patient_pair() }
}

/// Waits until `tandem status` has this exit code and says this.
#[track_caller]
fn await_status(machine: &Appliance, succeeds: bool, words: &[&str]) {
    let mut last = String::new();
    let says = || {
        let said = machine.tandem(&["status"]).unwrap();
        last = said.words();
        said.ok() == succeeds && words.iter().all(|words| said.stdout.contains(words))
    };
    wait_until(&format!("the status says {words:?}"), SECONDS, says)
        .unwrap_or_else(|error| panic!("{error}: it says\n{last}"));
}

#[test]
fn a_healthy_pair_says_so_and_what_is_wrong_comes_with_its_remedy() {
    let lab = ready_pair_with(checked()).unwrap();
    let (active, standby) = lab.roles().unwrap();
    for machine in [active, standby] {
        await_status(machine, true, &["WELL: "]);
    }
    let ill = Fault::answer_health(0, "return 500;").unwrap();
    for machine in [active, standby] {
        await_status(
            machine,
            false,
            &["DEGRADED: ", "10.0.0.11:80 of web: DOWN", "$ tandem services"],
        );
    }
    drop(ill);
    await_status(active, true, &["WELL: "]);
    let astray = Fault::remove_route(0).unwrap();
    let remedy = "on 10.0.0.11: ip route replace default via 10.0.0.1";
    await_status(active, false, &["does not send its answers through the gateway address", remedy]);
    drop(astray);
    await_status(active, true, &["WELL: "]);
}

#[test]
fn top_and_watch_show_what_passes() {
    let lab = ready_pair_with(checked()).unwrap();
    let (active, _) = lab.roles().unwrap();
    let loading = Loading::start_again_and_again(4, 4).unwrap();
    let top = || {
        let words = ["top", "--json", "--sources", "--interval", "1s"];
        let said = active.tandem(&words).unwrap();
        serde_json::from_str::<Value>(&said.stdout).unwrap_or_else(|_| panic!("{}", said.words()))
    };
    let passes = || {
        let answer = top();
        assert_eq!((&answer["schema"], &answer["schema_version"]), (&"top".into(), &1.into()));
        let web = answer["services"].as_array().unwrap().iter().find(|one| one["name"] == "web");
        let web = web.unwrap();
        let rate = |name: &str| web[name].as_f64().unwrap();
        rate("connections") > 0.0
            && rate("packets_in") > 0.0
            && rate("bits_out") > rate("bits_in")
            && answer["clients"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["client"] == "198.51.100.100")
    };
    wait_until("top shows the downloads", SECONDS, passes).unwrap();
    let table = active.tandem(&["top", "--once", "--by", "servers"]).unwrap().stdout;
    assert!(table.starts_with("SERVER") && table.contains("10.0.0.11:80"), "{table}");
    let lines = active.tandem(&["watch", "--count", "2", "--interval", "1s"]).unwrap();
    assert_eq!(lines.stdout.lines().count(), 2, "{}", lines.words());
    assert!(lines.stdout.lines().nth(1).unwrap().contains(" new/s, "), "{}", lines.words());
    loading.finish().unwrap();
}
