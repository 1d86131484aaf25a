//! A range of ports is one service: a media server's.

use lab::{GATEWAY, Lab, Settings, VIP, ready};

const MEDIA: &str = "[[service]]\nname = \"media\"\nlisten = \"198.51.100.10:50000-50999\"\nprotocol = \
                     \"udp\"\nscheduler = \"rr\"\nreturn_path = \"off\"\nserver = [{ address = \
                     \"10.0.0.11\" }]\n";

/// Answers on these ports with the port that was asked and who has asked, until it is told to end.
const SERVE: &str = "
import select, socket, sys
sockets = []
for port in map(int, sys.argv[1:]):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(('0.0.0.0', port)); sockets.append(one)
while True:
    for one in select.select(sockets, [], [])[0]:
        data, peer = one.recvfrom(2048)
        one.sendto(b'%d %s' % (one.getsockname()[1], peer[0].encode()), peer)
";

/// Asks a port of the virtual IP until there is an answer, and tells it, or what was refused.
const ASK: &str = "
import socket, sys, time
deadline = time.time() + 20
while True:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.settimeout(1); one.connect((sys.argv[1], int(sys.argv[2])))
    try:
        one.send(b'x'); print(one.recv(2048).decode()); break
    except ConnectionRefusedError:
        if sys.argv[3] == 'refused': print('refused'); break
    except TimeoutError: pass
    if time.time() > deadline: print('nothing'); break
";

#[test]
fn each_port_of_a_range_reaches_the_same_port_of_the_server() {
    let lab = ready().unwrap();
    lab.appliance.reload(&Settings { sections: MEDIA, ..Settings::default() }).unwrap();
    let _server = Lab::S1.spawn_python(SERVE, &["50000", "50517", "50999", "51000"]).unwrap();
    for port in ["50000", "50517", "50999"] {
        let answer = Lab::CLIENT.python(ASK, &[VIP, port, "answered"]).unwrap().stdout;
        assert!(answer.starts_with(&format!("{port} 198.51.100.")), "{answer}");
        // A server that asks its own virtual IP is answered by the same port, through the gateway.
        let answer = Lab::S2.python(ASK, &[VIP, port, "answered"]).unwrap().stdout;
        assert_eq!(answer.trim(), format!("{port} {GATEWAY}"));
    }
    // The control: beside the range nobody listens, though the server does. And a port of the
    // range that the server has closed is refused by the server, whose ICMP error comes back.
    for port in ["51000", "50001"] {
        let answer = Lab::CLIENT.python(ASK, &[VIP, port, "refused"]).unwrap().stdout;
        assert_eq!(answer.trim(), "refused", "{port}");
    }
    let shown = lab.appliance.tandem(&["services"]).unwrap().stdout;
    assert!(shown.contains("media: 198.51.100.10:50000-50999 udp by rr"), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("10.0.0.11 ")), "{shown}");
}
