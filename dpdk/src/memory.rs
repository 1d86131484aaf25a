//! Large pages for memory that is not DPDK's.

/// Asks the kernel to back a range of addresses with huge pages; best done before the
/// first touch. False if it refused, which costs speed and nothing else.
pub fn advise_hugepages(start: usize, bytes: usize) -> bool {
    const PAGE: usize = 4096;
    let Some(first) = start.checked_next_multiple_of(PAGE) else { return false };
    let Some(end) = start.checked_add(bytes) else { return false };
    let length = end.saturating_sub(first) & !(PAGE - 1);
    if length == 0 {
        return false;
    }
    // SAFETY: this advice changes neither contents nor access rights of any memory; for
    // addresses that are not mapped it fails.
    unsafe { libc::madvise(first as *mut libc::c_void, length, libc::MADV_HUGEPAGE) == 0 }
}
