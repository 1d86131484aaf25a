//! Clients whom nobody can serve are told so at once, and about the packet that they sent.

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use etherparse::{Icmpv4Type, icmpv4};
use nat::Side;
use wire::parse;
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, MACS, NEIGHBOURS, SERVER, VIP, arriving, question};
use crate::floating::{icmp, only};

const WEB: &str = r#"
[[service]]
name = "web"
listen = "198.51.100.10:80"
protocol = "tcp"
server = [{ address = "10.0.0.11:8080", weight = 0 }]
"#;

fn syn() -> Vec<u8> {
    let frame = Frame::tcp((CLIENT, 4242), (VIP, 80), Flags::SYN);
    arriving(Side::Public, frame).build()
}

#[test]
fn a_service_without_a_server_that_takes_new_connections_refuses_them() {
    let mut bench = Bench::with_more(WEB);
    bench.arrive(Side::Public, &[syn()]);
    let reset = parse::frame(&only(&mut bench, Side::Public)).unwrap();
    let tuple = reset.ipv4().unwrap().tuple().unwrap();
    assert_eq!((tuple.source, tuple.source_port.number()), (VIP, 80));
    assert_eq!(bench.dropped(DropReason::NoServer), 1);
}

#[test]
fn the_same_is_silent_where_the_operator_wants_it() {
    let mut bench =
        Bench::with_more(&WEB.replace("weight = 0 }]", "weight = 0 }]\nunserved = \"drop\""));
    bench.arrive(Side::Public, &[syn()]);
    assert!(bench.sent(Side::Public).is_empty());
    assert_eq!(bench.dropped(DropReason::NoServer), 1);
}

#[test]
fn a_datagram_to_such_a_service_is_answered_by_icmp() {
    let mut bench = Bench::with_other("10.0.0.11:53\"", "10.0.0.11:53\", weight = 0");
    bench.arrive(Side::Public, &[question(0)]);
    let port = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
    assert_eq!(icmp(&only(&mut bench, Side::Public)), (port, VIP.octets()));
}

#[test]
fn a_client_whose_server_answers_no_arp_is_told_about_the_packet_that_it_sent() {
    let mut bench = Bench::new();
    let hop = bench.neighbours.find(Side::Private, SERVER).unwrap();
    bench.neighbours.publish(hop, None);
    bench.arrive(Side::Public, &[question(5)]);
    let waiting = bench.punted();
    assert_eq!(HandoffTag::of(&waiting[0]), Some(HandoffTag::Resolve(Side::Private, SERVER)));
    // It has never been without this machine's own address.
    let translated = parse::frame(waiting[0].data()).unwrap();
    assert_eq!(translated.source_mac, MACS[1]);

    bench.give_back(Side::Private, waiting);
    let error = only(&mut bench, Side::Public);
    let host = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Host);
    assert_eq!(icmp(&error), (host, [198, 51, 100, 2]));
    let packet = parse::frame(&error).unwrap();
    assert_eq!((packet.source_mac, packet.destination_mac), (MACS[0], NEIGHBOURS[0]));
    let parse::Payload::IcmpError { embedded, .. } = packet.ipv4().unwrap().payload else {
        panic!("{packet:?}")
    };
    assert_eq!((embedded.tuple.source, embedded.tuple.destination), (CLIENT, VIP));
    assert_eq!(embedded.tuple.destination_port.number(), 53);
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn a_private_host_whose_neighbour_answers_no_arp_is_told_too() {
    let mut bench = Bench::new();
    // A host of the public network itself, which nobody has asked for.
    let out = Frame::udp((SERVER, 7000), ([198, 51, 100, 77], 9)).payload("abcd");
    bench.arrive(Side::Private, &[arriving(Side::Private, out).build()]);
    let waiting = bench.punted();
    assert_eq!(parse::frame(waiting[0].data()).unwrap().source_mac, MACS[0]);
    bench.give_back(Side::Public, waiting);
    let host = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Host);
    assert_eq!(icmp(&only(&mut bench, Side::Private)), (host, [10, 0, 0, 2]));
}

#[test]
fn a_private_client_of_a_service_is_told_as_well() {
    const INSIDE: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 0, 0, 77);
    let mac = wire::MacAddress([2, 0, 0, 0, 0, 77]);
    let mut bench = Bench::new();
    let hop = bench.neighbours.insert(Side::Private, INSIDE).unwrap();
    bench.neighbours.publish(hop, Some(mac));
    let hop = bench.neighbours.find(Side::Private, SERVER).unwrap();
    bench.neighbours.publish(hop, None);
    let ask = Frame::udp((INSIDE, 4242), (VIP, 53)).payload("abcd");
    bench.arrive(Side::Private, &[arriving(Side::Private, ask).build()]);
    let waiting = bench.punted();
    bench.give_back(Side::Private, waiting);
    let error = only(&mut bench, Side::Private);
    let host = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Host);
    assert_eq!(icmp(&error), (host, [10, 0, 0, 2]));
    let packet = parse::frame(&error).unwrap();
    assert_eq!((packet.destination_mac, packet.ipv4().unwrap().destination), (mac, INSIDE));
}

#[test]
fn a_private_host_is_told_that_there_is_no_way() {
    let mut bench = Bench::with_other("gateway = \"198.51.100.1\"\n", "");
    let out = Frame::udp((SERVER, 7000), ([203, 0, 113, 77], 9)).payload("abcd");
    bench.arrive(Side::Private, &[arriving(Side::Private, out).build()]);
    let network = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Network);
    assert_eq!(icmp(&only(&mut bench, Side::Private)), (network, [10, 0, 0, 2]));
    assert_eq!(bench.dropped(DropReason::NoRoute), 1);
    assert_eq!(bench.counters.opened.get(), 0);
}
