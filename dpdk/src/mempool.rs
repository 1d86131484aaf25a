//! Pools of packet buffers, with a cache for each core.

use core::ptr::NonNull;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::SocketId;
use crate::eal::{Eal, last_error};
use crate::mbuf::Mbuf;

/// The sizes of a pool, and the place of its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MempoolConfig {
    /// The number of buffers; a power of two less one wastes least.
    pub mbufs: u32,
    /// The number of free buffers that each core may keep in its cache, at most 512.
    pub cache: u32,
    /// The size of a buffer in bytes, 128 bytes of headroom included.
    pub data_room: u16,
    /// The NUMA socket whose memory the pool takes.
    pub socket: SocketId,
}

impl Default for MempoolConfig {
    fn default() -> Self {
        MempoolConfig { mbufs: 8191, cache: 256, data_room: 2176, socket: SocketId::ANY }
    }
}

/// Why a pool could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a pool of {mbufs} buffers of {data_room} bytes could not be made: {cause}; lower node.mbufs, \
     or give DPDK more memory (node.memory, or more hugepages)"
)]
pub struct MempoolError {
    mbufs: u32,
    data_room: u16,
    cause: String,
}

/// A pool of buffers. Copies of the handle are the same pool; it stays until the process
/// ends, since its buffers may be anywhere.
#[derive(Clone, Debug)]
pub struct Mempool {
    pool: NonNull<dpdk_sys::rte_mempool>,
    capacity: u32,
    data_room: u16,
}

// SAFETY: DPDK's pools are made for use by many threads; those that are no lcores pass
// the per-core cache by.
unsafe impl Send for Mempool {}
// SAFETY: as above.
unsafe impl Sync for Mempool {}

impl Mempool {
    /// Makes a pool and takes its memory.
    ///
    /// Whoever puts buffers into the pool's ring waits for the one before to be done: its threads
    /// have to have their cores for themselves.
    ///
    /// # Errors
    ///
    /// Returns [`MempoolError`], in most cases for want of memory.
    pub fn new(_eal: &Eal, config: MempoolConfig) -> Result<Self, MempoolError> {
        Self::made(config, |name, MempoolConfig { mbufs, cache, data_room, socket }| {
            // SAFETY: EAL has started; the name ends in zero and DPDK copies it.
            unsafe {
                dpdk_sys::rte_pktmbuf_pool_create(
                    name.as_ptr(),
                    mbufs,
                    cache,
                    0,
                    data_room,
                    socket.0,
                )
            }
        })
    }

    /// A pool from which one thread takes, and into which any thread may give back. The one may be
    /// preempted anywhere, also inside of the pool: nobody waits for it (DPDK's relaxed tail
    /// synchronization).
    ///
    /// Two threads that take would lose buffers while one of them is stopped inside: places of the
    /// ring that come after its own are not free before it goes on, whoever has taken from them,
    /// and what is given back may find none.
    ///
    /// # Errors
    ///
    /// As [`Mempool::new`].
    pub fn of_one_taker(_eal: &Eal, config: MempoolConfig) -> Result<Self, MempoolError> {
        Self::made(config, |name, MempoolConfig { mbufs, cache, data_room, socket }| {
            // SAFETY: as above.
            unsafe {
                dpdk_sys::tandem_pool_of_one_taker(name.as_ptr(), mbufs, cache, data_room, socket.0)
            }
        })
    }

    fn made(
        config: MempoolConfig,
        make: impl FnOnce(&CStr, MempoolConfig) -> *mut dpdk_sys::rte_mempool,
    ) -> Result<Self, MempoolError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("tandem_mempool_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = CString::new(name).unwrap_or_default();
        let pool = NonNull::new(make(&name, config));
        let MempoolConfig { mbufs, data_room, .. } = config;
        let failed = || MempoolError { mbufs, data_room, cause: last_error() };
        Ok(Mempool { pool: pool.ok_or_else(failed)?, capacity: mbufs, data_room })
    }

    /// The size of a buffer in bytes, headroom included.
    pub(crate) fn data_room(&self) -> u16 {
        self.data_room
    }

    pub(crate) fn as_ptr(&self) -> *mut dpdk_sys::rte_mempool {
        self.pool.as_ptr()
    }

    /// Takes an empty buffer, with a tag of zeros; `None` when there is none left.
    #[inline]
    pub fn alloc(&self) -> Option<Mbuf> {
        // SAFETY: the pool is valid for the life of the process. A buffer that comes out
        // belongs to nobody else.
        let taken = NonNull::new(unsafe { dpdk_sys::tandem_mbuf_alloc(self.as_ptr()) })
            .map(|raw| unsafe { Mbuf::from_raw(raw) });
        // What another packet carried is none of its business.
        taken.map(|mut mbuf| {
            mbuf.set_tag([0; 4]);
            mbuf
        })
    }

    /// The number of buffers that are in use anywhere.
    pub fn in_use(&self) -> u32 {
        // SAFETY: the pool is valid; the function reads counts.
        unsafe { dpdk_sys::rte_mempool_in_use_count(self.as_ptr()) }
    }

    /// The number of buffers that can be taken, those in the caches of other cores included.
    pub fn available(&self) -> u32 {
        // SAFETY: as above.
        unsafe { dpdk_sys::rte_mempool_avail_count(self.as_ptr()) }
    }

    /// The number of buffers that the pool was made with.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }
}
