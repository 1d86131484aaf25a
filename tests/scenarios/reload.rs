//! A new configuration under load.

use lab::{Lab, Settings, VIP, ready};

#[test]
fn reloads_under_load_fail_no_request() {
    let lab = ready().unwrap();
    let url = format!("http://{VIP}/");
    let ab = ["ab", "-q", "-l", "-r", "-s", "60", "-n", "20000", "-c", "50", &url];
    let mut load = Lab::CLIENT.spawn(&ab).unwrap();
    let mut reloads = 0;
    while load.runs() {
        let weights = if reloads % 2 == 0 { [1, 2, 3] } else { [3, 0, 1] };
        lab.appliance.reload(&Settings { weights, ..Settings::default() }).unwrap();
        reloads += 1;
    }
    let output = load.finish().unwrap().stdout;
    lab.appliance.reload(&Settings::default()).unwrap();
    assert!(output.contains("Complete requests:      20000"), "{output}");
    assert!(output.contains("Failed requests:        0"), "{output}");
    assert!(reloads >= 3, "only {reloads} reloads while requests were sent");
}

#[test]
fn a_mistake_changes_nothing_and_is_told_with_its_place() {
    let lab = ready().unwrap();
    let path =
        lab.appliance.configure(&Settings { scheduler: "rrr", ..Settings::default() }).unwrap();
    let output = lab.appliance.tandem(&["reload"]).unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", output.words());
    assert!(output.words().contains(&format!("{path}:")), "{}", output.words());
    assert!(output.words().contains("rrr"), "{}", output.words());
    let answer = Lab::CLIENT.must(&["curl", "-s", "-m", "10", &format!("http://{VIP}/")]).unwrap();
    assert!(answer.stdout.contains(lab::CLIENT));
    lab.appliance.reload(&Settings::default()).unwrap();
}
