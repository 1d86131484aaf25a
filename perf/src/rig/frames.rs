//! Frames of any number of flows, each made from a template.

use std::net::Ipv4Addr;

use nat::Side;
use wire::checksum::{Checksum, Delta, Sum};
use wire::flow::{self, EthernetAddresses, Rewrite};
use wire::tcp::Flags;
use wire::testing::Frame;
use wire::{FiveTuple, Port, Protocol};

use super::test_bed::{PRIVATE_MAC, REAL_ADDRESS, SERVERS, TCP_PORT, server_mac};
use crate::packets::{self, FRAME, ROUTER_MAC, UPSTREAM_MAC};
use crate::traffic::host;

/// Ethernet, IPv4 and UDP headers.
const UDP_HEADERS: usize = 42;
/// A port where nothing listens (RFC 863).
const DISCARD_PORT: u16 = 9;
/// Where the checksum of UDP lies, and behind the headers the time stamp.
const UDP_CHECKSUM: usize = 40;
/// The TTL that frames are to have, and one more: making a frame forwards the template.
const TEMPLATE_TTL: u8 = 65;

/// Frames of one kind, from one side.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    side: Side,
    to: To,
    tuple: FiveTuple<Ipv4Addr>,
    bytes: Vec<u8>,
}

/// What frames from the public side are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum To {
    Service,
    /// This machine's own address, at a port where nothing listens.
    RealAddress,
}

/// Which of the flows, and which real server has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flow {
    /// The number of the client.
    pub(crate) client: u32,
    /// The number of the real server, looked at for its replies alone.
    pub(crate) server: u32,
}

impl Template {
    /// UDP in frames of so many bytes, their checksum not counted: at least 60.
    pub(crate) fn udp(side: Side, length: usize) -> Self {
        Template::udp_to(To::Service, side, length)
    }

    /// UDP in the smallest frames, from clients to the machine's real address.
    pub(crate) fn to_real_address() -> Self {
        Template::udp_to(To::RealAddress, Side::Public, FRAME)
    }

    fn udp_to(to: To, side: Side, length: usize) -> Self {
        let tuple = ends(to, side, Protocol::Udp, Flow { client: 0, server: 0 });
        let payload = vec![0; length.max(FRAME) - UDP_HEADERS];
        let bytes = Frame::of_flow(tuple).ttl(TEMPLATE_TTL).payload(payload).build();
        Template { side, to, tuple, bytes }
    }

    /// TCP segments without data, in the smallest frames.
    pub(crate) fn tcp(side: Side, flags: Flags) -> Self {
        let tuple = ends(To::Service, side, Protocol::Tcp, Flow { client: 0, server: 0 });
        let from = (tuple.source, tuple.source_port.number());
        let to = (tuple.destination, tuple.destination_port.number());
        let frame = Frame::tcp(from, to, flags).ttl(TEMPLATE_TTL);
        let mut bytes = frame.build();
        bytes.resize(bytes.len().max(FRAME), 0);
        Template { side, to: To::Service, tuple, bytes }
    }

    /// The side from which its frames come to the worker.
    pub(crate) fn side(&self) -> Side {
        self.side
    }

    /// Bytes of a frame, without its checksum.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Makes the frame of a flow, in exactly [`Template::length`] bytes.
    #[inline]
    pub(crate) fn write(&self, flow: Flow, frame: &mut [u8]) {
        frame.copy_from_slice(&self.bytes);
        let tuple = ends(self.to, self.side, self.tuple.protocol, flow);
        let link = match self.side {
            Side::Public => EthernetAddresses::new(UPSTREAM_MAC, ROUTER_MAC),
            Side::Private => EthernetAddresses::new(server_mac(flow.server), PRIVATE_MAC),
        };
        let rewrite = Rewrite::between(&self.tuple, &tuple);
        flow::rewrite(frame, &rewrite, link);
    }
}

/// Addresses and ports of a packet that comes to the worker on `side`.
fn ends(to: To, side: Side, protocol: Protocol, flow: Flow) -> FiveTuple<Ipv4Addr> {
    let mut request = FiveTuple { protocol, ..packets::tuple(flow.client) };
    if to == To::RealAddress {
        request.destination = REAL_ADDRESS;
        request.destination_port = Port::new(DISCARD_PORT);
    }
    if protocol == Protocol::Tcp {
        request.destination_port = Port::new(TCP_PORT);
    }
    match side {
        Side::Public => request,
        Side::Private => FiveTuple { destination: host(flow.server), ..request }.reversed(),
    }
}

/// Puts a time stamp into the payload of a UDP frame whose payload is zero, and into its
/// checksum.
#[inline]
pub(crate) fn stamp(frame: &mut [u8], time: u64) {
    if let Some(to) = frame.get_mut(UDP_HEADERS..).and_then(<[u8]>::first_chunk_mut::<8>) {
        *to = time.to_ne_bytes();
    }
    if let Some(field) = frame.get_mut(UDP_CHECKSUM..).and_then(<[u8]>::first_chunk_mut::<2>) {
        let delta = Delta::between(Sum::ZERO, Sum::of_u64(time));
        *field = Checksum::from_bytes(*field).updated_udp(delta).to_bytes();
    }
}

/// The time stamp of a frame.
#[inline]
pub(crate) fn stamp_of(frame: &[u8]) -> Option<u64> {
    frame.get(UDP_HEADERS..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// The number of the real server to which a translated frame goes.
pub(crate) fn server_of(frame: &[u8]) -> Option<u32> {
    let tuple = flow::read(frame).ok()?.tuple;
    (0..SERVERS).find(|server| host(*server) == tuple.destination)
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    use wire::MacAddress;

    use super::*;

    const FLOW: Flow = Flow { client: 7, server: 2 };

    fn frame(template: &Template) -> Vec<u8> {
        let mut frame = vec![0; template.length()];
        template.write(FLOW, &mut frame);
        frame
    }

    /// Both checksums are right, as etherparse computes them.
    fn assert_sound(frame: &[u8]) {
        let packet = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("not IPv4") };
        let ip = ip.header().to_header();
        assert_eq!((ip.header_checksum, ip.time_to_live), (ip.calc_header_checksum(), 64));
        match packet.transport.unwrap() {
            TransportSlice::Udp(udp) => {
                let right = udp.to_header().calc_checksum_ipv4(&ip, udp.payload()).unwrap();
                assert_eq!(udp.checksum(), right);
            }
            TransportSlice::Tcp(tcp) => {
                assert_eq!(
                    tcp.checksum(),
                    tcp.calc_checksum_ipv4(ip.source, ip.destination).unwrap()
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_are_those_of_their_flow() {
        let frame = frame(&Template::udp(Side::Public, 60));
        assert_eq!(flow::read(&frame).unwrap().tuple, packets::tuple(7));
        assert_sound(&frame);
    }

    #[test]
    fn replies_come_from_the_server() {
        let frame = frame(&Template::udp(Side::Private, 128));
        assert_eq!(frame.len(), 128);
        let tuple = flow::read(&frame).unwrap().tuple;
        assert_eq!(tuple.source, host(2));
        assert_eq!(tuple.destination, packets::tuple(7).source);
        assert_sound(&frame);
    }

    #[test]
    fn a_time_stamp_is_read_back_and_its_checksum_is_right() {
        let mut frame = frame(&Template::udp(Side::Public, 60));
        stamp(&mut frame, 0x0123_4567_89ab_cdef);
        assert_eq!(stamp_of(&frame), Some(0x0123_4567_89ab_cdef));
        assert_sound(&frame);
    }

    #[test]
    fn segments_have_their_flags() {
        for flags in [Flags::SYN, Flags::RST, Flags::FIN | Flags::ACK] {
            let frame = frame(&Template::tcp(Side::Public, flags));
            assert_eq!(frame.len(), FRAME);
            assert_eq!(flow::read(&frame).unwrap().tcp_flags, flags);
            assert_sound(&frame);
        }
    }

    #[test]
    fn servers_have_addresses_of_their_own() {
        let macs: Vec<MacAddress> = (0..SERVERS).map(server_mac).collect();
        assert!(macs.iter().all(|mac| mac.is_unicast()));
        assert_eq!(host(0), Ipv4Addr::new(10, 0, 0, 11));
    }
}
