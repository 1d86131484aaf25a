//! Pages for memory that is not DPDK's.

const PAGE: usize = 4096;

/// Asks the kernel to back a range of addresses with huge pages; best done before the
/// first touch. False if it refused, which costs speed and nothing else.
pub fn advise_hugepages(start: usize, bytes: usize) -> bool {
    let Some((first, length)) = pages(start, bytes) else { return false };
    // SAFETY: this advice changes neither contents nor access rights of any memory; for
    // addresses that are not mapped it fails.
    unsafe { libc::madvise(first as *mut libc::c_void, length, libc::MADV_HUGEPAGE) == 0 }
}

/// Has the kernel back a range of addresses with memory now, as if each page had been written
/// to, so that nobody waits for that later. False if it refused (before Linux 5.14), or has none.
pub fn populate(start: usize, bytes: usize) -> bool {
    let Some((first, length)) = pages(start, bytes) else { return false };
    // SAFETY: pages that are there keep their contents, and others get the zeros that their
    // first touch would bring; for addresses that are not mapped it fails.
    unsafe { libc::madvise(first as *mut libc::c_void, length, libc::MADV_POPULATE_WRITE) == 0 }
}

/// Has the kernel take the memory of a range of addresses from the NUMA node of the core on which
/// this is called, whoever touches it first. False if it refused, which costs speed and nothing
/// else.
pub fn prefer_this_node(start: usize, bytes: usize) -> bool {
    const MPOL_PREFERRED: libc::c_long = 1;
    let Some((first, length)) = pages(start, bytes) else { return false };
    let mut node: libc::c_uint = 0;
    let none = core::ptr::null_mut::<libc::c_void>();
    // SAFETY: the kernel writes the number of the node, and nothing to the null pointers.
    if unsafe { libc::syscall(libc::SYS_getcpu, none, &raw mut node, none) } != 0 {
        return false;
    }
    let Some(mask) = 1u64.checked_shl(node) else { return false };
    // SAFETY: a policy changes neither contents nor access rights of any memory; the kernel reads
    // the 64 bits of the mask, and fails for addresses that are not mapped.
    unsafe {
        libc::syscall(
            libc::SYS_mbind,
            first,
            length,
            MPOL_PREFERRED,
            &raw const mask,
            u64::from(u64::BITS) + 1,
            0u64,
        ) == 0
    }
}

/// The whole pages of a range: where they begin, and their length.
fn pages(start: usize, bytes: usize) -> Option<(usize, usize)> {
    let first = start.checked_next_multiple_of(PAGE)?;
    let length = start.checked_add(bytes)?.saturating_sub(first) & !(PAGE - 1);
    (length > 0).then_some((first, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_populated_keeps_its_contents() {
        let mut bytes = vec![0u8; 64 * PAGE];
        bytes[5 * PAGE + 7] = 9;
        let start = bytes.as_ptr() as usize;
        prefer_this_node(start, bytes.len());
        assert!(populate(start, bytes.len()));
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 1);
        assert_eq!(bytes[5 * PAGE + 7], 9);
        assert!(!populate(start, 0), "no page is whole");
        assert!(!populate(0x1000, 4 * PAGE), "nothing is mapped there");
    }
}
