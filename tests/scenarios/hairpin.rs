//! A private host that asks the virtual IP.

use std::collections::BTreeSet;

use lab::{GATEWAY, Lab, VIP, ready};

#[test]
fn a_real_server_asks_the_virtual_ip_and_even_itself() {
    let _lab = ready().unwrap();
    let url = format!("http://{VIP}/");
    let answers: BTreeSet<String> =
        (0..3).map(|_| Lab::S1.must(&["curl", "-s", "-m", "10", &url]).unwrap().stdout).collect();
    // The servers see the gateway address, so that their replies come back through it.
    let expected: BTreeSet<_> =
        ["s1", "s2", "s3"].iter().map(|name| format!("{name} {GATEWAY}\n")).collect();
    assert_eq!(answers, expected);
}
