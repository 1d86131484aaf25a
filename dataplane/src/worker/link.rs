//! What a frame has around its IP packet, and does not keep: tags that carry a priority alone,
//! and bytes behind the packet.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use wire::ethernet;
use wire::flow::{self, Flow, NotPlain};

/// Takes tags off a frame that carry a priority and no VLAN, and reads it again.
#[cold]
#[inline(never)]
pub(super) fn read_untagged(mbuf: &mut Mbuf, is_right: bool) -> Result<Flow<Ipv4Addr>, NotPlain> {
    if !strip_priority_tags(mbuf) {
        return Err(NotPlain);
    }
    flow::read_checked(mbuf.data(), mbuf.len(), is_right)
}

/// Takes tags off a frame that carry a priority and no VLAN. True if there was one.
pub(super) fn strip_priority_tags(mbuf: &mut Mbuf) -> bool {
    let stripped = ethernet::strip_priority_tags(mbuf.data_mut());
    stripped > 0 && mbuf.trim_front(stripped)
}

/// Cuts off what follows the first `length` bytes: padding of the link, which is nobody's
/// on the next one. False, with the frame as it was, if it lies in several buffers.
#[inline(always)]
pub(super) fn trim(mbuf: &mut Mbuf, length: usize) -> bool {
    if mbuf.len() == length {
        return true;
    }
    mbuf.truncate(length);
    mbuf.is_contiguous()
}
