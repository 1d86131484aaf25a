//! What nobody asked for, from the public side.

use lab::{Lab, VIP, ready};

/// Sends so many packets of a kind.
const SEND: &str = "
import socket, struct, sys
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
kind, source, destination = sys.argv[1:4]
s, d = socket.inet_aton(source), socket.inet_aton(destination)
udp = struct.pack('!HHHH', 4242, 4243, 12, 0) + b'abcd'
tcp = struct.pack('!HHIIBBHHH', 4242, 80, 1, 1, 0x50, 0x10, 1000, 0, 0)
echo = struct.pack('!BBHHH', 0, 0, 0, 7, 1)
echo = echo[:2] + struct.pack('!H', checksum(echo)) + echo[4:]
protocol, body = {'udp': (17, udp), 'tcp': (6, tcp), 'reply': (1, echo)}[kind]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(10):
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, s, d)
    raw.sendto(ip + body, (destination, 0))
";

#[test]
fn unsolicited_packets_are_dropped_each_under_its_reason() {
    let lab = ready().unwrap();
    // A way to the private network that a router must not be.
    let route = ["ip", "route", "replace", "10.0.0.0/24", "via", VIP];
    Lab::CLIENT.must(&route).unwrap();
    let stories = [
        ("udp", lab::CLIENT, VIP, "no_service"),
        ("tcp", lab::CLIENT, VIP, "no_connection"),
        ("reply", lab::CLIENT, VIP, "no_connection"),
        ("udp", lab::CLIENT, "10.0.0.11", "not_for_us"),
        ("udp", "10.0.0.13", VIP, "spoofed"),
        ("udp", VIP, VIP, "spoofed"),
    ];
    for (kind, source, destination, reason) in stories {
        let before = lab.appliance.dropped(reason);
        Lab::CLIENT.python(SEND, &[kind, source, destination]).unwrap();
        let what = format!("{kind} from {source} to {destination} counts as {reason}");
        lab::wait_until(&what, 10, || lab.appliance.dropped(reason) >= before + 10).unwrap();
    }
    Lab::CLIENT.must(&["ip", "route", "del", "10.0.0.0/24"]).unwrap();
}
