//! Large arrays: shown to the caller before their first touch, or given by the kernel page by page.

use core::alloc::Layout;

use zerocopy::FromZeros;

/// So many zeros, of which the kernel gives the pages that are written to. What has a number has
/// the lowest that is free, so an array for all numbers takes as much memory as the configuration
/// has things.
pub fn zeroed<T: FromZeros>(count: usize) -> Box<[T]> {
    match <[T]>::new_box_zeroed_with_elems(count) {
        Ok(zeros) => zeros,
        Err(_) => std::alloc::handle_alloc_error(Layout::new::<T>()),
    }
}

/// Hands the still untouched memory of `vec` to `prepare`, which may ask the kernel to
/// back it with huge pages: the table is random access over gigabytes, and a page walk
/// per packet would cost more than the look-up.
pub(crate) fn prepare<T>(vec: &mut Vec<T>, prepare: &mut dyn FnMut(Region)) {
    prepare(Region::of(vec));
}

/// A range of addresses that will hold a part of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First address.
    pub start: usize,
    /// Length in bytes.
    pub bytes: usize,
}

impl Region {
    /// All that a vector has reserved.
    pub(crate) fn of<T>(vec: &Vec<T>) -> Self {
        Region { start: vec.as_ptr() as usize, bytes: vec.capacity() * size_of::<T>() }
    }

    /// The part from one of `all` equal places to another.
    pub(crate) fn part(self, from: usize, to: usize, all: usize) -> Self {
        let byte = |place: usize| {
            let byte = self.bytes as u128 * place as u128 / all.max(1) as u128;
            (byte as usize).min(self.bytes)
        };
        let (from, to) = (byte(from), byte(to.max(from)));
        Region { start: self.start + from, bytes: to - from }
    }
}
