//! Ways to break a frame, each alone: everything else about it stays right.

/// One thing about a frame that is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The checksum of the IP header is wrong.
    IpChecksum,
    /// A byte of the IP header has this value; the header's checksum is right.
    IpByte {
        /// The byte's place in the header.
        at: usize,
        /// Its value.
        value: u8,
    },
    /// The checksum of the TCP segment, UDP datagram or ICMP message is wrong.
    TransportChecksum,
    /// A byte of what the IP packet carries has this value; no checksum is made right.
    TransportByte {
        /// The byte's place behind the IP header.
        at: usize,
        /// Its value.
        value: u8,
    },
    /// The frame ends after so many bytes.
    Cut(usize),
}

impl Flaw {
    /// Breaks the frame whose IP header and payload begin at these offsets.
    pub(super) fn apply(self, frame: &mut Vec<u8>, l3: usize, l4: usize, protocol: u8) {
        match self {
            Flaw::IpChecksum => frame[l3 + 10] ^= 0x55,
            Flaw::IpByte { at, value } => {
                frame[l3 + at] = value;
                let checksum = checksum(&[&frame[l3..l3 + 10], &frame[l3 + 12..l4]].concat());
                frame[l3 + 10..l3 + 12].copy_from_slice(&checksum);
            }
            Flaw::TransportChecksum => {
                let field = match protocol {
                    6 => 16,
                    17 => 6,
                    _ => 2,
                };
                frame[l4 + field] ^= 0x55;
            }
            Flaw::TransportByte { at, value } => frame[l4 + at] = value,
            Flaw::Cut(length) => frame.truncate(length),
        }
    }
}

/// The checksum of a header, word by word, as RFC 1071 says it and nothing else.
pub(super) fn checksum(header: &[u8]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for word in header.chunks(2) {
        sum += u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
