//! Large arrays, shown to the caller before their first touch.

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
