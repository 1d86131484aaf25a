//! Versions of the configuration: applied, refused, confirmed, and back by themselves.

use lab::{Appliance, Lab, Settings, Signal, VIP, ready_with, wait_until};

/// The servers that answer thirty requests.
fn answering() -> Vec<&'static str> {
    let line = format!("for i in $(seq 30); do curl -s -m 10 http://{VIP}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    let names = Lab::servers().into_iter().map(|(_, name)| name);
    names.filter(|name| answers.lines().any(|answer| answer.starts_with(name))).collect()
}

/// The file for these weights in a folder of its own, where an operator would write it; by then
/// tandem-control knows what is in force.
fn written(appliance: &Appliance, weights: [u16; 3]) -> String {
    let path = appliance.configure(&Settings { weights, ..Settings::checked() }).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    appliance.configure(&Settings::checked()).unwrap();
    let draft = format!("{}/draft", appliance.machine.folder());
    std::fs::create_dir_all(&draft).unwrap();
    let file = format!("{draft}/new.toml");
    std::fs::write(&file, text).unwrap();
    wait_until("tandem-control knows what is in force", 20, || !log(appliance).versions.is_empty())
        .unwrap();
    file
}

fn log(appliance: &Appliance) -> api::Versions {
    let output = appliance.tandem(&["config", "log", "--json"]).unwrap();
    serde_json::from_str(&output.stdout).unwrap_or_default()
}

fn does(appliance: &Appliance, words: &[&str]) -> String {
    let output = appliance.tandem(words).unwrap();
    assert!(output.status.success(), "{words:?}: {}", output.words());
    output.stdout
}

#[test]
fn what_is_applied_is_kept_and_can_be_had_again() {
    let lab = ready_with(Settings::checked()).unwrap();
    let appliance = &lab.appliance;
    let file = written(appliance, [0, 0, 1]);
    let all = answering();
    assert_eq!(all.len(), 3);
    let before = log(appliance).versions[0].number;
    does(appliance, &["apply", &file]);
    let after = log(appliance).versions;
    assert_eq!((after[0].number, after[0].origin), (before + 1, api::VersionOrigin::Applied));
    assert_eq!(answering(), [all[2]]);
    let words = does(appliance, &["config", "show", &after[0].number.to_string()]);
    assert_eq!(words, std::fs::read_to_string(&file).unwrap());
    let differs = appliance.tandem(&["config", "diff"]).unwrap();
    assert_eq!(differs.status.code(), Some(1), "{}", differs.words());
    assert!(differs.stdout.contains("weight"), "{}", differs.words());

    // A file with a mistake changes nothing, and is no version.
    std::fs::write(&file, "[node]\nname = 7\n").unwrap();
    let refused = appliance.tandem(&["apply", &file]).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", refused.words());
    assert_eq!(log(appliance).versions, after);
    assert_eq!(answering(), [all[2]]);

    does(appliance, &["config", "rollback"]);
    assert_eq!(log(appliance).versions[0].of, Some(before));
    assert_eq!(answering(), all);
}

#[test]
fn what_is_not_confirmed_goes_back_also_when_control_was_killed() {
    let lab = ready_with(Settings::checked()).unwrap();
    let appliance = &lab.appliance;
    let file = written(appliance, [0, 0, 1]);
    let all = answering();

    // Confirmed, it stays: what would take it back finds nothing to do.
    let words = does(appliance, &["apply", &file, "--confirm", "1h"]);
    assert!(words.contains("tandem config confirm"), "{words}");
    let second = appliance.tandem(&["apply", &file]).unwrap();
    assert!(second.words().contains("waits to be confirmed"), "{}", second.words());
    does(appliance, &["config", "confirm"]);
    assert!(log(appliance).versions[0].confirm_by.is_none());
    assert_eq!(answering(), [all[2]]);
    does(appliance, &["config", "rollback"]);
    assert_eq!(answering(), all);

    // Not confirmed, it goes back, whoever was killed meanwhile.
    does(appliance, &["apply", &file, "--confirm", "5s"]);
    let applied = log(appliance).versions[0].number;
    appliance.control.signal(Signal::KILL);
    wait_until("tandem-control has ended", 20, || !appliance.control.runs()).unwrap();
    appliance.start_control(false).unwrap();
    wait_until("the version from before is in force", 30, || {
        let newest = log(appliance).versions.into_iter().next().unwrap_or_default();
        newest.number > applied && newest.origin == api::VersionOrigin::NotConfirmed
    })
    .unwrap();
    assert_eq!(answering(), all);
    let path = format!("{}/tandem.toml", appliance.machine.folder());
    let text = std::fs::read_to_string(path).unwrap();
    assert_ne!(text, std::fs::read_to_string(&file).unwrap(), "also after the next start");
}
