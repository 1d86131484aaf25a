//! Packets that somebody forges in the name of a connection's ends.

use lab::{Lab, Namespace, Settings, VIP, ready};

/// Holds a connection, sends a RST and a SYN with its addresses and ports and numbers that
/// are far off, and goes on with the connection.
const FORGE: &str = "
import http.client, os, socket, struct, sys
vip, me = sys.argv[1:3]
c = http.client.HTTPConnection(vip, timeout=20)
def ask():
    c.request('GET', '/'); return c.getresponse().read().decode().split()[0]
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s, d = socket.inet_aton(me), socket.inet_aton(vip)
def forge(flags):
    fields = (c.sock.getsockname()[1], 80, int.from_bytes(os.urandom(4), 'big'), 0, 0x50, flags, 1000)
    header = struct.pack('!HHIIBBH', *fields)
    pseudo = s + d + struct.pack('!BBH', 0, 6, 20)
    tcp = header + struct.pack('!HH', checksum(pseudo + header + bytes(4)), 0)
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, s, d)
    raw.sendto(ip + tcp, (vip, 0))
first = ask()
for _ in range(10):
    forge(4); forge(2)
print(first, ask())
";

#[test]
fn a_forged_reset_and_syn_do_not_take_a_connection_to_another_server() {
    let lab = ready().unwrap();
    let before = lab.appliance.opened("web").iter().sum::<u64>();
    let output = Lab::CLIENT.python(FORGE, &[VIP, lab::CLIENT]).unwrap().stdout;
    let [first, second] = output.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{output}")
    };
    assert_eq!(first, second);
    assert_eq!(lab.appliance.opened("web").iter().sum::<u64>(), before + 1);
}

/// A second for what closes, and a minute for what is open.
const SHORT: &str = "established = \"1m\"
fin_wait = \"1s\"
close_wait = \"1s\"
last_ack = \"1s\"
time_wait = \"1s\"
close = \"1s\"";

/// Opens a connection, tells of its port and its server, waits for a file, and goes on with it.
const HOLD: &str = "
import http.client, os, sys, time
c = http.client.HTTPConnection(sys.argv[1], timeout=20)
def ask():
    c.request('GET', '/'); return c.getresponse().read().decode().split()[0]
first = ask()
with open(sys.argv[2] + '.part', 'w') as said: said.write('%d %s' % (c.sock.getsockname()[1], first))
os.rename(sys.argv[2] + '.part', sys.argv[2])
deadline = time.time() + 60
while not os.path.exists(sys.argv[3]) and time.time() < deadline: time.sleep(0.05)
print(first, ask())
";

/// Sends resets and FINs with these ends and numbers drawn by lot.
const CUT: &str = "
import os, socket, struct, sys
me, my_port, other, other_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s, d = socket.inet_aton(me), socket.inet_aton(other)
for flags in (4, 20, 17) * 5:
    numbers = struct.unpack('!II', os.urandom(8))
    header = struct.pack('!HHIIBBH', my_port, other_port, *numbers, 0x50, flags, 1000)
    pseudo = s + d + struct.pack('!BBH', 0, 6, 20)
    tcp = header + struct.pack('!HH', checksum(pseudo + header + bytes(4)), 0)
    raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, s, d) + tcp, (other, 0))
";

/// Opens three connections: one ends with a reset, and its port is used again at once; one ends
/// with a FIN. Holds what was opened last until a file is there, and goes on with it.
const END: &str = "
import http.client, os, socket, struct, sys, time
def connect(port):
    c = http.client.HTTPConnection(sys.argv[1], timeout=20, source_address=('', port)); c.connect()
    return c
def ask(c):
    c.request('GET', '/'); return c.getresponse().read().decode().split()[0]
c = connect(0); port = c.sock.getsockname()[1]; ask(c)
c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()
again = connect(port); first = ask(again)
c = connect(0); ask(c); c.close()
open(sys.argv[2], 'w').close()
deadline = time.time() + 60
while not os.path.exists(sys.argv[3]) and time.time() < deadline: time.sleep(0.05)
print(first, ask(again))
";

/// The same answer twice, or what else there was.
fn assert_went_on(output: &lab::Output) {
    let answers: Vec<_> = output.stdout.split_whitespace().collect();
    assert!(matches!(answers[..], [first, second] if first == second), "{output:?}");
}

#[test]
fn forged_resets_and_fins_end_and_shorten_nothing() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { timeouts: SHORT, ..Settings::default() }).unwrap();
    let [held, ended, go] =
        ["held", "ended", "go"].map(|name| format!("{}/forged-{name}", lab::FOLDER));
    for file in [&held, &ended, &go] {
        let _ = std::fs::remove_file(file);
    }
    let holder = Lab::CLIENT.spawn_python(HOLD, &[VIP, &held, &go]).unwrap();
    let said = || std::fs::read_to_string(&held).ok();
    lab::wait_until("the connection is open", 20, || said().is_some()).unwrap();
    let said = said().unwrap();
    let (port, name) = said.split_once(' ').unwrap();
    let at = Lab::servers().iter().position(|(_, server)| *server == name).unwrap();
    let (server, address) = (Lab::servers()[at].0, format!("10.0.0.{}", 11 + at));
    forge(Lab::CLIENT, &[lab::CLIENT, port, VIP, "80"]);
    forge(server, &[&address, "80", lab::CLIENT, port]);
    // The control: connections that are really reset or closed, and end in their second. When
    // they have, the one that was not could have been over, too.
    let ender = Lab::CLIENT.spawn_python(END, &[VIP, &ended, &go]).unwrap();
    lab::wait_until("others have ended", 20, || std::fs::exists(&ended).is_ok_and(|is| is))
        .unwrap();
    let left = || lab.appliance.connections();
    lab::wait_until("the ended ones are gone", 20, || left() <= 2).unwrap();
    std::fs::write(&go, "").unwrap();
    for task in [holder, ender] {
        assert_went_on(&task.finish().unwrap());
    }
    assert_eq!(lab.appliance.opened("web").iter().sum::<u64>(), 3, "none was opened anew");
}

fn forge(from: Namespace, ends: &[&str]) {
    let output = from.python(CUT, ends).unwrap();
    assert!(output.ok(), "{output:?}");
}
