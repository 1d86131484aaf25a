//! Routers on the way are seen, in both directions.

use lab::{INTERNET, Lab, VIP, ready};

/// The address at each hop.
fn hops(output: &str) -> Vec<&str> {
    output.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect()
}

#[test]
fn from_a_client_to_the_service() {
    let _lab = ready().unwrap();
    let trace = ["traceroute", "-n", "-q", "1", "-w", "3", "-T", "-p", "80", VIP];
    let output = Lab::CLIENT.must(&trace).unwrap().stdout;
    assert_eq!(hops(&output), ["198.51.100.2", VIP], "{output}");
}

#[test]
fn from_a_real_server_to_the_internet() {
    let _lab = ready().unwrap();
    let output =
        Lab::S1.must(&["traceroute", "-n", "-q", "1", "-w", "3", INTERNET]).unwrap().stdout;
    assert_eq!(hops(&output), ["10.0.0.2", "198.51.100.1", INTERNET], "{output}");
}
