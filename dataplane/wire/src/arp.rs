//! ARP for IPv4 over Ethernet (RFC 826, RFC 5227).
//!
//! ```text
//! | hardware 1 (2) | protocol 0x0800 (2) | 6 (1) | 4 (1) | operation (2) |
//! | sender MAC (6) | sender IP (4) | target MAC (6) | target IP (4) |
//! ```

use std::net::Ipv4Addr;

use crate::MacAddress;
use crate::bytes::{self, Field};

/// Bytes of an ARP packet, without the Ethernet header.
pub const LENGTH: usize = 28;

const FORM: Field<0, 6> = Field;
const OPERATION: Field<6, 2> = Field;
const SENDER_MAC: Field<8, 6> = Field;
const SENDER_IP: Field<14, 4> = Field;
const TARGET_MAC: Field<18, 6> = Field;
const TARGET_IP: Field<24, 4> = Field;

/// Hardware type, protocol type and address lengths of IPv4 over Ethernet.
const IPV4_OVER_ETHERNET: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// What an ARP packet wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Operation {
    /// Who has the target address?
    Request = 1,
    /// The sender has its address.
    Reply = 2,
}

/// Why bytes are not an ARP packet that is understood here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Fewer than 28 bytes.
    #[error("the frame ends within its ARP packet, which has {LENGTH} bytes")]
    Truncated,
    /// Other hardware or protocol than IPv4 over Ethernet.
    #[error("the ARP packet is not about IPv4 over Ethernet")]
    Unsupported,
    /// Neither request nor reply.
    #[error("the ARP operation is neither request nor reply")]
    UnknownOperation,
}

/// An ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's Ethernet address.
    pub sender_mac: MacAddress,
    /// The sender's IP address; 0.0.0.0 in a probe.
    pub sender_ip: Ipv4Addr,
    /// The target's Ethernet address; ignored in a request.
    pub target_mac: MacAddress,
    /// The target's IP address.
    pub target_ip: Ipv4Addr,
}

impl Packet {
    /// Reads a packet that starts at the first byte; padding may follow.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let packet: &[u8; LENGTH] = bytes.first_chunk().ok_or(Error::Truncated)?;
        if FORM.get(packet) != IPV4_OVER_ETHERNET {
            return Err(Error::Unsupported);
        }
        Ok(Packet {
            operation: match bytes::number(OPERATION.get(packet)) {
                1 => Operation::Request,
                2 => Operation::Reply,
                _ => return Err(Error::UnknownOperation),
            },
            sender_mac: MacAddress(SENDER_MAC.get(packet)),
            sender_ip: Ipv4Addr::from(SENDER_IP.get(packet)),
            target_mac: MacAddress(TARGET_MAC.get(packet)),
            target_ip: Ipv4Addr::from(TARGET_IP.get(packet)),
        })
    }

    /// The packet's bytes.
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        FORM.set(&mut packet, IPV4_OVER_ETHERNET);
        OPERATION.set(&mut packet, (self.operation as u16).to_be_bytes());
        SENDER_MAC.set(&mut packet, self.sender_mac.0);
        SENDER_IP.set(&mut packet, self.sender_ip.octets());
        TARGET_MAC.set(&mut packet, self.target_mac.0);
        TARGET_IP.set(&mut packet, self.target_ip.octets());
        packet
    }

    /// Asks who has `target_ip`.
    pub fn request(sender_mac: MacAddress, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Self {
        Packet {
            operation: Operation::Request,
            sender_mac,
            sender_ip,
            target_mac: MacAddress::ZERO,
            target_ip,
        }
    }

    /// Asks whether anyone has `target_ip`, and teaches nobody anything (RFC 5227
    /// section 2.1.1).
    pub fn probe(sender_mac: MacAddress, target_ip: Ipv4Addr) -> Self {
        Self::request(sender_mac, Ipv4Addr::UNSPECIFIED, target_ip)
    }

    /// Answers this packet: `mac` has the address that it asks for.
    #[must_use]
    pub fn reply(&self, mac: MacAddress) -> Self {
        Packet {
            operation: Operation::Reply,
            sender_mac: mac,
            sender_ip: self.target_ip,
            target_mac: self.sender_mac,
            target_ip: self.sender_ip,
        }
    }

    /// Tells the whole link that `mac` has `ip`, as a request (an announcement of
    /// RFC 5227 section 2.3).
    pub fn gratuitous_request(mac: MacAddress, ip: Ipv4Addr) -> Self {
        Self::request(mac, ip, ip)
    }

    /// The same as a reply. Linux heeds one only if its target MAC is the sender's.
    pub fn gratuitous_reply(mac: MacAddress, ip: Ipv4Addr) -> Self {
        Packet {
            operation: Operation::Reply,
            sender_mac: mac,
            sender_ip: ip,
            target_mac: mac,
            target_ip: ip,
        }
    }

    /// True if the sender tells of its own address, unasked.
    pub fn is_gratuitous(&self) -> bool {
        self.sender_ip == self.target_ip && self.sender_ip != Ipv4Addr::UNSPECIFIED
    }

    /// True if the sender asks without having an address of its own.
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender_ip == Ipv4Addr::UNSPECIFIED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const HOST: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
    const ROUTER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const HOST_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);

    #[test]
    fn a_request_is_written_as_rfc_826_says() {
        let bytes = Packet::request(ROUTER, ROUTER_IP, HOST_IP).to_bytes();
        let expected = [
            0, 1, 8, 0, 6, 4, 0, 1, // Ethernet, IPv4, lengths, request
            2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // sender
            0, 0, 0, 0, 0, 0, 10, 0, 0, 11, // target
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_request_is_answered_to_who_asked() {
        let request = Packet::request(HOST, HOST_IP, ROUTER_IP);
        let reply = Packet::parse(&request.reply(ROUTER).to_bytes()).unwrap();
        assert_eq!(reply.operation, Operation::Reply);
        assert_eq!((reply.sender_mac, reply.sender_ip), (ROUTER, ROUTER_IP));
        assert_eq!((reply.target_mac, reply.target_ip), (HOST, HOST_IP));
        assert!(!reply.is_gratuitous() && !reply.is_probe());
    }

    #[test]
    fn an_announcement_in_both_forms_is_told_from_a_probe() {
        for packet in [
            Packet::gratuitous_request(ROUTER, ROUTER_IP),
            Packet::gratuitous_reply(ROUTER, ROUTER_IP),
        ] {
            assert!(packet.is_gratuitous() && !packet.is_probe());
        }
        // Linux takes a gratuitous reply only if both Ethernet addresses agree.
        assert_eq!(Packet::gratuitous_reply(ROUTER, ROUTER_IP).target_mac, ROUTER);
        let probe = Packet::probe(ROUTER, ROUTER_IP);
        assert!(probe.is_probe() && !probe.is_gratuitous());
    }

    #[test]
    fn other_links_protocols_and_operations_are_refused() {
        let good = Packet::request(HOST, HOST_IP, ROUTER_IP).to_bytes();
        assert_eq!(Packet::parse(&good[..27]), Err(Error::Truncated));
        for at in 0..6 {
            let mut bytes = good;
            bytes[at] ^= 0x10;
            assert_eq!(Packet::parse(&bytes), Err(Error::Unsupported), "byte {at}");
        }
        for operation in [0, 3, 8] {
            let mut bytes = good;
            bytes[7] = operation;
            assert_eq!(Packet::parse(&bytes), Err(Error::UnknownOperation));
        }
    }
}
