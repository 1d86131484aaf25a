//! Ethernet addresses.

use core::fmt;
use core::str::FromStr;
use std::net::Ipv4Addr;

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);
    /// 00:00:00:00:00:00, the target of an ARP request.
    pub const ZERO: MacAddress = MacAddress([0; 6]);

    /// The address that frames to an IPv4 multicast group have (RFC 1112 section 6.4): 23 bits of
    /// the group's, so that 32 groups share one.
    pub const fn of_group(group: Ipv4Addr) -> MacAddress {
        let [_, b, c, d] = group.octets();
        MacAddress([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// True for group addresses, the broadcast address among them.
    #[inline(always)]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// True for an address that one station can have.
    #[inline(always)]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// True if a frame that begins with these bytes, two more than an address has, goes to
    /// this station: one comparison of words.
    #[inline(always)]
    pub const fn is_destination_of(self, start: &[u8; 8]) -> bool {
        let [a, b, c, d, e, f] = self.0;
        let own = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        u64::from_le_bytes(*start) << 16 == own << 16
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not an Ethernet address of six hexadecimal bytes with colons between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseMacError;

impl fmt::Display for ParseMacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Ethernet address: six bytes like 02:00:00:00:00:01 are expected")
    }
}

impl core::error::Error for ParseMacError {}

impl FromStr for MacAddress {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(ParseMacError)?;
            if part.len() != 2 || !part.bytes().all(|c| c.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() { Err(ParseMacError) } else { Ok(MacAddress(bytes)) }
    }
}
