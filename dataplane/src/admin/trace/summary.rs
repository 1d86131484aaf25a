//! A packet's headers in the words of the messages.

use std::net::Ipv4Addr;

use api::PacketSummary;
use wire::icmpv4::{Error, exceeded, unreachable};
use wire::parse::{Ipv4, Payload};
use wire::{FiveTuple, Protocol};

/// What an IPv4 packet's headers say.
pub(super) fn of(ip: &Ipv4) -> PacketSummary {
    let tuple = ip.tuple();
    let fragment = ip.fragment.map(|fragment| match fragment.is_first() {
        true => "first fragment".to_owned(),
        false => format!("fragment at byte {}", fragment.offset),
    });
    let what = match &ip.payload {
        Payload::Tcp { flags, .. } => Some(flags.to_string()),
        Payload::IcmpQuery { is_reply, .. } => {
            Some(if *is_reply { "echo reply" } else { "echo request" }.to_owned())
        }
        Payload::IcmpError { kind, .. } => Some(error(*kind)),
        Payload::IcmpOther { type_number, code } => Some(format!("type {type_number} code {code}")),
        _ => None,
    };
    let detail: Vec<_> = [what, fragment].into_iter().flatten().collect();
    PacketSummary {
        source: ip.source.into(),
        destination: ip.destination.into(),
        length: ip.total_length,
        ttl: ip.ttl,
        detail: (!detail.is_empty()).then(|| detail.join(", ")),
        ..ends(tuple, ip)
    }
}

fn ends(tuple: Option<FiveTuple<Ipv4Addr>>, ip: &Ipv4) -> PacketSummary {
    let (source_port, destination_port) = tuple.map_or((None, None), ports);
    PacketSummary {
        source: ip.source.into(),
        destination: ip.destination.into(),
        source_port,
        destination_port,
        protocol: protocol(ip.protocol),
        detail: None,
        length: 0,
        ttl: 0,
    }
}

/// The ports of a tuple; of ICMP the identifier, where it stands.
pub(super) fn ports(tuple: FiveTuple<Ipv4Addr>) -> (Option<u16>, Option<u16>) {
    let (source, destination) = (tuple.source_port.number(), tuple.destination_port.number());
    match tuple.protocol {
        Protocol::Icmp if destination == 0 => (Some(source), None),
        Protocol::Icmp if source == 0 => (None, Some(destination)),
        _ => (Some(source), Some(destination)),
    }
}

fn protocol(number: u8) -> String {
    Protocol::from_number(number).map_or_else(|| format!("protocol {number}"), |p| p.to_string())
}

/// An ICMP error in words.
pub(super) fn error(error: Error) -> String {
    match error {
        Error::DestinationUnreachable { code, next_hop_mtu } => match code {
            unreachable::NETWORK => "network unreachable".to_owned(),
            unreachable::HOST => "host unreachable".to_owned(),
            unreachable::PROTOCOL => "protocol unreachable".to_owned(),
            unreachable::PORT => "port unreachable".to_owned(),
            unreachable::FRAGMENTATION_NEEDED => {
                format!("fragmentation needed, MTU {next_hop_mtu}")
            }
            unreachable::PROHIBITED => "administratively prohibited".to_owned(),
            code => format!("destination unreachable, code {code}"),
        },
        Error::TimeExceeded { code: exceeded::REASSEMBLY } => "reassembly time exceeded".to_owned(),
        Error::TimeExceeded { .. } => "time exceeded".to_owned(),
        Error::Redirect { gateway, .. } => format!("redirect to {gateway}"),
        Error::SourceQuench => "source quench".to_owned(),
        Error::ParameterProblem { .. } => "parameter problem".to_owned(),
    }
}
