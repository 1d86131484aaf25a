//! A million frames of rubbish from both sides.

use std::net::Ipv4Addr;

use etherparse::Icmpv4Type;
use etherparse::icmpv4::DestUnreachableHeader;
use lab::{Lab, Settings, VIP, demo, ready};
use wire::tcp::Flags;
use wire::testing::Frame;
use wire::{MacAddress, arp, build};

/// A packet of every kind that the appliance knows, between two addresses, and ARP.
fn kinds(from: &str, to: &str, macs: (MacAddress, MacAddress)) -> Vec<Vec<u8>> {
    let address = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    let (from, to) = (address(from), address(to));
    let udp = Frame::udp((from, 5353), (to, 53)).payload([0; 32]);
    let unreachable = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port);
    let quoted = Frame::udp((to, 53), (from, 5353)).payload([0; 32]);
    let kinds = [
        udp.clone(),
        Frame::tcp((from, 1234), (to, 80), Flags::SYN).tcp_options(&[2, 4, 5, 0xb4]),
        Frame::echo_request(from, to, 1).payload([0; 8]),
        Frame { destination: to, ..Frame::error(from, unreachable, quoted) },
        udp.clone().options(&[1, 1, 1, 0]),
        udp.clone().fragment(0, 24),
        udp.clone().fragment(16, 24),
        udp.vlan(5),
    ];
    let mut frames: Vec<_> = kinds.map(|frame| frame.macs(macs.0, macs.1).ttl(9).build()).to_vec();
    let mut other = frames[0].clone();
    other[12..14].copy_from_slice(&[0x86, 0xdd]);
    frames.push(other);
    let mut request = vec![0; build::ARP_FRAME];
    build::arp(&mut request, macs.1, &arp::Packet::request(macs.0, from, to)).unwrap();
    frames.push(request);
    frames
}

#[test]
fn a_million_random_and_mutated_frames_disturb_nobody() {
    let mut lab = ready().unwrap();
    // Room for the connections that some of them open.
    lab.restart_with(&Settings { connections: 2_000_000, ..Settings::default() }).unwrap();
    let process = lab.appliance.process();
    let forger = MacAddress([2, 0, 0, 0, 0xff, 1]);
    let [public, private] = [0, 1].map(|side| lab.appliance.mac(side).unwrap());
    let half = 500_000;
    let outside = kinds("198.51.100.77", VIP, (forger, public));
    let mut outside = Lab::CLIENT.spawn_send("eth0", &outside, half, &["--mutate", "1"]).unwrap();
    let inside = kinds("10.0.0.77", lab::INTERNET, (forger, private));
    let mut inside = Lab::S3.spawn_send("eth0", &inside, half, &["--mutate", "2"]).unwrap();
    let mut rounds = 0;
    while outside.runs() || inside.runs() {
        let (failed, _) = demo::requests().unwrap();
        assert_eq!(failed, 0, "in round {rounds}");
        rounds += 1;
    }
    for task in [outside, inside] {
        let output = task.finish().unwrap();
        assert_eq!(output.stdout.trim(), half.to_string(), "{}", output.stderr);
    }
    assert!(rounds > 0);
    assert!(lab.appliance.runs());
    assert_eq!(lab.appliance.process(), process);
    // The control: the frames came in and were looked at.
    for reason in ["ip_header", "truncated", "ether_type", "vlan"] {
        assert!(lab.appliance.dropped(reason) > 1000, "{reason}");
    }
}
