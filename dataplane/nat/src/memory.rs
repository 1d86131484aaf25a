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
    let spare = vec.spare_capacity_mut();
    prepare(Region { start: spare.as_ptr() as usize, bytes: size_of_val(spare) });
}

/// A range of addresses that will hold a part of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First address.
    pub start: usize,
    /// Length in bytes.
    pub bytes: usize,
}
