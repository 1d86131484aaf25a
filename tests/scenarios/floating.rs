//! A floating address behaves as a host's address, and nobody waits in vain for what it has
//! not got: the clients are the kernel's TCP, curl, traceroute and ping.

use lab::{Driver, GATEWAY, Lab, Namespace, Settings, VIP, ready};
use wire::testing::Frame;

/// curl's exit codes for a connection that was refused, and for one that nobody answered.
const REFUSED: Option<i32> = Some(7);
const TIMED_OUT: Option<i32> = Some(28);

/// How curl ends that asks a port.
fn curl(from: Namespace, url: &str) -> Option<i32> {
    from.run(&["curl", "-s", "-m", "5", url]).unwrap().status.code()
}

#[test]
fn a_closed_port_refuses_and_one_for_masquerading_keeps_silent() {
    let _lab = ready().unwrap();
    assert_eq!(curl(Lab::CLIENT, &format!("http://{VIP}:81/")), REFUSED);
    assert_eq!(curl(Lab::S1, &format!("http://{GATEWAY}:81/")), REFUSED);
    assert_eq!(curl(Lab::S1, &format!("http://{VIP}:81/")), REFUSED);
    // The control (RFC 5382 REQ-4): a private host may be about to use this port.
    assert_eq!(curl(Lab::CLIENT, &format!("http://{VIP}:8080/")), TIMED_OUT);
}

#[test]
fn a_traceroute_ends_at_the_address_itself() {
    let _lab = ready().unwrap();
    for (from, to) in [(Lab::CLIENT, VIP), (Lab::S1, GATEWAY)] {
        let output = from.must(&["traceroute", "-n", "-q", "1", "-w", "3", to]).unwrap().stdout;
        let hops: Vec<_> =
            output.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(hops, [to], "{output}");
    }
}

#[test]
fn a_ping_larger_than_a_frame_is_answered() {
    let mut lab = ready().unwrap();
    // The packet sockets' driver has the kernel put fragments together before it sees them.
    lab.restart_with(&Settings { driver: Driver::AfXdp, ..Settings::default() }).unwrap();
    for (from, to) in [(Lab::CLIENT, VIP), (Lab::S1, GATEWAY)] {
        for size in ["2000", "30000"] {
            let ping = ["ping", "-c", "3", "-i", "0.2", "-W", "5", "-s", size, to];
            let output = from.run(&ping).unwrap();
            assert!(output.ok(), "{size} bytes to {to}: {}", output.words());
        }
    }
}

#[test]
fn a_service_whose_servers_are_all_drained_refuses_at_once() {
    let lab = ready().unwrap();
    let url = format!("http://{VIP}/");
    lab.appliance.reload(&Settings { weights: [0; 3], ..Settings::default() }).unwrap();
    let drained = curl(Lab::CLIENT, &url);
    lab.appliance.reload(&Settings::default()).unwrap();
    assert_eq!(drained, REFUSED);
    assert_eq!(curl(Lab::CLIENT, &url), Some(0));
}

/// A server's datagram from the port of its service, before the client has asked: one flow,
/// under the address and port of the service.
#[test]
fn a_server_that_speaks_first_does_not_lock_its_client_out() {
    let lab = ready().unwrap();
    let opened = || lab.appliance.counted("connections_opened").iter().sum::<u64>();
    let before = opened();
    let macs = (Lab::S1.mac("eth0").unwrap(), lab.appliance.mac(1).unwrap());
    let client: std::net::Ipv4Addr = lab::CLIENT.parse().unwrap();
    let first = Frame::udp(([10, 0, 0, 11], 53), (client, 42_420)).payload("hello");
    Lab::S1.send("eth0", &[first.macs(macs.0, macs.1).build()]).unwrap();
    lab::wait_until("its flow is open", 10, || opened() > before).unwrap();
    let source = format!("{}#42420", lab::CLIENT);
    let server = format!("@{VIP}");
    let ask =
        ["dig", "-b", &source, &server, "+short", "+timeout=5", "+tries=1", "whoami.lab", "TXT"];
    let output = Lab::CLIENT.run(&ask).unwrap();
    assert!(output.ok(), "{}", output.words());
    // It is the flow that the server opened.
    let listed = lab.appliance.tandem(&["connections", "--all"]).unwrap().stdout;
    let flows = listed.lines().filter(|line| line.contains(":42420")).count();
    assert_eq!(flows, 1, "{listed}");
}
