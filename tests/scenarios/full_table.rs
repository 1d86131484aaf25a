//! A full connection table.

use std::net::Ipv4Addr;

use lab::{Lab, Settings, VIP, ready};
use wire::testing::Frame;

/// Fills the table, finds that no other connection opens, and that all that are open work.
const FILL: &str = "
import http.client, socket, sys
room = int(sys.argv[2])
def connect(timeout):
    c = http.client.HTTPConnection(sys.argv[1], timeout=timeout); c.connect(); return c
held = [connect(20) for _ in range(room)]
try:
    connect(3); print('another one opened')
except (socket.timeout, TimeoutError): pass
for c in held:
    c.request('GET', '/'); assert c.getresponse().read().startswith(b's')
print('all', len(held))
";

#[test]
fn connections_that_exist_stay_alive() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { connections: 200, ..Settings::default() }).unwrap();
    let output = Lab::CLIENT.python(FILL, &[VIP, "200"]).unwrap();
    assert_eq!(output.stdout.trim(), "all 200");
    assert!(lab.appliance.dropped("table_full") > 0);
}

/// All clients behind one address are one worker's, which has more than its half.
#[test]
fn one_address_has_more_than_a_workers_part_of_the_room() {
    let mut lab = ready().unwrap();
    let two = Settings { connections: 400, workers: "[0, 1]", ..Settings::default() };
    lab.restart_with(&two).unwrap();
    let output = Lab::CLIENT.python(FILL, &[VIP, "300"]).unwrap();
    assert_eq!(output.stdout.trim(), "all 300");
    assert!(lab.appliance.dropped("table_full") > 0, "and no more than that");
}

/// Datagrams to a service that nobody answers, from any number of forged addresses.
fn flood(lab: &Lab) -> Vec<Vec<u8>> {
    let macs = [Lab::CLIENT.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap()];
    let vip: Ipv4Addr = VIP.parse().unwrap();
    let datagram = |number: u32| {
        let source = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(203, 0, 113, 0)) + number);
        Frame::udp((source, 4000), (vip, 9)).macs(macs[0], macs[1]).build()
    };
    (1..20_000).map(datagram).collect()
}

/// So many requests, one connection after the other; prints how many were answered.
const ASK: &str = "
import http.client, sys
good = 0
for _ in range(int(sys.argv[2])):
    try:
        c = http.client.HTTPConnection(sys.argv[1], timeout=5); c.request('GET', '/')
        good += c.getresponse().read().startswith(b's'); c.close()
    except OSError: pass
print(good)
";

#[test]
fn a_flood_from_forged_addresses_takes_the_table_from_nobody() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { connections: 2000, ..Settings::default() }).unwrap();
    let frames = flood(&lab);
    // Twenty a millisecond: the table is full ten times a second.
    let flood = Lab::CLIENT.spawn_send("eth0", &frames, 10_000_000, &["--burst", "20"]).unwrap();
    let evicted = || lab.appliance.counted("connections_evicted").iter().sum::<u64>();
    lab::wait_until("the table is full, and forged flows make room", 30, || evicted() > 2000)
        .unwrap();
    let before = evicted();
    let answered = Lab::CLIENT.python(ASK, &[VIP, "500"]).unwrap().stdout;
    // A connection whose SYN was dropped is opened by the next.
    assert!(answered.trim().parse::<u32>().unwrap() >= 495, "{answered} of 500");
    // The control: without room the requests would have found none, as in the scenario above.
    assert!(evicted() > before, "the flood went on");
    assert_eq!(lab.appliance.dropped("table_full"), 0);
    drop(flood);
}

/// Another service, sure of a quarter of the room.
const SURE: &str = r#"
[[service]]
name = "sure"
listen = "198.51.100.10:8088"
protocol = "tcp"
reserved_connections = 50
server = [{ address = "10.0.0.11:80" }]
"#;

/// Opens connections to one service until none opens, and then to another; prints how many of each.
const SHARE: &str = "
import socket, sys
held = []
def fill(port):
    before = len(held)
    while len(held) < 400:
        s = socket.socket(); s.settimeout(3)
        try: s.connect((sys.argv[1], port)); held.append(s)
        except (socket.timeout, TimeoutError): break
    return len(held) - before
print(fill(80), fill(8088))
";

fn filled(sections: &'static str) -> String {
    let mut lab = ready().unwrap();
    let settings = Settings { connections: 200, sections, ..Settings::default() };
    lab.restart_with(&settings).unwrap();
    Lab::CLIENT.python(SHARE, &[VIP]).unwrap().stdout.trim().to_owned()
}

#[test]
fn a_service_has_what_it_is_sure_of_when_others_fill_the_table() {
    assert_eq!(filled(SURE), "150 50");
    // The control: without a floor the first one takes everything.
    let control = SURE.replace("reserved_connections = 50\n", "");
    assert_eq!(filled(control.leak()), "200 0");
}
