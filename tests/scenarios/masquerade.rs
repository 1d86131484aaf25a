//! Connections that real servers open themselves.

use lab::{INTERNET, Lab, VIP, ready};

#[test]
fn the_internet_sees_the_virtual_ip() {
    let _lab = ready().unwrap();
    let url = format!("http://{INTERNET}/");
    for (server, _) in Lab::servers() {
        let answer = server.must(&["curl", "-s", "-m", "10", &url]).unwrap().stdout;
        assert_eq!(answer, format!("internet {VIP}\n"));
    }
}

/// Connects from source port 40000, tells when that is done, and asks when told to.
const ASK: &str = "
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('0.0.0.0', 40000)); s.settimeout(20)
s.connect((sys.argv[1], 80))
import time
deadline = time.time() + 5
# Both are open at the same time before either asks.
while time.time() < deadline: time.sleep(0.1)
s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
data = b''
while True:
    more = s.recv(4096)
    if not more: break
    data += more
print(data.decode().splitlines()[-1])
";

#[test]
fn two_servers_use_the_same_port_to_the_same_destination() {
    let lab = ready().unwrap();
    let first = Lab::S1.spawn_python(ASK, &[INTERNET]).unwrap();
    let second = Lab::S2.spawn_python(ASK, &[INTERNET]).unwrap();
    let both_open = || {
        let listed = lab.appliance.tandem(&["connections", "--all"]).unwrap().stdout;
        ["10.0.0.11:40000", "10.0.0.12:40000"].iter().all(|end| listed.contains(end))
    };
    lab::wait_until("both connections are in the table", 20, both_open).unwrap();
    let ports = Lab::INTERNET.must(&["ss", "-tnH", "state", "established"]).unwrap().stdout;
    let peers: Vec<_> = ports.lines().filter(|line| line.contains(VIP)).collect();
    assert_eq!(peers.len(), 2, "{ports}");
    for task in [first, second] {
        let output = task.finish().unwrap();
        assert_eq!(output.stdout.trim(), format!("internet {VIP}"), "{}", output.stderr);
    }
}
