//! iperf3 through the appliance, for the record; how fast is not judged here.

use lab::{Lab, VIP, ready};

fn iperf(direction: &[&str]) -> f64 {
    let _server = Lab::S1.spawn(&["iperf3", "-s", "-1", "-p", "5201"]).unwrap();
    lab::wait_until("iperf3 listens", 20, || {
        Lab::S1.run(&["ss", "-tnlH"]).unwrap().stdout.contains(":5201")
    })
    .unwrap();
    let mut words = vec!["iperf3", "-J", "-t", "3", "-p", "5201", "-c", VIP];
    words.extend(direction);
    let output = Lab::CLIENT.must(&words).unwrap().stdout;
    let result: serde_json::Value = serde_json::from_str(&output).unwrap();
    result["end"]["sum_received"]["bits_per_second"].as_f64().unwrap()
}

#[test]
fn iperf3_both_ways() {
    let _lab = ready().unwrap();
    let towards = iperf(&[]);
    let from = iperf(&["-R"]);
    println!("iperf3: {:.2} Gb/s to the server, {:.2} Gb/s from it", towards / 1e9, from / 1e9);
    assert!(towards > 1e6 && from > 1e6);
}
