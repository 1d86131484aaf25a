//! Bursts: a few mbufs on their way together.

use arrayvec::ArrayVec;

use crate::mbuf::Mbuf;

/// Up to `N` mbufs in order, owned. In memory it is an array of pointers and a length, as
/// DPDK's burst functions want it; dropping it frees what is left in it.
#[derive(Debug)]
pub struct Burst<const N: usize>(ArrayVec<Mbuf, N>);

impl<const N: usize> Default for Burst<N> {
    fn default() -> Self {
        Burst::new()
    }
}

impl<const N: usize> Burst<N> {
    /// Makes an empty burst.
    #[inline(always)]
    pub fn new() -> Self {
        // DPDK counts a burst in 16 bits.
        const { assert!(N > 0 && N <= u16::MAX as usize) };
        Burst(ArrayVec::new())
    }

    /// The number of mbufs in the burst.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if the burst has no mbufs.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the burst has `N` mbufs.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Puts an mbuf at the end of the burst.
    ///
    /// # Errors
    ///
    /// Returns the mbuf if the burst is full.
    #[inline(always)]
    pub fn push(&mut self, mbuf: Mbuf) -> Result<(), Mbuf> {
        self.0.try_push(mbuf).map_err(|full| full.element())
    }

    /// Takes the last mbuf out of the burst.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Mbuf> {
        self.0.pop()
    }

    /// Takes all mbufs out of the burst, from the first to the last.
    #[inline(always)]
    pub fn drain(&mut self) -> impl Iterator<Item = Mbuf> + '_ {
        self.0.drain(..)
    }

    /// Moves all mbufs of `other` behind those of this burst if they fit. Otherwise it moves none
    /// and returns false.
    #[inline(always)]
    pub fn append<const M: usize>(&mut self, other: &mut Burst<M>) -> bool {
        let (own, count) = (self.len(), other.len());
        if count > N - own {
            return false;
        }
        // SAFETY: there is room for as many behind the own ones; afterwards each mbuf is
        // counted in one burst alone.
        unsafe {
            core::ptr::copy_nonoverlapping(other.0.as_ptr(), self.0.as_mut_ptr().add(own), count);
            other.0.set_len(0);
            self.0.set_len(own + count);
        }
        true
    }

    /// The mbufs of the burst, in order.
    #[inline(always)]
    pub fn as_slice(&self) -> &[Mbuf] {
        &self.0
    }

    /// The mbufs of the burst, in order, to be changed in place.
    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [Mbuf] {
        &mut self.0
    }

    /// Frees all mbufs of the burst.
    pub fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        let (raw, count) = self.pointers();
        // SAFETY: the pointers are valid mbufs and ours; the length is set to zero so that
        // nobody frees them again.
        unsafe {
            self.0.set_len(0);
            dpdk_sys::tandem_mbuf_free_bulk(raw, count as u32);
        }
    }

    /// The mbufs as DPDK wants them, and how many there are.
    #[inline(always)]
    pub(crate) fn pointers(&mut self) -> (*mut *mut dpdk_sys::rte_mbuf, usize) {
        // An Mbuf is a pointer and nothing else.
        (self.0.as_mut_ptr().cast(), self.0.len())
    }

    /// Lets `fill` write mbufs behind those that are there, given where and how many fit;
    /// it returns how many it wrote.
    ///
    /// # Safety
    ///
    /// So many valid mbufs that nobody else owns have been written.
    #[inline(always)]
    pub(crate) unsafe fn fill(
        &mut self,
        fill: impl FnOnce(*mut *mut dpdk_sys::rte_mbuf, usize) -> usize,
    ) -> usize {
        let before = self.len();
        // SAFETY: the place behind the last is within the array, or at its end.
        let place = unsafe { self.0.as_mut_ptr().add(before).cast() };
        let count = fill(place, N - before);
        debug_assert!(count <= N - before);
        // SAFETY: the caller vouches for what was written.
        unsafe { self.0.set_len(before + count) };
        count
    }

    /// Lets `send` take mbufs from the front; it returns how many it took. The others
    /// move up.
    ///
    /// # Safety
    ///
    /// The ownership of so many mbufs went elsewhere.
    #[inline(always)]
    pub(crate) unsafe fn send(
        &mut self,
        send: impl FnOnce(*mut *mut dpdk_sys::rte_mbuf, usize) -> usize,
    ) -> usize {
        let (raw, count) = self.pointers();
        let sent = send(raw, count);
        debug_assert!(sent <= count);
        // SAFETY: `sent` of `count` pointers are gone; the rest is moved to the front and
        // counted, so each mbuf has one owner.
        unsafe {
            if sent < count {
                core::ptr::copy(raw.add(sent), raw, count - sent);
            }
            self.0.set_len(count - sent);
        }
        sent
    }
}
