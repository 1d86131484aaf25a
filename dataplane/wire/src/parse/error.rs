//! Why a frame is malformed.

use crate::{arp, ipv4};

macro_rules! parse_errors {
    ($($(#[doc = $doc:literal])+ $reason:ident, $name:literal, $text:literal;)+) => {
        /// Why a frame is malformed. Each reason has a counter of its own.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
        #[repr(u8)]
        pub enum ParseError {
            $($(#[doc = $doc])+ #[error($text)] $reason,)+
        }

        impl ParseError {
            /// Every reason, in the order of [`ParseError::index`].
            pub const ALL: &'static [ParseError] = &[$(ParseError::$reason),+];

            /// The name of the reason's counter, which never changes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ParseError::$reason => $name,)+
                }
            }
        }
    };
}

parse_errors! {
    /// Fewer bytes than an Ethernet header and its tags have.
    TruncatedEthernet, "truncated_ethernet", "the frame ends within its Ethernet header or VLAN tags";
    /// Fewer bytes than an ARP packet has.
    TruncatedArp, "truncated_arp", "the frame ends within its ARP packet";
    /// ARP about something else than IPv4 over Ethernet.
    UnsupportedArp, "unsupported_arp", "the ARP packet is not about IPv4 over Ethernet";
    /// Neither request nor reply.
    UnknownArpOperation, "unknown_arp_operation", "the ARP operation is neither request nor reply";
    /// Fewer bytes than the IPv4 header has.
    TruncatedIpv4, "truncated_ipv4", "the frame ends within its IPv4 header";
    /// The version is not 4.
    BadIpVersion, "bad_ip_version", "the IP version is not 4, although the Ethernet type says IPv4";
    /// The IPv4 header length is under 20 bytes.
    BadIpHeaderLength, "bad_ip_header_length", "the IPv4 header length is under 20 bytes";
    /// The total length is under the header's or beyond the frame.
    BadIpTotalLength, "bad_ip_total_length", "the IPv4 total length is shorter than the header or longer than the frame";
    /// The IPv4 header checksum is wrong.
    BadIpChecksum, "bad_ip_checksum", "the IPv4 header checksum is wrong";
    /// The sender's address is one that nobody can have (RFC 1812 section 5.3.7).
    MartianSource, "martian_source", "the source address is one that no host can have";
    /// The receiver's address is never reached over a link (RFC 1812 section 5.3.7).
    MartianDestination, "martian_destination", "the destination address is 0.0.0.0/8 or loopback, which no packet on a link may have";
    /// A fragment that no sender makes (teardrop, ping of death).
    BadFragment, "bad_fragment", "the fragment is empty, reaches beyond 65535 bytes, or is not a multiple of 8 bytes although others follow";
    /// A fragment that would overwrite part of a TCP header (RFC 1858, RFC 3128).
    TinyFragment, "tiny_fragment", "the TCP fragment splits or overwrites the TCP header, as no honest sender does";
    /// Fewer bytes than the TCP header has.
    TruncatedTcp, "truncated_tcp", "the packet ends within its TCP header";
    /// The data offset is under 20 bytes.
    BadTcpHeaderLength, "bad_tcp_header_length", "the TCP data offset is under 20 bytes";
    /// Fewer bytes than the UDP header has.
    TruncatedUdp, "truncated_udp", "the packet ends within its UDP header";
    /// The UDP length is under 8 or beyond the packet.
    BadUdpLength, "bad_udp_length", "the UDP length is under 8 bytes or longer than the packet";
    /// Fewer bytes than the ICMP header has.
    TruncatedIcmp, "truncated_icmp", "the packet ends within its ICMP header";
    /// The ICMP checksum is wrong.
    BadIcmpChecksum, "bad_icmp_checksum", "the ICMP checksum is wrong";
}

impl ParseError {
    /// The reason's place in [`ParseError::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl From<arp::Error> for ParseError {
    fn from(error: arp::Error) -> Self {
        match error {
            arp::Error::Truncated => ParseError::TruncatedArp,
            arp::Error::Unsupported => ParseError::UnsupportedArp,
            arp::Error::UnknownOperation => ParseError::UnknownArpOperation,
        }
    }
}

impl From<ipv4::Error> for ParseError {
    fn from(error: ipv4::Error) -> Self {
        match error {
            ipv4::Error::Truncated => ParseError::TruncatedIpv4,
            ipv4::Error::BadVersion => ParseError::BadIpVersion,
            ipv4::Error::BadHeaderLength => ParseError::BadIpHeaderLength,
            ipv4::Error::BadTotalLength => ParseError::BadIpTotalLength,
            ipv4::Error::BadChecksum => ParseError::BadIpChecksum,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_a_place_a_name_and_a_text_of_its_own() {
        for (place, reason) in ParseError::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
            let name = reason.name();
            assert!(
                name.bytes().all(|c| c.is_ascii_lowercase() || c == b'4' || c == b'_'),
                "{name}"
            );
        }
        let names: HashSet<_> = ParseError::ALL.iter().map(|reason| reason.name()).collect();
        let texts: HashSet<_> = ParseError::ALL.iter().map(ToString::to_string).collect();
        assert_eq!((names.len(), texts.len()), (ParseError::ALL.len(), ParseError::ALL.len()));
    }
}
