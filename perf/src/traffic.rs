//! The traffic of a run: which connections there are, and the packets of each.
//!
//! A connection's number says everything about it, so that the packets' files and the
//! table of the dataplane are made apart and fit together.

use std::net::Ipv4Addr;

use clap::ValueEnum;
use nat::Side;
use nat::connection::Kind;
use nat::sync::{Change, Event};
use nat::table::Key;
use nat::tcp::State;
use serde::Serialize;
use wire::testing::Frame;
use wire::{FiveTuple, MacAddress, Port, Protocol};

use crate::packets::{self, FRAME, SERVICE_PORT, UPSTREAM_MAC, VIP};

/// The real servers, which are the private hosts that masquerading serves as well.
pub const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 0, 0, 11), Ipv4Addr::new(10, 0, 0, 12), Ipv4Addr::new(10, 0, 0, 13)];
/// The port that private hosts ask on the Internet.
const REMOTE_PORT: u16 = 443;
/// Bytes of a frame with a full packet of 1,500 bytes, without its checksum.
const FULL_FRAME: usize = 1514;
/// Bytes of the mix's middle frame: a packet of 576 bytes.
const MIDDLE_FRAME: usize = 590;
/// Seven small frames, four in the middle, one full: the simple IMIX of the makers of
/// testers, IP packets of 40, 576 and 1,500 bytes, told in full as RFC 6985 asks for.
const IMIX: [usize; 12] = {
    const S: usize = FRAME;
    const M: usize = MIDDLE_FRAME;
    [S, M, S, S, M, S, FULL_FRAME, S, M, S, S, M]
};

/// Whose connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    /// Clients' to a virtual IP.
    Service,
    /// Private hosts' to the Internet.
    Masquerade,
    /// Half of the connections each.
    Both,
}

/// How large frames are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Size {
    /// 60 bytes: the 64-byte frame of RFC 2544 without its checksum.
    #[value(name = "60")]
    Smallest,
    /// 128 bytes.
    #[value(name = "128")]
    Small,
    /// 512 bytes.
    #[value(name = "512")]
    Middle,
    /// Packets of 1,500 bytes: frames of 1,514.
    #[value(name = "1500")]
    Full,
    /// Frames of 60, 590 and 1,514 bytes, 7 to 4 to 1.
    #[value(name = "imix")]
    Imix,
}

impl Size {
    /// Bytes of the frames, in the order in which they take turns.
    pub fn lengths(self) -> &'static [usize] {
        match self {
            Size::Smallest => &[FRAME],
            Size::Small => &[128],
            Size::Middle => &[512],
            Size::Full => &[FULL_FRAME],
            Size::Imix => &IMIX,
        }
    }
}

impl core::fmt::Display for Size {
    /// The name that the command line has for it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.pad(value.get_name()))
    }
}

impl Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The traffic of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Traffic {
    /// Whose connections.
    pub mix: Mix,
    /// Only those who open connections send, and nobody answers.
    pub one_way: bool,
    /// How large frames are.
    pub size: Size,
    /// Connections; one packet of each and direction.
    pub connections: u32,
}

/// A connection as it is in the table: the tuples of packets as they arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    /// The kind of translation.
    pub kind: Kind,
    /// Packets of who opens it.
    pub original: FiveTuple<Ipv4Addr>,
    /// Packets of who answers.
    pub reply: FiveTuple<Ipv4Addr>,
}

/// A packet of the traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Between whom.
    pub tuple: FiveTuple<Ipv4Addr>,
    /// Bytes of the frame without its checksum.
    pub length: usize,
}

impl Traffic {
    /// The traffic that every ratio refers to: 1,024 connections of the same mix, in the
    /// smallest frames.
    #[must_use]
    pub fn reference(self) -> Self {
        Traffic { size: Size::Smallest, connections: 1024, ..self }
    }

    /// What the traffic is, in a line.
    pub fn describe(&self) -> String {
        let mix = match self.mix {
            Mix::Service => "service",
            Mix::Masquerade => "masquerade",
            Mix::Both => "service and masquerade",
        };
        let ways = if self.one_way { "one way" } else { "both directions" };
        let size = match self.size {
            Size::Imix => "IMIX".to_owned(),
            Size::Full => "1500-byte packets".to_owned(),
            size => format!("{size}-byte frames"),
        };
        format!("{mix}, {ways}, {} connections, UDP in {size}", self.connections)
    }

    /// Connection `number` of all.
    pub fn connection(&self, number: u32) -> Connection {
        let is_service = match self.mix {
            Mix::Service => true,
            Mix::Masquerade => false,
            Mix::Both => number % 2 == 0,
        };
        if is_service { service(number) } else { masquerade(number) }
    }

    /// The packets that come to one side, by the number of their connection.
    pub fn packets(&self, side: Side) -> impl Iterator<Item = Packet> + '_ {
        (0..self.connections).filter_map(move |number| {
            let Connection { kind, original, reply } = self.connection(number);
            let asks_here = (kind == Kind::Service) == (side == Side::Public);
            let tuple = if asks_here { original } else { reply };
            let is_sent = asks_here || !self.one_way;
            is_sent.then(|| Packet { tuple, length: self.frame_length(number) })
        })
    }

    /// Bytes of a frame on the average, without its checksum.
    pub fn mean_frame(&self) -> f64 {
        let bytes: usize = (0..self.connections).map(|number| self.frame_length(number)).sum();
        bytes as f64 / f64::from(self.connections.max(1))
    }

    /// Bytes of the frames of a connection.
    fn frame_length(&self, number: u32) -> usize {
        // Two neighbours are of both kinds: each kind has all lengths.
        let turn = if self.mix == Mix::Both { number / 2 } else { number };
        self.size.lengths().iter().copied().cycle().nth(turn as usize % IMIX.len()).unwrap_or(FRAME)
    }
}

impl Connection {
    /// What connection sync tells of it.
    pub fn event(&self) -> Event {
        let (original, reply) = match self.kind {
            Kind::Masquerade => (Side::Private, Side::Public),
            _ => (Side::Public, Side::Private),
        };
        Event {
            change: Change::Put,
            kind: self.kind,
            state: State::None,
            bulk: true,
            original: Key::new(self.original, original),
            reply: Key::new(self.reply, reply),
        }
    }
}

impl Packet {
    /// The frame, to the router's Ethernet address on the side where it arrives.
    pub fn frame(&self, router: MacAddress) -> Vec<u8> {
        // Ethernet 14, IPv4 20, UDP 8.
        let payload = vec![0; self.length.saturating_sub(42)];
        Frame::of_flow(self.tuple).macs(UPSTREAM_MAC, router).payload(payload).build()
    }
}

/// The private host of a connection, by its number: real servers take turns.
pub(crate) fn host(number: u32) -> Ipv4Addr {
    SERVERS.get(number as usize % SERVERS.len()).copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
}

fn service(number: u32) -> Connection {
    let original = packets::tuple(number);
    let reply = FiveTuple {
        source: host(number),
        source_port: Port::new(SERVICE_PORT),
        destination: original.source,
        destination_port: original.source_port,
        protocol: Protocol::Udp,
    };
    Connection { kind: Kind::Service, original, reply }
}

/// A private host keeps its port: no two of them share one towards the same remote.
fn masquerade(number: u32) -> Connection {
    let client = packets::tuple(number);
    let (remote, port) = (client.source, client.source_port);
    let original = FiveTuple {
        source: host(number),
        source_port: port,
        destination: remote,
        destination_port: Port::new(REMOTE_PORT),
        protocol: Protocol::Udp,
    };
    let reply = FiveTuple {
        source: remote,
        source_port: Port::new(REMOTE_PORT),
        destination: VIP,
        destination_port: port,
        protocol: Protocol::Udp,
    };
    Connection { kind: Kind::Masquerade, original, reply }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::*;

    const ROUTER: MacAddress = packets::ROUTER_MAC;

    fn all() -> Vec<Traffic> {
        let mut all = Vec::new();
        for &mix in Mix::value_variants() {
            for &size in Size::value_variants() {
                for one_way in [false, true] {
                    all.push(Traffic { mix, one_way, size, connections: 600 });
                }
            }
        }
        all
    }

    fn packets(traffic: &Traffic) -> Vec<(Side, Packet)> {
        let of = |side| traffic.packets(side).map(move |packet| (side, packet));
        Side::ALL.into_iter().flat_map(of).collect()
    }

    #[test]
    fn frames_are_what_etherparse_takes_for_right() {
        for traffic in all() {
            for (_, packet) in packets(&traffic) {
                let frame = packet.frame(ROUTER);
                assert_eq!(frame.len(), packet.length, "{traffic:?}");
                let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
                let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("{traffic:?}") };
                let Some(TransportSlice::Udp(udp)) = &sliced.transport else { panic!() };
                let header = ip.header().to_header();
                assert_eq!(header.header_checksum, header.calc_header_checksum());
                assert_eq!(usize::from(header.total_len), frame.len() - 14);
                let right = udp.to_header().calc_checksum_ipv4(&header, udp.payload()).unwrap();
                assert_eq!(udp.checksum(), right);
                assert_eq!(header.source, packet.tuple.source.octets());
                assert_eq!(udp.destination_port(), packet.tuple.destination_port.number());
            }
        }
    }

    #[test]
    fn frames_are_plain_packets_of_their_tuples() {
        for traffic in all() {
            for (_, packet) in packets(&traffic) {
                let frame = packet.frame(ROUTER);
                assert_eq!(wire::flow::read(&frame).unwrap().tuple, packet.tuple);
                assert!(wire::parse::frame(&frame).is_ok());
            }
        }
    }

    #[test]
    fn every_packet_is_of_one_connection_that_the_dataplane_takes() {
        for traffic in all() {
            let mut keys = HashSet::new();
            for number in 0..traffic.connections {
                let event = traffic.connection(number).event();
                assert_eq!(Event::from_words(event.words()), Ok(event));
                assert!(keys.insert(event.original) && keys.insert(event.reply));
            }
            let packets = packets(&traffic);
            let ways = if traffic.one_way { 1 } else { 2 };
            assert_eq!(packets.len(), ways * 600, "{traffic:?}");
            assert!(
                packets
                    .iter()
                    .all(|(side, packet)| { keys.contains(&Key::new(packet.tuple, *side)) })
            );
        }
    }

    #[test]
    fn halves_come_to_either_side() {
        let traffic =
            Traffic { mix: Mix::Both, one_way: false, size: Size::Imix, connections: 2400 };
        assert_eq!(traffic.packets(Side::Public).count(), 2400);
        assert_eq!(traffic.packets(Side::Private).count(), 2400);
        let alone = Traffic { mix: Mix::Service, one_way: true, ..traffic };
        assert_eq!(alone.packets(Side::Private).count(), 0);
        let alone = Traffic { mix: Mix::Masquerade, ..alone };
        assert_eq!(alone.packets(Side::Public).count(), 0);
    }

    #[test]
    fn the_mix_has_seven_small_four_middle_and_one_full_frame() {
        for &mix in Mix::value_variants() {
            let traffic = Traffic { mix, one_way: false, size: Size::Imix, connections: 2400 };
            let mut counts = BTreeMap::new();
            for packet in traffic.packets(Side::Public) {
                *counts.entry(packet.length).or_insert(0) += 1;
            }
            assert_eq!(counts, BTreeMap::from([(60, 1400), (590, 800), (1514, 200)]));
            assert!((traffic.mean_frame() - 4294.0 / 12.0).abs() < 1e-9);
        }
    }
}
