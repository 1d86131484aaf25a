//! A smaller link on the way: "fragmentation needed" finds its way to the real server.

use lab::{INTERNET, Lab, Namespace, VIP, ready};

const PART: &str = "0-9999999";

fn set_mtu(mtu: &str) {
    Lab::UPSTREAM.must(&["ip", "link", "set", "eth1", "mtu", mtu]).unwrap();
}

/// What a real server has learnt of the way to the Internet host.
fn learnt(server: Namespace) -> bool {
    let route = server.must(&["ip", "route", "get", INTERNET]).unwrap().stdout;
    route.contains("mtu 1280")
}

#[test]
fn a_transfer_over_a_smaller_link_completes() {
    let _lab = ready().unwrap();
    let servers = || Lab::servers().into_iter().map(|(server, _)| server);
    assert!(!servers().any(learnt));
    set_mtu("1280");
    let line = format!("curl -s -m 60 -r {PART} http://{VIP}/big | wc -c");
    let got = Lab::INTERNET.sh(&line).unwrap().stdout;
    let knows = servers().any(learnt);
    set_mtu("1500");
    for server in servers() {
        server.must(&["ip", "route", "flush", "cache"]).unwrap();
    }
    assert_eq!(got.trim(), "10000000");
    // The control: it was the error that did it.
    assert!(knows, "no real server was told of the smaller link");
}
