//! The flags of a TCP segment.

use core::fmt;
use core::ops::{BitAnd, BitOr};

/// The flags of a segment, as the header's byte holds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Flags(u8);

impl Flags {
    /// None.
    pub const EMPTY: Flags = Flags(0);
    /// The sender has no more data.
    pub const FIN: Flags = Flags(0x01);
    /// Opens a connection.
    pub const SYN: Flags = Flags(0x02);
    /// Ends a connection at once.
    pub const RST: Flags = Flags(0x04);
    /// Hand the data to the application now.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment number counts.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer counts.
    pub const URG: Flags = Flags(0x20);
    /// Congestion was echoed (RFC 3168).
    pub const ECE: Flags = Flags(0x40);
    /// The congestion window was reduced (RFC 3168).
    pub const CWR: Flags = Flags(0x80);

    /// The flags of a header's byte.
    #[inline(always)]
    pub const fn from_bits(bits: u8) -> Self {
        Flags(bits)
    }

    /// The header's byte.
    #[inline(always)]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// True if all of `other` are set.
    #[inline(always)]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if any of `other` is set.
    #[inline(always)]
    pub const fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// True for a segment that asks for a new connection: SYN, and none of ACK, RST
    /// and FIN.
    #[inline(always)]
    pub const fn is_syn_only(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0 | Self::RST.0 | Self::FIN.0) == Self::SYN.0
    }

    /// True for the answer to such a segment: SYN and ACK, and neither RST nor FIN.
    #[inline(always)]
    pub const fn is_syn_ack(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0 | Self::RST.0 | Self::FIN.0)
            == Self::SYN.0 | Self::ACK.0
    }

    /// True if the segment resets its connection.
    #[inline(always)]
    pub const fn is_rst(self) -> bool {
        self.intersects(Self::RST)
    }

    /// True if the segment ends its direction.
    #[inline(always)]
    pub const fn is_fin(self) -> bool {
        self.intersects(Self::FIN)
    }
}

impl BitOr for Flags {
    type Output = Flags;

    #[inline(always)]
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Flags;

    #[inline(always)]
    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut separator = "";
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 >> bit & 1 != 0 {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        if self.0 == 0 { f.write_str("-") } else { Ok(()) }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_open_is_told_from_its_answer() {
        assert!(Flags::SYN.is_syn_only());
        assert!((Flags::SYN | Flags::ECE | Flags::CWR).is_syn_only(), "a request with ECN");
        assert!(!(Flags::SYN | Flags::ACK).is_syn_only());
        assert!((Flags::SYN | Flags::ACK).is_syn_ack());
        for nonsense in [Flags::SYN | Flags::FIN, Flags::SYN | Flags::RST] {
            assert!(!nonsense.is_syn_only());
            assert!(!(nonsense | Flags::ACK).is_syn_ack());
        }
    }

    #[test]
    fn flags_are_shown_by_name() {
        assert_eq!((Flags::SYN | Flags::ACK).to_string(), "SYN,ACK");
        assert_eq!(Flags::EMPTY.to_string(), "-");
    }
}
