//! Frames that the router makes itself: ARP, ICMP errors, echo replies, fragments, resets.
//!
//! All write into a buffer of the caller's and return how many bytes they wrote;
//! nothing is allocated.

mod arp;
mod echo;
mod fragment;
mod icmp_error;
mod reset;

pub use self::arp::{ARP_FRAME, arp};
pub use self::echo::echo_reply;
pub use self::fragment::{Piece, Pieces, fragment, pieces};
pub use self::icmp_error::{Refused, icmp_error, may_send_error};
pub use self::reset::{RESET_FRAME, tcp_reset};

use crate::MacAddress;
use crate::ethernet::{self, EtherType};

/// TTL of packets that the router makes (RFC 1700).
pub const TTL: u8 = 64;

/// Writes an untagged Ethernet header. None if the output is too small.
fn link(
    output: &mut [u8],
    source: MacAddress,
    destination: MacAddress,
    ether_type: EtherType,
) -> Option<()> {
    let mut header = ethernet::Header::new_mut(output)?;
    header.set_source(source);
    header.set_destination(destination);
    header.set_ether_type(ether_type);
    Some(())
}
