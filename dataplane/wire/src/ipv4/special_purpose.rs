//! Addresses that are not ordinary ones: IANA's "IPv4 Special-Purpose Address Registry"
//! (RFC 6890), and multicast.

use std::net::Ipv4Addr;

/// True for an address that no packet may come from (RFC 1812 section 5.3.7):
/// 0.0.0.0/8, loopback, multicast, the reserved class E and the broadcast address.
#[inline(always)]
pub fn is_martian_source(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 127 || first.wrapping_sub(1) >= 223
}

/// True for an address that no packet may be sent to over a link (RFC 1812 section
/// 5.3.7): 0.0.0.0/8 and loopback.
#[inline(always)]
pub fn is_martian_destination(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 127 || first == 0
}

/// True unless the registry says of an address, as source or destination, that packets with it
/// are not forwarded. Multicast is not forwarded either, since nothing here routes it. The
/// networks of documentation are: laboratories and examples use them as public ones.
#[inline]
pub fn is_forwardable(address: Ipv4Addr) -> bool {
    match address.octets() {
        // "This network" and loopback; multicast, reserved addresses and broadcast.
        [0 | 127 | 224.., ..] => false,
        // Link-local addresses.
        [169, 254, ..] => false,
        // Protocol assignments but for service continuity, PCP and TURN.
        [192, 0, 0, last] => matches!(last, 0..=7 | 9 | 10),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn martians_are_those_of_rfc_1812() {
        let martian = |a, b, c, d| is_martian_source(Ipv4Addr::new(a, b, c, d));
        for first in 0..=255 {
            assert_eq!(martian(first, 1, 2, 3), matches!(first, 0 | 127 | 224..), "{first}.1.2.3");
        }
        assert!(martian(255, 255, 255, 255));
        assert!(is_martian_destination(Ipv4Addr::LOCALHOST));
        assert!(!is_martian_destination(Ipv4Addr::new(224, 0, 0, 18)));
    }

    /// The registry's blocks and its column "forwardable", and the block of multicast. The
    /// longest prefix of an address counts. For 192.88.99.0/24, which is deprecated, the
    /// registry has no answer.
    const REGISTRY: [(&str, u32, bool); 25] = [
        ("0.0.0.0", 8, false),
        ("0.0.0.0", 32, false),
        ("10.0.0.0", 8, true),
        ("100.64.0.0", 10, true),
        ("127.0.0.0", 8, false),
        ("169.254.0.0", 16, false),
        ("172.16.0.0", 12, true),
        ("192.0.0.0", 24, false),
        ("192.0.0.0", 29, true),
        ("192.0.0.8", 32, false),
        ("192.0.0.9", 32, true),
        ("192.0.0.10", 32, true),
        ("192.0.0.170", 31, false),
        ("192.0.2.0", 24, false),
        ("192.31.196.0", 24, true),
        ("192.52.193.0", 24, true),
        ("192.88.99.0", 24, true),
        ("192.168.0.0", 16, true),
        ("192.175.48.0", 24, true),
        ("198.18.0.0", 15, true),
        ("198.51.100.0", 24, false),
        ("203.0.113.0", 24, false),
        ("224.0.0.0", 4, false),
        ("240.0.0.0", 4, false),
        ("255.255.255.255", 32, false),
    ];
    /// What the registry does not forward, and this router does.
    const DOCUMENTATION: [&str; 3] = ["192.0.2.0", "198.51.100.0", "203.0.113.0"];

    fn registered(address: u32) -> bool {
        let mut best = (0, true);
        for (network, prefix, forwardable) in REGISTRY {
            let bits = network.parse::<Ipv4Addr>().unwrap().to_bits();
            let mask = u32::MAX << (32 - prefix);
            if address & mask == bits && prefix >= best.0 {
                best = (prefix, forwardable || DOCUMENTATION.contains(&network));
            }
        }
        best.1
    }

    #[test]
    fn forwardable_is_what_the_registry_says() {
        for (network, prefix, _) in REGISTRY {
            let first = network.parse::<Ipv4Addr>().unwrap().to_bits();
            let last = first | !(u32::MAX << (32 - prefix));
            let middle = first + (last - first) / 2;
            for edge in [first, middle, last] {
                for address in [edge.wrapping_sub(1), edge, edge.wrapping_add(1)] {
                    let ip = Ipv4Addr::from_bits(address);
                    assert_eq!(is_forwardable(ip), registered(address), "{ip}");
                }
            }
        }
        // And everywhere, in steps that meet every last byte.
        for address in (0..=u32::MAX).step_by(65_521) {
            let ip = Ipv4Addr::from_bits(address);
            assert_eq!(is_forwardable(ip), registered(address), "{ip}");
        }
    }
}
