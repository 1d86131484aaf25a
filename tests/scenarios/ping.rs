//! Echo requests.

use lab::{GATEWAY, INTERNET, Lab, Namespace, VIP, ready};

fn ping(from: Namespace, to: &str) -> bool {
    from.run(&["ping", "-c", "3", "-i", "0.2", "-W", "3", to]).unwrap().ok()
}

#[test]
fn floating_addresses_answer() {
    let _lab = ready().unwrap();
    assert!(ping(Lab::CLIENT, VIP));
    assert!(ping(Lab::S1, GATEWAY));
    assert!(ping(Lab::UPSTREAM, VIP));
    // The control: an address that nobody has.
    assert!(!Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", "198.51.100.11"]).unwrap().ok());
}

#[test]
fn the_real_addresses_are_the_kernels() {
    let _lab = ready().unwrap();
    assert!(ping(Lab::CLIENT, "198.51.100.2"));
    assert!(ping(Lab::S2, "10.0.0.2"));
    // And the kernel reaches out through the appliance.
    assert!(ping(Lab::A, "10.0.0.11"));
}

#[test]
fn a_real_server_pings_out() {
    let _lab = ready().unwrap();
    assert!(ping(Lab::S1, INTERNET));
}
