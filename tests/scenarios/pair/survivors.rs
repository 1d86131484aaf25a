//! What is not TCP survives a takeover like TCP.

use lab::{Cut, INTERNET, Lab, Settings, VIP, ready_pair, ready_pair_with};

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

/// The answers to what a private host asked before and after a takeover, over the same
/// sockets, and whether its mappings are the same there. `before` is done once all is open.
fn survive(before: impl FnOnce(&Lab)) -> (Vec<String>, bool, String) {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    before(&lab);
    let (said, go) = (format!("{}/said", lab::FOLDER), format!("{}/go", lab::FOLDER));
    for file in [&said, &go] {
        let _ = std::fs::remove_file(file);
    }
    let inside = Lab::S1.spawn_python(INSIDE, &[INTERNET, &said, &go]).unwrap();
    let ping = Lab::S2.spawn(&["ping", "-i", "0.2", "-W", "2", INTERNET]).unwrap();
    lab::wait_until("the first answers came", 20, || std::path::Path::new(&said).exists()).unwrap();
    let opened = || ports(active).len() >= 3;
    lab::wait_until("all three mappings are there", 20, opened).unwrap();
    let mappings = ports(active);
    active.kill().unwrap();
    await_active(&lab, standby);
    std::fs::write(&go, "").unwrap();
    let output = inside.finish().unwrap();
    let after = ports(standby);
    let same = mappings.iter().all(|mapping| after.contains(mapping));
    let told =
        format!("{mappings:?} {after:?} {} {}", output.words(), ping.stop().unwrap().words());
    (output.stdout.lines().map(str::to_owned).collect(), same, told)
}

#[test]
fn masquerade_mappings_udp_flows_and_echoes_survive() {
    let (answers, same, told) = survive(|_| {});
    let expected = format!("internet {VIP} internet");
    assert_eq!(answers, [expected.as_str(), &expected], "{told}");
    // A ping goes on with its identifier: the mapping is what makes the replies come back.
    assert!(same, "{told}");
}

/// The control: it is sync that carries them over.
#[test]
fn without_sync_mappings_do_not_survive() {
    let mut cuts = None;
    let (answers, same, told) = survive(|lab| {
        cuts = Some(Cut::sync().unwrap());
        let (_, standby) = lab.roles().unwrap();
        let trouble = || standby.pair().is_ok_and(|pair| !pair.own.ready);
        lab::wait_until("the standby machine knows that it is not synced", 20, trouble).unwrap();
    });
    assert_eq!(answers.len(), 1, "the connection went on: {told}");
    assert!(!same, "{told}");
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
        if packet[20:24] == struct.pack('!HH', 80, 4242) and packet[33] == 4: print('reset'); break
except TimeoutError: print('silence')
";

/// What a client gets for segments of a connection that nobody knows, after a takeover.
fn strays_after_a_takeover(settings: Settings) -> (String, u64) {
    let mut lab = ready_pair_with(settings).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    let before = standby.dropped("no_connection");
    let told = Lab::CLIENT.python(STRAY, &[VIP, lab::CLIENT]).unwrap().stdout;
    (told.trim().to_owned(), standby.dropped("no_connection") - before)
}

#[test]
fn unknown_segments_after_a_takeover_are_dropped_and_not_reset() {
    let (told, dropped) = strays_after_a_takeover(Settings::patient_pair());
    assert_eq!(told, "silence");
    assert!(dropped >= 10, "{dropped}");
}

/// The control: without the time of quiet after a takeover they are.
#[test]
fn without_a_quiet_time_unknown_segments_are_reset() {
    let peer = "dead = \"600ms\"\nlease = \"500ms\"\nquiet = \"0s\"";
    let (told, _) = strays_after_a_takeover(Settings { peer, ..Settings::pair() });
    assert_eq!(told, "reset");
}
