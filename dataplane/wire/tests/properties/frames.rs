//! The builder of test frames, judged by etherparse: frames are right, and a flaw breaks
//! what it names.

use etherparse::defrag::IpDefragPool;
use etherparse::{Icmpv4Type, NetSlice, SlicedPacket, icmpv4};
use wire::parse::{self, ParseError, Payload};
use wire::tcp::Flags;
use wire::testing::{Flaw, Frame};

use crate::oracle::assert_checksums;

const CLIENT: ([u8; 4], u16) = ([203, 0, 113, 9], 4242);
const VIP: ([u8; 4], u16) = ([198, 51, 100, 10], 53);

fn one_of_each() -> Vec<Frame> {
    let udp = Frame::udp(CLIENT, VIP).payload("a question");
    let unreachable = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
    vec![
        udp.clone(),
        udp.clone().options(&[0x94, 4, 0]).vlan(5).padding(9),
        Frame::tcp(CLIENT, VIP, Flags::SYN).tcp_options(&[2, 4, 5, 0xb4]),
        Frame::tcp(CLIENT, VIP, Flags::ACK).numbers(7, 8).payload([1; 99]),
        Frame::echo_request(CLIENT.0, VIP.0, 77).payload([0; 56]),
        Frame::echo_reply(CLIENT.0, VIP.0, 77),
        Frame::error([198, 51, 100, 1], unreachable, udp),
    ]
}

#[test]
fn frames_are_right() {
    for frame in one_of_each() {
        let bytes = frame.build();
        assert_checksums(&bytes);
        let packet = parse::frame(&bytes).unwrap();
        let ip = packet.ipv4().unwrap();
        assert_eq!((ip.tuple(), ip.end()), (frame.tuple(), bytes.len() - frame.padding));
    }
}

#[test]
fn each_flaw_is_found() {
    for frame in one_of_each() {
        let broken = |flaw| parse::frame(&frame.clone().flaw(flaw).build());
        assert_eq!(broken(Flaw::IpChecksum), Err(ParseError::BadIpChecksum));
        let version = Flaw::IpByte { at: 0, value: 0x65 };
        assert_eq!(broken(version), Err(ParseError::BadIpVersion));
        assert!(broken(Flaw::Cut(40)).is_err());
        let with = frame.clone().flaw(Flaw::TransportChecksum).build();
        let judged = std::panic::catch_unwind(|| assert_checksums(&with));
        assert!(judged.is_err(), "{frame:?}");
    }
}

#[test]
fn an_error_goes_to_the_sender_of_what_it_quotes() {
    let frame = one_of_each().pop().unwrap();
    let bytes = frame.build();
    let ip = *parse::frame(&bytes).unwrap().ipv4().unwrap();
    let Payload::IcmpError { embedded, .. } = ip.payload else { panic!("{ip:?}") };
    assert_eq!((ip.destination.octets(), embedded.l4_length), (CLIENT.0, 8));
}

#[test]
fn fragments_make_the_packet() {
    let whole = Frame::udp(CLIENT, VIP).payload(vec![7; 1000]);
    let mut pool = IpDefragPool::<(), ()>::new();
    let mut made = None;
    for fragment in whole.fragments(400).iter().rev() {
        let bytes = fragment.build();
        let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("no IPv4") };
        assert_eq!(ip.header().identification(), 7);
        made = pool.process_sliced_packet(&sliced, (), ()).unwrap();
    }
    assert_eq!(made.unwrap().payload, whole.whole_payload());
}
