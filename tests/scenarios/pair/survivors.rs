//! What is not TCP survives a takeover like TCP.

use lab::{INTERNET, Lab, Settings, VIP, ready_pair};

use super::await_active;

/// A host's own connection to the Internet, an open UDP flow of a host, and a ping: asks,
/// waits for a file, asks again with the same sockets.
const INSIDE: &str = "
import os, socket, struct, sys, time
internet, said, go = sys.argv[1:4]
tcp = socket.create_connection((internet, 80), timeout=20)
def web():
    tcp.sendall(b'GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n')
    return tcp.recv(4000).split(b'\\r\\n\\r\\n')[1].decode().strip()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.settimeout(2); udp.connect((internet, 53))
name = b''.join(bytes([len(part)]) + part for part in (b'whoami', b'lab')) + bytes(1)
def dns():
    for _ in range(10):
        udp.send(struct.pack('!HHHHHH', 7, 0x100, 1, 0, 0, 0) + name + struct.pack('!HH', 16, 1))
        try: return udp.recv(512)[-8:].decode()
        except TimeoutError: pass
print(web(), dns())
open(said, 'w').write('x')
deadline = time.time() + 60
while not os.path.exists(go) and time.time() < deadline: time.sleep(0.02)
print(web(), dns())
";

#[test]
fn masquerade_mappings_udp_flows_and_echoes_survive() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let (said, go) = (format!("{}/said", lab::FOLDER), format!("{}/go", lab::FOLDER));
    for file in [&said, &go] {
        let _ = std::fs::remove_file(file);
    }
    let inside = Lab::S1.spawn_python(INSIDE, &[INTERNET, &said, &go]).unwrap();
    let ping = Lab::S2.spawn(&["ping", "-i", "0.2", "-W", "2", INTERNET]).unwrap();
    lab::wait_until("the first answers came", 20, || std::path::Path::new(&said).exists()).unwrap();
    let before = ports(active);
    assert!(before.len() >= 3, "{before:?}");
    active.kill().unwrap();
    await_active(&lab, standby);
    std::fs::write(&go, "").unwrap();
    let output = inside.finish().unwrap();
    let answers: Vec<&str> = output.stdout.lines().collect();
    let expected = format!("internet {VIP} internet");
    assert_eq!(answers, [&expected, &expected], "{}", output.words());
    let after = ports(standby);
    assert!(before.iter().all(|mapping| after.contains(mapping)), "{before:?} {after:?}");
    // A ping goes on with its identifier: the mapping is what makes the replies come back.
    let told = ping.stop().unwrap().words();
    println!("{told}");
    active.launch(&Settings::patient_pair()).unwrap();
}

/// The masqueraded connections of a machine, each as its source and what it became.
fn ports(machine: &lab::Appliance) -> Vec<String> {
    let listed =
        machine.client().unwrap().connections(api::Page { limit: 1000, ..Default::default() });
    let masqueraded =
        |connection: &api::Connection| connection.kind == api::ConnectionKind::Masquerade;
    let line = |connection: api::Connection| {
        format!("{} {:?} {:?}", connection.protocol, connection.original, connection.translated)
    };
    listed.unwrap().entries.into_iter().filter(masqueraded).map(line).collect()
}

/// Sends segments of a connection that nobody knows, and prints what comes back.
const STRAY: &str = "
import socket, struct, sys
vip, me = sys.argv[1:3]
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
s, d = socket.inet_aton(me), socket.inet_aton(vip)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
back = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); back.settimeout(1)
header = struct.pack('!HHIIBBH', 4242, 80, 1, 1, 0x50, 0x10, 1000)
tcp = header + struct.pack('!HH', checksum(s + d + struct.pack('!BBH', 0, 6, 20) + header + bytes(4)), 0)
for _ in range(10):
    raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, s, d) + tcp, (vip, 0))
try:
    while True:
        packet = back.recv(100)
        if packet[20:24] == struct.pack('!HH', 80, 4242): print('answered'); break
except TimeoutError: print('silence')
";

#[test]
fn unknown_segments_after_a_takeover_are_dropped_and_not_reset() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    let before = standby.dropped("no_connection");
    let told = Lab::CLIENT.python(STRAY, &[VIP, lab::CLIENT]).unwrap().stdout;
    assert_eq!(told.trim(), "silence");
    assert!(standby.dropped("no_connection") >= before + 10);
}
