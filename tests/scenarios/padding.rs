//! Frames that are longer than their packet.

use lab::{Lab, VIP, ready};
use wire::testing::Frame;

/// The length of a frame as tcpdump tells it, which a real server gets for one of 947 bytes
/// with a packet of 33.
#[test]
fn a_server_gets_no_bytes_behind_the_packet() {
    let lab = ready().unwrap();
    let macs = (Lab::CLIENT.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap());
    let captures = Lab::servers().map(|(server, _)| {
        let filter = "udp dst port 53 and src port 4747";
        let capture = ["tcpdump", "-Unnei", "eth0", "-c", "1", "--immediate-mode", filter];
        let capture = server.spawn(&capture).unwrap();
        lab::wait_until("tcpdump has its socket", 20, || {
            server.run(&["ss", "-0nH"]).unwrap().stdout.contains("eth0")
        })
        .unwrap();
        capture
    });
    let vip: std::net::Ipv4Addr = VIP.parse().unwrap();
    let frame = Frame::udp(([198, 51, 100, 100], 4747), (vip, 53)).payload("short");
    let frame = frame.padding(900).macs(macs.0, macs.1).build();
    assert_eq!(frame.len(), 947);
    Lab::CLIENT.send("eth0", &[frame]).unwrap();
    let mut captures = captures;
    lab::wait_until("a server has the datagram", 20, || {
        captures.iter_mut().any(|capture| !capture.runs())
    })
    .unwrap();
    let seen: String = captures.into_iter().map(|capture| capture.stop().unwrap().stdout).collect();
    // 47 bytes, which a driver of Ethernet fills up to 60; a veth does not.
    assert!(seen.contains("length 47:"), "{seen}");
}
