//! What a frame is to be, and its bytes.

use std::net::Ipv4Addr;

use etherparse::{
    Ethernet2Header, Icmpv4Type, IpFragOffset, IpNumber, Ipv4Header, SingleVlanHeader, VlanId,
    VlanPcp,
};

use super::{Content, Flaw, TcpFields};
use crate::ethernet::{EtherType, Tag};
use crate::tcp::Flags;
use crate::{FiveTuple, MacAddress, Port, Protocol};

/// A frame with an IPv4 packet, to be built. Methods change one thing each and can be chained;
/// fields are there for tests that take a frame apart.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Sender's Ethernet address.
    pub source_mac: MacAddress,
    /// Receiver's Ethernet address.
    pub destination_mac: MacAddress,
    /// VLAN tags, outermost first.
    pub tags: Vec<Tag>,
    /// Type of service.
    pub tos: u8,
    /// Identification of the datagram.
    pub identification: u16,
    /// Whether a router must not fragment the packet.
    pub dont_fragment: bool,
    /// Time to live.
    pub ttl: u8,
    /// IP options, a multiple of four bytes.
    pub options: Vec<u8>,
    /// Sender's address.
    pub source: Ipv4Addr,
    /// Receiver's address.
    pub destination: Ipv4Addr,
    /// What the packet carries.
    pub content: Content,
    /// Which part of the payload a fragment holds: where it starts and how much it is at the
    /// most, both in units of eight bytes. `None` for a whole packet.
    pub cut: Option<(usize, usize)>,
    /// Bytes of zero behind the packet.
    pub padding: usize,
    /// What is wrong with the frame.
    pub flaws: Vec<Flaw>,
}

impl Frame {
    /// A packet between two addresses of the documentation, with nothing special about it
    /// but what it carries.
    pub fn of(content: Content) -> Frame {
        Frame {
            source_mac: MacAddress([2, 0, 0, 0, 0, 1]),
            destination_mac: MacAddress([2, 0, 0, 0, 0, 2]),
            tags: Vec::new(),
            tos: 0,
            identification: 7,
            dont_fragment: false,
            ttl: 64,
            options: Vec::new(),
            source: Ipv4Addr::new(198, 51, 100, 100),
            destination: Ipv4Addr::new(198, 51, 100, 10),
            content,
            cut: None,
            padding: 0,
            flaws: Vec::new(),
        }
    }

    /// A UDP datagram without data.
    pub fn udp<A: Into<Ipv4Addr>, B: Into<Ipv4Addr>>(from: (A, u16), to: (B, u16)) -> Frame {
        let ports = (from.1, to.1);
        let content = Content::Udp { ports, checksummed: true, payload: Vec::new() };
        Frame::of(content).addresses(from.0, to.0)
    }

    /// A TCP segment without data.
    pub fn tcp<A: Into<Ipv4Addr>, B: Into<Ipv4Addr>>(
        from: (A, u16),
        to: (B, u16),
        flags: Flags,
    ) -> Frame {
        let fields = TcpFields {
            ports: (from.1, to.1),
            sequence: 1,
            acknowledgment: if flags.contains(Flags::ACK) { 1 } else { 0 },
            flags,
            options: Vec::new(),
            payload: Vec::new(),
        };
        Frame::of(Content::Tcp(fields)).addresses(from.0, to.0)
    }

    /// A ping with this identifier, without data.
    pub fn echo_request(from: impl Into<Ipv4Addr>, to: impl Into<Ipv4Addr>, id: u16) -> Frame {
        let content = Content::Echo { is_reply: false, id, sequence: 1, payload: Vec::new() };
        Frame::of(content).addresses(from, to)
    }

    /// The answer to a ping with this identifier, without data.
    pub fn echo_reply(from: impl Into<Ipv4Addr>, to: impl Into<Ipv4Addr>, id: u16) -> Frame {
        let content = Content::Echo { is_reply: true, id, sequence: 1, payload: Vec::new() };
        Frame::of(content).addresses(from, to)
    }

    /// An ICMP error that quotes the header and the first eight bytes of a packet, to the
    /// packet's sender.
    pub fn error(from: impl Into<Ipv4Addr>, kind: Icmpv4Type, quoted: Frame) -> Frame {
        let to = quoted.source;
        let content = Content::Error { kind, quoted: Box::new(quoted), quoted_payload: 8 };
        Frame::of(content).addresses(from, to)
    }

    /// A packet of any protocol, with a payload as it is.
    pub fn other(
        from: impl Into<Ipv4Addr>,
        to: impl Into<Ipv4Addr>,
        protocol: u8,
        payload: &[u8],
    ) -> Frame {
        let content = Content::Other { protocol, payload: payload.to_vec() };
        Frame::of(content).addresses(from, to)
    }

    /// A TCP segment, UDP datagram or echo request of this flow, without data.
    pub fn of_flow(tuple: FiveTuple<Ipv4Addr>) -> Frame {
        let from = (tuple.source, tuple.source_port.number());
        let to = (tuple.destination, tuple.destination_port.number());
        match tuple.protocol {
            Protocol::Udp => Frame::udp(from, to),
            Protocol::Tcp => Frame::tcp(from, to, Flags::ACK),
            Protocol::Icmp => Frame::echo_request(from.0, to.0, from.1),
        }
    }

    fn addresses(self, source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Frame {
        Frame { source: source.into(), destination: destination.into(), ..self }
    }

    /// The frame goes between these stations.
    #[must_use]
    pub fn macs(self, source: MacAddress, destination: MacAddress) -> Frame {
        Frame { source_mac: source, destination_mac: destination, ..self }
    }

    /// The packet carries these data.
    #[must_use]
    pub fn payload(mut self, bytes: impl AsRef<[u8]>) -> Frame {
        *self.content.payload_mut() = bytes.as_ref().to_vec();
        self
    }

    /// The time to live is this.
    #[must_use]
    pub fn ttl(self, ttl: u8) -> Frame {
        Frame { ttl, ..self }
    }

    /// The datagram's identification is this.
    #[must_use]
    pub fn identification(self, identification: u16) -> Frame {
        Frame { identification, ..self }
    }

    /// Routers must not fragment the packet.
    #[must_use]
    pub fn dont_fragment(self) -> Frame {
        Frame { dont_fragment: true, ..self }
    }

    /// The IP header has these options, filled up to whole words with "end of options".
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Frame {
        self.options = options.to_vec();
        self.options.resize(options.len().next_multiple_of(4), 0);
        self
    }

    /// One more VLAN tag, inside of those that are there, with this VLAN and priority 0.
    #[must_use]
    pub fn vlan(self, vlan: u16) -> Frame {
        self.tag(EtherType::VLAN, vlan)
    }

    /// One more tag, inside of those that are there.
    #[must_use]
    pub fn tag(mut self, protocol: EtherType, control: u16) -> Frame {
        self.tags.push(Tag { protocol, control });
        self
    }

    /// So many bytes of zero follow the packet.
    #[must_use]
    pub fn padding(self, padding: usize) -> Frame {
        Frame { padding, ..self }
    }

    /// The UDP datagram has no checksum.
    #[must_use]
    pub fn without_checksum(mut self) -> Frame {
        if let Content::Udp { checksummed, .. } = &mut self.content {
            *checksummed = false;
        }
        self
    }

    /// The TCP segment has these numbers.
    #[must_use]
    pub fn numbers(mut self, sequence: u32, acknowledgment: u32) -> Frame {
        if let Content::Tcp(fields) = &mut self.content {
            (fields.sequence, fields.acknowledgment) = (sequence, acknowledgment);
        }
        self
    }

    /// The TCP segment has these options, a multiple of four bytes.
    #[must_use]
    pub fn tcp_options(mut self, options: &[u8]) -> Frame {
        if let Content::Tcp(fields) = &mut self.content {
            fields.options = options.to_vec();
        }
        self
    }

    /// The frame is the fragment that holds this part of the payload, in bytes: the start is
    /// a multiple of eight, and so is the length unless it reaches the end.
    #[must_use]
    pub fn fragment(self, start: usize, length: usize) -> Frame {
        Frame { cut: Some((start / 8, length.div_ceil(8))), ..self }
    }

    /// The fragments of the packet, each with so many bytes of its payload, in order.
    pub fn fragments(&self, size: usize) -> Vec<Frame> {
        let length = self.whole_payload().len();
        (0..length).step_by(size).map(|start| self.clone().fragment(start, size)).collect()
    }

    /// Something about the frame is wrong.
    #[must_use]
    pub fn flaw(mut self, flaw: Flaw) -> Frame {
        self.flaws.push(flaw);
        self
    }

    /// The number of the packet's protocol.
    pub fn protocol(&self) -> u8 {
        self.content.protocol()
    }

    /// The flow, as the documentation of [`FiveTuple`] defines it.
    pub fn tuple(&self) -> Option<FiveTuple<Ipv4Addr>> {
        let (from, to) = self.content.ports()?;
        Some(FiveTuple {
            source: self.source,
            destination: self.destination,
            source_port: Port::new(from),
            destination_port: Port::new(to),
            protocol: Protocol::from_number(self.protocol())?,
        })
    }

    /// The same frame with other ends.
    #[must_use]
    pub fn with_ends(&self, new: FiveTuple<Ipv4Addr>) -> Frame {
        let mut frame = self.clone().addresses(new.source, new.destination);
        frame.content.set_ports(new.source_port.number(), new.destination_port.number());
        frame
    }

    /// What the IP packet carries, before fragmentation.
    pub fn whole_payload(&self) -> Vec<u8> {
        self.content.bytes(self.source, self.destination)
    }

    /// Which bytes of a whole payload of this length the packet holds: start and end.
    pub fn range(&self, length: usize) -> (usize, usize) {
        let Some((start, eights)) = self.cut else { return (0, length) };
        let start = (start * 8).min((length.saturating_sub(1)) & !7);
        (start, (start + eights * 8).min(length))
    }

    /// True if the packet holds only a part of the payload.
    pub fn is_fragment(&self) -> bool {
        let length = self.whole_payload().len();
        self.range(length) != (0, length)
    }

    /// The bytes of the IP packet.
    pub fn ip_packet(&self) -> Vec<u8> {
        let payload = self.whole_payload();
        let (start, end) = self.range(payload.len());
        let mut header = Ipv4Header {
            dscp: (self.tos >> 2).try_into().unwrap(),
            ecn: (self.tos & 3).try_into().unwrap(),
            identification: self.identification,
            dont_fragment: self.dont_fragment,
            more_fragments: end < payload.len(),
            fragment_offset: IpFragOffset::try_new((start / 8) as u16).unwrap(),
            time_to_live: self.ttl,
            protocol: IpNumber(self.protocol()),
            source: self.source.octets(),
            destination: self.destination.octets(),
            options: self.options.as_slice().try_into().unwrap(),
            ..Ipv4Header::default()
        };
        header.total_len = (header.header_len() + end - start) as u16;
        header.header_checksum = header.calc_header_checksum();
        [header.to_bytes().as_slice(), &payload[start..end]].concat()
    }

    /// Where the IP header starts.
    pub fn l3_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// The bytes of the frame.
    pub fn build(&self) -> Vec<u8> {
        let mut types: Vec<_> = self.tags.iter().map(|tag| tag.protocol).collect();
        types.push(EtherType::IPV4);
        let ethernet = Ethernet2Header {
            source: self.source_mac.0,
            destination: self.destination_mac.0,
            ether_type: etherparse::EtherType(types[0].0),
        };
        let mut frame = ethernet.to_bytes().to_vec();
        for (tag, next) in self.tags.iter().zip(&types[1..]) {
            let header = SingleVlanHeader {
                pcp: VlanPcp::try_new(tag.priority()).unwrap(),
                drop_eligible_indicator: tag.drop_eligible(),
                vlan_id: VlanId::try_new(tag.vlan()).unwrap(),
                ether_type: etherparse::EtherType(next.0),
            };
            frame.extend(header.to_bytes());
        }
        frame.extend(self.ip_packet());
        frame.resize(frame.len() + self.padding, 0);
        let (l3, l4) = (self.l3_offset(), self.l3_offset() + 20 + self.options.len());
        for flaw in &self.flaws {
            flaw.apply(&mut frame, l3, l4, self.protocol());
        }
        frame
    }
}
