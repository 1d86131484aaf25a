//! The flow of a frame of which only the beginning may be there.

use std::net::Ipv4Addr;

use wire::ethernet::{self, EtherType};
use wire::icmpv4::{self, Message};
use wire::{FiveTuple, Port, Protocol, ipv4, udp};

/// The tuple that a connection knows the frame's packet by, where it arrives. An ICMP error belongs
/// to the connection of the packet that it quotes, turned round. `None` where none can be
/// told: other protocols, later fragments, frames that are cut too short.
pub(crate) fn tuple(frame: &[u8]) -> Option<FiveTuple<Ipv4Addr>> {
    let link = ethernet::Frame::parse(frame).ok()?;
    if link.ether_type != EtherType::IPV4 {
        return None;
    }
    let packet = ipv4::Packet::new_quoted(frame.get(usize::from(link.payload_offset)..)?).ok()?;
    let header = packet.header;
    if Protocol::from_number(header.protocol())? == Protocol::Icmp
        && header.fragment_offset() == 0
        && matches!(icmpv4::Header::at(packet.payload, 0)?.message(), Message::Error(_))
    {
        let quoted = packet.payload.get(icmpv4::HEADER_LENGTH..)?;
        return of_packet(&ipv4::Packet::new_quoted(quoted).ok()?).map(FiveTuple::reversed);
    }
    of_packet(&packet)
}

fn of_packet(packet: &ipv4::Packet<'_>) -> Option<FiveTuple<Ipv4Addr>> {
    let header = packet.header;
    if header.fragment_offset() != 0 {
        return None;
    }
    let protocol = Protocol::from_number(header.protocol())?;
    let (source_port, destination_port) = match protocol {
        // TCP's ports stand where UDP's do.
        Protocol::Tcp | Protocol::Udp => {
            let ports = udp::Header::at(packet.payload, 0)?;
            (ports.source(), ports.destination())
        }
        Protocol::Icmp => match icmpv4::Header::at(packet.payload, 0)?.message() {
            Message::EchoRequest { identifier, .. } => (identifier, Port::ZERO),
            Message::EchoReply { identifier, .. } => (Port::ZERO, identifier),
            Message::Error(_) | Message::Other { .. } => return None,
        },
    };
    let (source, destination) = (header.source(), header.destination());
    Some(FiveTuple { source, destination, source_port, destination_port, protocol })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wire::parse;
    use wire::tcp::Flags;
    use wire::testing::Frame;

    use super::*;

    const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
    const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

    #[test]
    fn it_is_what_the_pipeline_reads() {
        let frames = [
            Frame::tcp((CLIENT, 4242), (VIP, 80), Flags::SYN),
            Frame::udp((CLIENT, 4242), (VIP, 53)).payload("abcd"),
            Frame::udp((CLIENT, 4242), (VIP, 53)).payload("abcd").options(&[1, 1, 1, 0]),
            Frame::echo_reply(CLIENT, VIP, 7),
        ];
        for frame in frames.map(|frame| frame.build()) {
            let read = parse::frame(&frame).unwrap().ipv4().unwrap().tuple();
            assert!(read.is_some());
            assert_eq!(tuple(&frame), read);
        }
    }

    #[test]
    fn a_frame_that_is_cut_has_a_flow_as_long_as_its_ports_are_there() {
        let frame = Frame::tcp((CLIENT, 4242), (VIP, 80), Flags::SYN).payload([7; 900]).build();
        let whole = tuple(&frame);
        assert!(whole.is_some());
        assert_eq!(tuple(&frame[..64]), whole);
        for length in 0..34 {
            assert_eq!(tuple(&frame[..length]), None);
        }
    }
}
