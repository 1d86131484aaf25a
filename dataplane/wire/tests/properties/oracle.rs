//! Judgement by etherparse: whether every checksum of a frame is right. And checksums
//! made right again, by nothing of this crate, after a test broke a frame.

use etherparse::{Icmpv4Header, NetSlice, SlicedPacket, TransportSlice};

/// Checks the IP header's checksum, and the transport's of a whole packet, by full
/// recomputation.
pub(crate) fn assert_checksums(frame: &[u8]) {
    let sliced = SlicedPacket::from_ethernet(frame).expect("etherparse reads the frame");
    let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("no IPv4 packet") };
    let header = ip.header().to_header();
    assert_eq!(header.header_checksum, header.calc_header_checksum(), "IP header checksum");
    let (source, destination) = (header.source, header.destination);
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let expected =
                tcp.to_header().calc_checksum_ipv4_raw(source, destination, tcp.payload());
            assert_eq!(tcp.checksum(), expected.unwrap(), "TCP checksum");
        }
        Some(TransportSlice::Udp(udp)) if udp.checksum() != 0 => {
            let expected =
                udp.to_header().calc_checksum_ipv4_raw(source, destination, udp.payload());
            assert_eq!(udp.checksum(), expected.unwrap(), "UDP checksum");
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            let expected = Icmpv4Header::with_checksum(icmp.icmp_type(), icmp.payload());
            assert_eq!(icmp.checksum(), expected.checksum, "ICMP checksum");
        }
        _ => {}
    }
}

/// The checksum of a range, word by word, as RFC 1071 says it and nothing else.
pub(crate) fn checksum(range: &[u8]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for word in range.chunks(2) {
        sum += u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Makes the IPv4 header checksum right, so that a mutation behind it is seen.
pub(crate) fn repair(frame: &mut [u8], l3: usize) {
    let Some(length) = frame.get(l3).map(|byte| usize::from(byte & 15) * 4) else { return };
    let Some(header) = frame.get_mut(l3..l3 + length).filter(|header| header.len() >= 20) else {
        return;
    };
    header[10..12].fill(0);
    let checksum = checksum(header);
    header[10..12].copy_from_slice(&checksum);
}

/// Makes the checksum of an ICMP message right.
pub(crate) fn repair_icmp(frame: &mut [u8], l3: usize) {
    let Some(&[first, _, a, b]) = frame.get(l3..).and_then(|ip| ip.first_chunk()) else { return };
    let (header, total) = (usize::from(first & 15) * 4, usize::from(u16::from_be_bytes([a, b])));
    let is_icmp = frame.get(l3 + 9) == Some(&1);
    let Some(message) = frame.get_mut(l3 + header..l3 + total.max(header)) else { return };
    if is_icmp && message.len() >= 8 {
        message[2..4].fill(0);
        let checksum = checksum(message);
        message[2..4].copy_from_slice(&checksum);
    }
}
