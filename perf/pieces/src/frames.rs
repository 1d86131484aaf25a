//! Frames, and what `wire` does to them.

use core::hint::black_box;
use std::net::Ipv4Addr;

use bpf::{Instruction, Program};
use wire::checksum::Sum;
use wire::flow::{self, EthernetAddresses, Rewrite};
use wire::parse::{self, Packet};
use wire::tcp::Flags;
use wire::{FiveTuple, MacAddress, Port, Protocol, testing, translate};

/// The router.
pub const OWN: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
/// Its neighbour on either side.
pub const NEIGHBOUR: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// From the one to the other.
pub const LINK: EthernetAddresses = EthernetAddresses::new(OWN, NEIGHBOUR);

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
    let frame = testing::Frame::of_flow(flow).macs(NEIGHBOUR, OWN);
    match flow.protocol {
        Protocol::Tcp => frame.build(),
        _ => frame.payload([0; 18]).build(),
    }
}

/// A SYN with the options that Linux sends: segment size, selective acknowledgment, time
/// stamp, window scale.
pub fn syn(flow: FiveTuple<Ipv4Addr>) -> Frame {
    const OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7];
    let from = (flow.source, flow.source_port.number());
    let to = (flow.destination, flow.destination_port.number());
    let frame = testing::Frame::tcp(from, to, Flags::SYN).tcp_options(&OPTIONS);
    frame.macs(NEIGHBOUR, OWN).build()
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

/// What `tcpdump -d 'ip and tcp port 80'` says.
pub fn port_80() -> Program {
    const CODES: [(u16, u8, u8, u32); 13] = [
        (0x28, 0, 0, 12),
        (0x15, 0, 10, 0x0800),
        (0x30, 0, 0, 23),
        (0x15, 0, 8, 6),
        (0x28, 0, 0, 20),
        (0x45, 6, 0, 0x1fff),
        (0xb1, 0, 0, 14),
        (0x48, 0, 0, 14),
        (0x15, 2, 0, 80),
        (0x48, 0, 0, 16),
        (0x15, 0, 1, 80),
        (0x06, 0, 0, 262_144),
        (0x06, 0, 0, 0),
    ];
    let instruction = |(code, jump_true, jump_false, operand)| Instruction {
        code,
        jump_true,
        jump_false,
        operand,
    };
    Program::new(&CODES.map(instruction)).expect("it is a right program")
}
