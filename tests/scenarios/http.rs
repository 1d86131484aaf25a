//! Web requests to the virtual IP.

use std::collections::BTreeMap;

use lab::{CLIENT, Lab, Settings, VIP, demo, ready, servers};

/// Asks so many times, a new connection each; how often each server answered, and every
/// client address that the servers saw.
fn ask(times: usize) -> BTreeMap<String, usize> {
    let line = format!("for i in $(seq {times}); do curl -s -m 10 http://{VIP}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    let mut counts = BTreeMap::new();
    for answer in answers.lines() {
        *counts.entry(answer.to_owned()).or_insert(0) += 1;
    }
    counts
}

fn answers(counts: [usize; 3]) -> BTreeMap<String, usize> {
    let line = |name: &str| format!("{name} {CLIENT}");
    [line("s1"), line("s2"), line("s3")].into_iter().zip(counts).collect()
}

#[test]
fn requests_are_spread_by_weight_and_servers_see_the_client() {
    let lab = ready().unwrap();
    lab.appliance
        .reload(&Settings { scheduler: "wrr", weights: [3, 2, 1], ..Settings::default() })
        .unwrap();
    assert_eq!(ask(60), answers([30, 20, 10]));
    // The control: other weights, another spread.
    lab.appliance.reload(&Settings::default()).unwrap();
    assert_eq!(ask(60), answers([20, 20, 20]));
}

#[test]
fn ten_thousand_requests_at_fifty_at_a_time_all_succeed() {
    let _lab = ready().unwrap();
    let (failed, words) = demo::requests().unwrap();
    println!("{words}");
    assert_eq!(failed, 0);
}

#[test]
fn a_large_download_arrives_whole() {
    let _lab = ready().unwrap();
    let line = format!("curl -s -m 300 http://{VIP}/big | sha256sum");
    let sum = Lab::CLIENT.sh(&line).unwrap().stdout;
    assert_eq!(sum.split_whitespace().next(), Some(servers::big_sum().unwrap().as_str()));
}
