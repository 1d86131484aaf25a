//! Rings: mbufs from one thread to another, without a lock.

use core::ptr::NonNull;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::SocketId;
use crate::burst::Burst;
use crate::eal::{Eal, last_error};
use crate::mbuf::Mbuf;

/// Why a ring could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a ring for {capacity} packets could not be made: {cause}")]
pub struct RingError {
    capacity: u32,
    cause: String,
}

#[derive(Debug)]
struct Ring(NonNull<dpdk_sys::rte_ring>);

// SAFETY: DPDK's ring is made for one thread at each end; `Producer` and `Consumer` are
// neither Clone nor Sync, so there is one of each.
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

impl Ring {
    fn dequeue<const N: usize>(&self, burst: &mut Burst<N>) -> usize {
        // SAFETY: the ring holds valid mbufs that were given into it, each once.
        unsafe {
            burst.fill(|place, room| {
                dpdk_sys::tandem_ring_dequeue(self.0.as_ptr(), place.cast(), room as u32) as usize
            })
        }
    }
}

impl Drop for Ring {
    /// Both ends are gone: frees what is left inside, and the ring.
    fn drop(&mut self) {
        let mut burst = Burst::<32>::new();
        while self.dequeue(&mut burst) > 0 {
            burst.clear();
        }
        // SAFETY: nobody has the ring any more.
        unsafe { dpdk_sys::rte_ring_free(self.0.as_ptr()) }
    }
}

/// The end of a ring that puts mbufs in.
#[derive(Debug)]
pub struct Producer {
    ring: Arc<Ring>,
    _one_thread: core::marker::PhantomData<core::cell::Cell<()>>,
}

/// The end of a ring that takes mbufs out.
#[derive(Debug)]
pub struct Consumer {
    ring: Arc<Ring>,
    _one_thread: core::marker::PhantomData<core::cell::Cell<()>>,
}

/// Makes a ring with one producer and one consumer; it holds at least `capacity` mbufs.
///
/// # Errors
///
/// Returns [`RingError`], in most cases for want of memory.
pub fn spsc(
    _eal: &Eal,
    capacity: u32,
    socket: SocketId,
) -> Result<(Producer, Consumer), RingError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("tandem_ring_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let name = CString::new(name).unwrap_or_default();
    // One place of a ring always stays free.
    let size = capacity.checked_add(1).and_then(u32::checked_next_power_of_two);
    // DPDK takes zero for a power of two, and would write outside of such a ring.
    let size = size.ok_or_else(|| RingError { capacity, cause: "too large".to_owned() })?;
    // SAFETY: EAL has started; the name ends in zero and DPDK copies it.
    let ring = unsafe {
        dpdk_sys::rte_ring_create(name.as_ptr(), size, socket.0, dpdk_sys::TANDEM_RING_SP_SC)
    };
    let failed = || RingError { capacity, cause: last_error() };
    let ring = Arc::new(Ring(NonNull::new(ring).ok_or_else(failed)?));
    let producer = Producer { ring: Arc::clone(&ring), _one_thread: core::marker::PhantomData };
    Ok((producer, Consumer { ring, _one_thread: core::marker::PhantomData }))
}

impl Producer {
    /// Puts in as many mbufs as fit, from the front of the burst, and returns their number. The
    /// others stay in the burst.
    #[inline(always)]
    pub fn enqueue<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        if burst.is_empty() {
            return 0;
        }
        // SAFETY: the ring takes the ownership of as many mbufs as it returns.
        unsafe {
            burst.send(|mbufs, count| {
                let ring = self.ring.0.as_ptr();
                dpdk_sys::tandem_ring_enqueue(ring, mbufs.cast(), count as u32) as usize
            })
        }
    }

    /// Puts one mbuf in.
    ///
    /// # Errors
    ///
    /// Returns the mbuf if the ring is full.
    pub fn push(&mut self, mbuf: Mbuf) -> Result<(), Mbuf> {
        let mut burst = Burst::<1>::new();
        burst.push(mbuf)?;
        self.enqueue(&mut burst);
        burst.pop().map_or(Ok(()), Err)
    }
}

impl Consumer {
    /// Takes out as many mbufs as there are and the burst has room for, and returns their number.
    #[inline(always)]
    pub fn dequeue<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        self.ring.dequeue(burst)
    }
}

#[cfg(test)]
mod tests {
    use dpdk_sys::{TANDEM_RING_CONSUMER, TANDEM_RING_PRODUCER};

    #[test]
    fn the_ends_write_cache_lines_of_their_own() {
        const LINE: u32 = 64;
        let (producer, consumer) = (TANDEM_RING_PRODUCER, TANDEM_RING_CONSUMER);
        assert_eq!((producer % LINE, consumer % LINE), (0, 0));
        assert!(producer.abs_diff(consumer) >= 2 * LINE, "processors fetch lines in pairs");
    }
}
