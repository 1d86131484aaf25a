//! Whether there are huge pages, before DPDK finds out in its own words.

use std::fs;

use super::EalError;

/// Free pages of any size, as the kernel counts them.
pub(super) fn check() -> Result<(), EalError> {
    let Ok(sizes) = fs::read_dir("/sys/kernel/mm/hugepages") else {
        return Err(EalError::NoHugepages);
    };
    let free = |size: fs::DirEntry| {
        let text = fs::read_to_string(size.path().join("free_hugepages")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let total: u64 = sizes.flatten().filter_map(free).sum();
    if total > 0 { Ok(()) } else { Err(EalError::NoHugepages) }
}
