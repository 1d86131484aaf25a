//! Packet buffers (mbufs) as owned values.

use core::ptr::NonNull;
use core::slice;

use dpdk_sys::rte_mbuf;

use crate::mempool::Mempool;

/// A packet in one buffer or a chain of them, owned: dropping it gives the buffers back
/// to their pool.
///
/// Its fields are read through offsets that the C compiler told at build time.
#[repr(transparent)]
pub struct Mbuf(NonNull<rte_mbuf>);

// SAFETY: an mbuf has one owner, and DPDK lets any thread work on it and free it.
unsafe impl Send for Mbuf {}

/// A chain could not be joined into one buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the packet does not fit into its first buffer")]
pub struct TooLong;

macro_rules! field {
    ($name:ident, $set:ident, $type:ty, $offset:ident) => {
        #[inline(always)]
        fn $name(&self) -> $type {
            // SAFETY: the mbuf is valid and ours, and the field lies at this offset.
            unsafe { self.0.as_ptr().byte_add(dpdk_sys::$offset as usize).cast::<$type>().read() }
        }

        #[allow(dead_code)]
        #[inline(always)]
        fn $set(&mut self, value: $type) {
            // SAFETY: as above, and nobody else holds a reference.
            unsafe {
                self.0.as_ptr().byte_add(dpdk_sys::$offset as usize).cast::<$type>().write(value)
            }
        }
    };
}

impl Mbuf {
    /// # Safety
    ///
    /// The pointer is a valid mbuf that nobody else owns.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(raw: NonNull<rte_mbuf>) -> Self {
        Mbuf(raw)
    }

    /// Gives the ownership to the caller, who has to free the buffer.
    #[inline(always)]
    pub(crate) fn into_raw(self) -> NonNull<rte_mbuf> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }

    field!(buf_addr, set_buf_addr, *mut u8, TANDEM_MBUF_BUF_ADDR);
    field!(data_off, set_data_off, u16, TANDEM_MBUF_DATA_OFF);
    field!(ol_flags, set_ol_flags, u64, TANDEM_MBUF_OL_FLAGS);
    field!(nb_segs, set_nb_segs, u16, TANDEM_MBUF_NB_SEGS);
    field!(pkt_len, set_pkt_len, u32, TANDEM_MBUF_PKT_LEN);
    field!(data_len, set_data_len, u16, TANDEM_MBUF_DATA_LEN);
    field!(buf_len, set_buf_len, u16, TANDEM_MBUF_BUF_LEN);
    field!(rss, set_rss, u32, TANDEM_MBUF_RSS_HASH);
    field!(raw_tag, set_raw_tag, [u32; 4], TANDEM_MBUF_TAG);

    #[inline(always)]
    fn start(&self) -> *mut u8 {
        // SAFETY: the data begins at this offset of the buffer, within it or at its end.
        unsafe { self.buf_addr().add(usize::from(self.data_off())) }
    }

    /// The bytes in the first buffer: the whole packet if [`Mbuf::is_contiguous`].
    #[inline(always)]
    pub fn data(&self) -> &[u8] {
        // SAFETY: DPDK keeps data_off + data_len within the buffer, and we own it.
        unsafe { slice::from_raw_parts(self.start(), usize::from(self.data_len())) }
    }

    /// The bytes in the first buffer, to be changed in place.
    #[inline(always)]
    pub fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and the borrow is exclusive.
        unsafe { slice::from_raw_parts_mut(self.start(), usize::from(self.data_len())) }
    }

    /// True if the device that it came through has found the checksum of its IP header right.
    #[inline(always)]
    pub fn has_right_ip_checksum(&self) -> bool {
        let said = self.ol_flags() & u64::from(dpdk_sys::TANDEM_IP_CHECKSUM_MASK);
        said == u64::from(dpdk_sys::TANDEM_IP_CHECKSUM_GOOD)
    }

    /// Marks the IP header's checksum as found right, as a device would.
    pub fn set_right_ip_checksum(&mut self) {
        let others = self.ol_flags() & !u64::from(dpdk_sys::TANDEM_IP_CHECKSUM_MASK);
        self.set_ol_flags(others | u64::from(dpdk_sys::TANDEM_IP_CHECKSUM_GOOD));
    }

    /// The length of the packet in bytes, over all of its buffers.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.pkt_len() as usize
    }

    /// True if the packet has no bytes.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.pkt_len() == 0
    }

    /// True if the packet lies in one buffer.
    #[inline(always)]
    pub fn is_contiguous(&self) -> bool {
        self.nb_segs() == 1
    }

    /// The number of buffers that the packet lies in.
    #[inline(always)]
    pub fn segments(&self) -> usize {
        usize::from(self.nb_segs())
    }

    /// The number of free bytes behind the data of a packet in one buffer.
    #[inline]
    pub fn tailroom(&self) -> usize {
        if !self.is_contiguous() {
            return 0;
        }
        usize::from(self.buf_len())
            .saturating_sub(usize::from(self.data_off()) + usize::from(self.data_len()))
    }

    /// The number of free bytes before the data (headroom).
    #[inline]
    pub fn headroom(&self) -> usize {
        usize::from(self.data_off())
    }

    /// Makes the packet longer by `count` bytes at its end, and returns those, with
    /// whatever was in them. `None`, with nothing changed, if there is no room or it lies
    /// in several buffers.
    #[inline]
    pub fn append(&mut self, count: usize) -> Option<&mut [u8]> {
        if count > self.tailroom() {
            return None;
        }
        let before = usize::from(self.data_len());
        // Both fit: the buffer's length is 16 bits.
        self.set_data_len((before + count) as u16);
        self.set_pkt_len((before + count) as u32);
        self.data_mut().get_mut(before..)
    }

    /// Makes the packet longer by `count` bytes at its start, and returns those. `None`,
    /// with nothing changed, if there is no room.
    #[inline]
    pub fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        if count > self.headroom() {
            return None;
        }
        self.set_data_off(self.data_off() - count as u16);
        self.set_data_len(self.data_len() + count as u16);
        self.set_pkt_len(self.pkt_len() + count as u32);
        self.data_mut().get_mut(..count)
    }

    /// Takes `count` bytes off the start of the first buffer; false, with nothing
    /// changed, if it has fewer.
    #[inline]
    pub fn trim_front(&mut self, count: usize) -> bool {
        if count > usize::from(self.data_len()) {
            return false;
        }
        self.set_data_off(self.data_off() + count as u16);
        self.set_data_len(self.data_len() - count as u16);
        self.set_pkt_len(self.pkt_len() - count as u32);
        true
    }

    /// Shortens a packet in one buffer to `length` bytes; a longer length or a chain
    /// changes nothing.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        if self.is_contiguous() && length < usize::from(self.data_len()) {
            self.set_data_len(length as u16);
            self.set_pkt_len(length as u32);
        }
    }

    /// Joins a chain into its first buffer.
    ///
    /// # Errors
    ///
    /// Returns [`TooLong`], and leaves the packet as it was, if the first buffer is too small.
    pub fn linearize(&mut self) -> Result<(), TooLong> {
        // SAFETY: the mbuf is valid and ours.
        match unsafe { dpdk_sys::tandem_mbuf_linearize(self.0.as_ptr()) } {
            0 => Ok(()),
            _ => Err(TooLong),
        }
    }

    /// Puts the buffers of `tail` behind those of this packet.
    ///
    /// # Errors
    ///
    /// Returns `tail` if the chain would be longer than DPDK can count.
    pub fn chain(&mut self, tail: Mbuf) -> Result<(), Mbuf> {
        let raw = tail.into_raw();
        // SAFETY: both are valid and ours; on success the chain owns the tail.
        match unsafe { dpdk_sys::tandem_mbuf_chain(self.0.as_ptr(), raw.as_ptr()) } {
            0 => Ok(()),
            // SAFETY: on failure the tail is still ours alone.
            _ => Err(unsafe { Mbuf::from_raw(raw) }),
        }
    }

    /// Copies bytes from `offset` on, across buffers. False if the packet ends before.
    pub fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let (Ok(from), Ok(length)) = (u32::try_from(offset), u32::try_from(to.len())) else {
            return false;
        };
        // DPDK adds the two in 32 bits, and would read anywhere were the sum to wrap.
        if from.checked_add(length).is_none_or(|end| end > self.pkt_len()) {
            return false;
        }
        // SAFETY: the mbuf is valid and has these bytes; the target has as many.
        unsafe {
            dpdk_sys::tandem_mbuf_read(self.0.as_ptr(), from, length, to.as_mut_ptr().cast()) == 0
        }
    }

    /// A copy in one buffer of a pool, with its tag; `None` where the pool is empty or its buffers
    /// are too small.
    pub fn copied_into(&self, pool: &Mempool) -> Option<Mbuf> {
        let mut copy = pool.alloc()?;
        let room = copy.append(self.len())?;
        if !self.copy_out(0, room) {
            return None;
        }
        copy.set_tag(self.tag());
        Some(copy)
    }

    /// Prefetches the first cache line of the data.
    #[inline(always)]
    pub fn prefetch_data(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing into the program and faults on no address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.start().cast_const().cast());
        }
    }

    /// The tag that the packet was given. It is undefined before [`Mbuf::set_tag`], and
    /// stays with the packet through rings.
    #[inline(always)]
    pub fn tag(&self) -> [u32; 4] {
        self.raw_tag()
    }

    /// Gives the packet a tag, for the thread that receives it through a ring.
    #[inline(always)]
    pub fn set_tag(&mut self, tag: [u32; 4]) {
        self.set_raw_tag(tag);
    }

    /// The hash by which the NIC chose the queue, if it has one.
    #[inline(always)]
    pub fn rss_hash(&self) -> u32 {
        self.rss()
    }
}

impl Drop for Mbuf {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the mbuf is valid and ours, and nobody uses it after this.
        unsafe { dpdk_sys::tandem_mbuf_free(self.0.as_ptr()) }
    }
}

impl core::fmt::Debug for Mbuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Mbuf({} bytes in {} segments)", self.len(), self.segments())
    }
}

impl PartialEq for Mbuf {
    /// An mbuf is equal to itself alone.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
