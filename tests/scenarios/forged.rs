//! Packets that somebody forges in a client's name.

use lab::{Lab, VIP, ready};

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
