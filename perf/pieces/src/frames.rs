//! Frames, and what `wire` does to them.

use core::hint::black_box;
use std::net::Ipv4Addr;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpOptionElement};
use wire::checksum::Sum;
use wire::flow::{self, Link, Rewrite};
use wire::parse::{self, Packet};
use wire::{FiveTuple, MacAddress, Port, Protocol, translate};

/// The router.
pub const OWN: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
/// Its neighbour on either side.
pub const NEIGHBOUR: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// From the one to the other.
pub const LINK: Link = Link::new(OWN, NEIGHBOUR);

/// A frame's bytes.
pub type Frame = Vec<u8>;

/// The flow of a client to the virtual IP.
pub fn flow(protocol: Protocol, client: u32, port: u16) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        source: Ipv4Addr::from_bits(0xc900_0000 + client),
        destination: Ipv4Addr::new(198, 18, 0, 1),
        source_port: Port::new(port),
        destination_port: Port::new(80),
        protocol,
    }
}

/// The same as a real server is to see it.
pub fn translated(flow: FiveTuple<Ipv4Addr>) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        destination: Ipv4Addr::new(10, 0, 0, 11),
        destination_port: Port::new(8080),
        ..flow
    }
}

/// A plain frame: an acknowledgment over TCP, or a datagram.
pub fn plain(flow: FiveTuple<Ipv4Addr>) -> Frame {
    let (source, destination) = (flow.source_port.number(), flow.destination_port.number());
    let mut frame = Frame::new();
    match flow.protocol {
        Protocol::Tcp => ip(flow).tcp(source, destination, 1, 65_535).ack(1).write(&mut frame, &[]),
        _ => ip(flow).udp(source, destination).write(&mut frame, &[0; 18]),
    }
    .expect("a vector takes all");
    frame
}

/// A SYN with the options that Linux sends.
pub fn syn(flow: FiveTuple<Ipv4Addr>) -> Frame {
    use TcpOptionElement::{
        MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted, Timestamp, WindowScale,
    };
    let options = [
        MaximumSegmentSize(1460),
        SelectiveAcknowledgementPermitted,
        Timestamp(7, 0),
        Noop,
        WindowScale(7),
    ];
    let mut frame = Frame::new();
    ip(flow)
        .tcp(flow.source_port.number(), flow.destination_port.number(), 1, 65_535)
        .syn()
        .options(&options)
        .expect("the options fit")
        .write(&mut frame, &[])
        .expect("a vector takes all");
    frame
}

fn ip(flow: FiveTuple<Ipv4Addr>) -> PacketBuilderStep<IpHeaders> {
    PacketBuilder::ethernet2(NEIGHBOUR.0, OWN.0).ipv4(
        flow.source.octets(),
        flow.destination.octets(),
        64,
    )
}

/// The fast path's reading.
pub fn read(frames: &[Frame]) {
    for frame in frames {
        let _ = black_box(flow::read(frame));
    }
}

/// The fast path's writing.
pub fn rewrite(frames: &mut [Frame], new: &Rewrite<Ipv4Addr>) {
    for frame in frames {
        let _ = black_box(flow::rewrite(frame, new, LINK));
    }
}

/// The slow path's reading.
pub fn parse(frames: &[Frame]) {
    for frame in frames {
        let _ = black_box(parse::frame(frame));
    }
}

/// The slow path's writing.
pub fn translate(frames: &mut [Frame], packet: &Packet, new: FiveTuple<Ipv4Addr>) {
    for frame in frames {
        let _ = black_box(translate::packet(frame, packet, new));
        let _ = black_box(translate::forward(frame, packet, OWN, NEIGHBOUR));
    }
}

/// A checksum over all bytes.
pub fn checksum(messages: &[Frame]) {
    for message in messages {
        black_box(Sum::of_bytes(message).checksum());
    }
}
