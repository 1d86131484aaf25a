//! Datagrams larger than a frame, over XDP sockets: packet sockets would put fragments
//! together before the appliance sees them.

use lab::{Driver, Lab, Ready, Settings, VIP};

/// Sends datagrams as fragments, in reverse order, through a raw socket.
const FRAGMENTS: &str = "
import os, socket, struct, sys
def checksum(data):
    if len(data) % 2: data += b'\\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def send_reversed(source, sport, destination, dport, payload):
    s, d = socket.inet_aton(source), socket.inet_aton(destination)
    length = 8 + len(payload)
    pseudo = s + d + struct.pack('!BBH', 0, 17, length)
    header = struct.pack('!HHHH', sport, dport, length, 0)
    total = checksum(pseudo + header + payload) or 0xffff
    datagram = struct.pack('!HHHH', sport, dport, length, total) + payload
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    ident = int.from_bytes(os.urandom(2), 'big') or 1
    step = 1480
    pieces = [(at, datagram[at:at + step]) for at in range(0, len(datagram), step)]
    for at, piece in reversed(pieces):
        more = 0x2000 if at + len(piece) < len(datagram) else 0
        ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(piece), ident, more | at // 8, 64, 17, 0, s, d)
        raw.sendto(ip + piece, (destination, 0))
";

/// Answers every datagram with itself: as the kernel fragments it, or reversed.
const ECHO: &str = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('10.0.0.12', 7))
while True:
    data, peer = s.recvfrom(65535)
    if sys.argv[1] == 'reversed': send_reversed('10.0.0.12', 7, peer[0], peer[1], data)
    else: s.sendto(data, peer)
";

/// Sends so many datagrams of 4,000 bytes and compares what comes back.
const ASK: &str = "
vip, me, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((me, 0)); s.settimeout(10)
for number in range(count):
    data = os.urandom(4000)
    if sys.argv[1] == 'reversed': send_reversed(me, s.getsockname()[1], vip, 7, data)
    else: s.sendto(data, (vip, 7))
    assert s.recvfrom(65535)[0] == data, number
print(count)
";

fn ready() -> Ready {
    let mut lab = lab::ready().unwrap();
    lab.restart_with(&Settings { driver: Driver::AfXdp, ..Settings::default() }).unwrap();
    lab
}

fn round_trip(order: &str, count: u64) {
    let lab = ready();
    let _server = Lab::S2.spawn_python(&format!("{FRAGMENTS}{ECHO}"), &[order]).unwrap();
    lab::wait_until("the echo server listens", 20, || {
        Lab::S2.run(&["ss", "-unlH"]).unwrap().stdout.contains("10.0.0.12:7")
    })
    .unwrap();
    let ask = format!("{FRAGMENTS}{ASK}");
    let number = count.to_string();
    let output = Lab::CLIENT.python(&ask, &[order, VIP, lab::CLIENT, &number]).unwrap();
    assert_eq!(output.stdout.trim(), number);
    // Three frames a datagram came in on each side: nobody put them together before.
    for counter in ["rx_public_packets", "rx_private_packets"] {
        let frames: u64 = lab.appliance.counted(counter).iter().sum();
        assert!(frames >= 3 * count, "{frames} {counter}");
    }
}

#[test]
fn datagrams_of_4000_bytes_go_both_ways() {
    round_trip("in order", 5);
}

#[test]
fn also_with_their_fragments_in_reverse_order() {
    round_trip("reversed", 5);
}

/// More than a worker remembers at a time: those that are through make room.
#[test]
fn their_number_is_not_limited_by_the_table() {
    round_trip("in order", 5000);
}

#[test]
fn a_flood_of_fragments_without_a_first_one_is_bounded_and_counted() {
    let lab = ready();
    let before = lab.appliance.dropped("fragment_early") + lab.appliance.dropped("fragment_table");
    let flood = "
import socket, struct, sys
s, d = socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for ident in range(1, 9000):
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 1020, ident, 0x2000 | 185, 64, 17, 0, s, d)
    raw.sendto(ip + bytes(1000), (sys.argv[2], 0))
";
    Lab::CLIENT.python(flood, &[lab::CLIENT, VIP]).unwrap();
    lab::wait_until("fragments are refused", 20, || {
        lab.appliance.dropped("fragment_early") + lab.appliance.dropped("fragment_table") > before
    })
    .unwrap();
    let answer = Lab::CLIENT.must(&["curl", "-s", "-m", "10", &format!("http://{VIP}/")]).unwrap();
    assert!(answer.stdout.contains(lab::CLIENT));
}
