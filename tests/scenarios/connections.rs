//! What operators see.

use lab::{Lab, VIP, ready};

#[test]
fn the_command_line_shows_a_connection_and_its_neighbours() {
    let lab = ready().unwrap();
    Lab::CLIENT
        .must(&["curl", "-s", "-m", "10", "--local-port", "45454", &format!("http://{VIP}/")])
        .unwrap();
    let output = lab.appliance.tandem(&["--json", "connections", "--all"]).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let text = listed.to_string();
    assert!(text.contains("198.51.100.100:45454"), "{text}");
    let neighbours = lab.appliance.tandem(&["neighbours"]).unwrap().stdout;
    assert!(
        neighbours.contains("198.51.100.100") && neighbours.contains("reachable"),
        "{neighbours}"
    );
    let status = lab.appliance.tandem(&["status"]).unwrap();
    assert!(status.stdout.contains("a is active"), "{}", status.words());
}
