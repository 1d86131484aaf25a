//! A million frames of rubbish from both sides.

use lab::{Lab, Settings, VIP, demo, ready};

/// Sends frames to the router's Ethernet address: random bytes, and packets of every kind
/// with a few bytes changed. ARP keeps its sender, since nobody can tell a lie there.
const RUBBISH: &str = "
import os, random, socket, struct, sys
interface, router, count, mine, other = sys.argv[1], bytes.fromhex(sys.argv[2].replace(':', '')), int(sys.argv[3]), sys.argv[4], sys.argv[5]
random.seed(int(sys.argv[6]))
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); link.bind((interface, 0))
ether = router + bytes.fromhex('02000000ff01')
a, b = socket.inet_aton(mine), socket.inet_aton(other)
def checksum(data):
    if len(data) % 2: data += b'\\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def ip(protocol, body, options=b'', fragment=0):
    size = 20 + len(options)
    header = struct.pack('!BBHHHBBH4s4s', 0x40 | size // 4, 0, size + len(body), 77, fragment, 9, protocol, 0, a, b) + options
    return ether + b'\\x08\\0' + header[:10] + struct.pack('!H', checksum(header)) + header[12:] + body
udp = struct.pack('!HHHH', 5353, 53, 40, 0) + bytes(32)
tcp = struct.pack('!HHIIBBHHH', 1234, 80, 1, 2, 0x60, 2, 1000, 0, 0) + b'\\2\\4\\5\\xb4'
echo = struct.pack('!BBHHH', 8, 0, 0xf7ff - 1, 1, 1) + bytes(8)
quoted = ip(17, udp)[14:50]
error = struct.pack('!BBHI', 3, 3, 0, 0) + quoted
error = error[:2] + struct.pack('!H', checksum(error)) + error[4:]
arp = ether + b'\\x08\\x06' + struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + bytes.fromhex('02000000ff01') + a + bytes(6) + b
kinds = [ip(17, udp), ip(6, tcp), ip(1, echo), ip(1, error), ip(17, udp, b'\\1\\1\\1\\0'), ip(17, udp, fragment=0x2000), ip(17, udp, fragment=0x20b9), ether + b'\\x81\\0\\0\\5' + ip(17, udp)[12:], ether + b'\\x86\\xdd' + bytes(60)]
pool = [os.urandom(2000) for _ in range(64)]
sent = 0
while sent < count:
    choice = random.random()
    if choice < 0.15: frame = ether + pool[sent % 64][:random.randrange(0, 1400)]
    elif choice < 0.2:
        frame = bytearray(arp); frame[random.choice([12, 13, 14, 16, 18, 19, 21, 33, 38, 41])] = random.randrange(256)
    else:
        frame = bytearray(random.choice(kinds))
        for _ in range(random.randrange(4)):
            frame[random.randrange(12, len(frame))] = random.randrange(256)
        if choice > 0.9: frame = frame[:random.randrange(14, len(frame))]
    try: link.send(frame)
    except OSError: continue
    sent += 1
print(sent)
";

#[test]
fn a_million_random_and_mutated_frames_disturb_nobody() {
    let mut lab = ready().unwrap();
    // Room for the connections that some of them open.
    lab.restart_with(&Settings { connections: 2_000_000, ..Settings::default() }).unwrap();
    let process = lab.appliance.process();
    let nics = lab.appliance.client().unwrap().status().unwrap().nics;
    let [public, private] = [&nics[0].mac, &nics[1].mac];
    let half = "500000";
    let mut outside = Lab::CLIENT
        .spawn_python(RUBBISH, &["eth0", public, half, "198.51.100.77", VIP, "1"])
        .unwrap();
    let mut inside = Lab::S3
        .spawn_python(RUBBISH, &["eth0", private, half, "10.0.0.77", lab::INTERNET, "2"])
        .unwrap();
    let mut rounds = 0;
    while outside.runs() || inside.runs() {
        let (failed, _) = demo::requests().unwrap();
        assert_eq!(failed, 0, "in round {rounds}");
        rounds += 1;
    }
    for task in [outside, inside] {
        let output = task.finish().unwrap();
        assert_eq!(output.stdout.trim(), half, "{}", output.stderr);
    }
    assert!(rounds > 0);
    assert!(lab.appliance.runs());
    assert_eq!(lab.appliance.process(), process);
    // The control: the frames came in and were looked at.
    for reason in ["ip_header", "truncated", "ether_type", "vlan"] {
        assert!(lab.appliance.dropped(reason) > 1000, "{reason}");
    }
}
