//! ICMP errors about translated packets.

use lab::{Lab, VIP, ready};

/// A connected socket is told of an error only if the kernel finds it by the quoted
/// packet's addresses and ports.
const ASK: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
s.connect((sys.argv[1], 9)); s.send(b'hello')
try: s.recv(100)
except ConnectionRefusedError: print('refused')
";

#[test]
fn port_unreachable_reaches_the_client_with_the_quoted_packet_right() {
    let _lab = ready().unwrap();
    let capture = ["tcpdump", "-Unnvvi", "eth0", "-c", "1", "icmp[icmptype] == 3"];
    let capture = Lab::CLIENT.spawn(&capture).unwrap();
    lab::wait_until("tcpdump has its socket", 20, || {
        Lab::CLIENT.run(&["ss", "-0nH"]).unwrap().stdout.contains("eth0")
    })
    .unwrap();
    let told = Lab::CLIENT.python(ASK, &[VIP]).unwrap().stdout;
    assert_eq!(told.trim(), "refused");
    let seen = capture.finish().unwrap().stdout;
    assert!(
        seen.contains(&format!("{VIP} > {}: ICMP {VIP} udp port 9 unreachable", lab::CLIENT)),
        "{seen}"
    );
    // tcpdump verifies the checksums of both IP headers, ICMP and the quoted UDP.
    assert!(
        !seen.contains("bad") && !seen.contains("wrong") && !seen.contains("10.0.0."),
        "{seen}"
    );
}
