//! Protocols between routers and on links, whose multicast the kernel may have.

use std::net::Ipv4Addr;

use wire::MacAddress;
use wire::ethernet::EtherType;

/// Defines the protocols with what operators read of them.
macro_rules! protocols {
    ($($(#[$meta:meta])* $variant:ident $name:literal $sentence:literal,)+) => {
        /// A protocol whose multicast a daemon on this machine can be given: a part of
        /// `kernel_multicast`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum MulticastProtocol {
            $(#[doc = $sentence] $variant,)+
        }

        impl MulticastProtocol {
            /// Every protocol, in the order of the documentation.
            pub const ALL: &'static [MulticastProtocol] = &[$(MulticastProtocol::$variant,)+];

            /// Its name in the configuration, and with it the protocol.
            pub(crate) const CHOICES: &'static [(&'static str, MulticastProtocol)] =
                &[$(($name, MulticastProtocol::$variant),)+];

            /// Its name in the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(MulticastProtocol::$variant => $name,)+ }
            }

            /// What is received of it, for the operator.
            pub const fn sentence(self) -> &'static str {
                match self { $(MulticastProtocol::$variant => $sentence,)+ }
            }
        }
    };
}

protocols! {
    Ospf "ospf" "OSPFv2 (RFC 2328): IP protocol 89 to 224.0.0.5 and 224.0.0.6",
    Vrrp "vrrp" "VRRP (RFC 9568): IP protocol 112 to 224.0.0.18",
    Pim "pim" "PIM (RFC 7761): IP protocol 103 to 224.0.0.13",
    Igmp "igmp" "IGMP (RFC 9776): IP protocol 2 to 224.0.0.1, 224.0.0.2 and 224.0.0.22",
    Lldp "lldp" "LLDP (IEEE 802.1AB): EtherType 0x88cc to 01:80:c2:00:00:0e, 01:80:c2:00:00:03 and 01:80:c2:00:00:00",
}

/// The addresses that LLDP is sent to: the nearest bridge, the nearest one that is none with two
/// ports, and the nearest customer bridge.
const LLDP: [MacAddress; 3] = [
    MacAddress([0x01, 0x80, 0xc2, 0, 0, 0x0e]),
    MacAddress([0x01, 0x80, 0xc2, 0, 0, 0x03]),
    MacAddress([0x01, 0x80, 0xc2, 0, 0, 0x00]),
];

impl MulticastProtocol {
    /// The number of the IP protocol and the groups that it is sent to; `None` for a protocol that
    /// is not over IP.
    pub const fn over_ip(self) -> Option<(u8, &'static [Ipv4Addr])> {
        const fn group(last: u8) -> Ipv4Addr {
            Ipv4Addr::new(224, 0, 0, last)
        }
        Some(match self {
            MulticastProtocol::Ospf => (89, &const { [group(5), group(6)] }),
            MulticastProtocol::Vrrp => (112, &const { [group(18)] }),
            MulticastProtocol::Pim => (103, &const { [group(13)] }),
            MulticastProtocol::Igmp => (2, &const { [group(1), group(2), group(22)] }),
            MulticastProtocol::Lldp => return None,
        })
    }

    /// The type of its frames if it is not over IP, and the addresses that they are sent to.
    pub const fn over_ethernet(self) -> Option<(EtherType, &'static [MacAddress])> {
        match self {
            MulticastProtocol::Lldp => Some((EtherType::LLDP, &LLDP)),
            _ => None,
        }
    }

    /// The Ethernet addresses that its frames are sent to.
    pub fn macs(self) -> impl Iterator<Item = MacAddress> {
        let groups = self.over_ip().map_or(&[][..], |(_, groups)| groups);
        let macs = self.over_ethernet().map_or(&[][..], |(_, macs)| macs);
        groups.iter().map(|group| MacAddress::of_group(*group)).chain(macs.iter().copied())
    }
}

impl core::fmt::Display for MulticastProtocol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses are written twice: where they are compared, and where operators read them.
    #[test]
    fn what_operators_read_is_what_is_received() {
        for protocol in MulticastProtocol::ALL {
            let sentence = protocol.sentence();
            let words = sentence.split([' ', ',']);
            let written = match (protocol.over_ip(), protocol.over_ethernet()) {
                (Some((number, groups)), None) => {
                    assert!(sentence.contains(&format!("IP protocol {number} to ")), "{sentence}");
                    let written: Vec<Ipv4Addr> =
                        words.filter_map(|word| word.parse().ok()).collect();
                    assert_eq!(written, groups);
                    written.into_iter().map(MacAddress::of_group).collect::<Vec<_>>()
                }
                (None, Some((number, _))) => {
                    assert!(sentence.contains(&format!("EtherType {number} to ")), "{sentence}");
                    words.filter_map(|word| word.parse().ok()).collect()
                }
                both => panic!("{protocol}: {both:?}"),
            };
            assert_eq!(protocol.macs().collect::<Vec<_>>(), written);
            assert!(written.iter().all(|mac| mac.is_multicast()));
        }
    }
}
