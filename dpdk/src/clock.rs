//! The time stamp counter (TSC) of the processor.

/// Reads the counter of the core that this thread runs on, in cycles.
#[inline(always)]
pub fn tsc() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: every x86-64 processor has the instruction; it only reads a register.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: the virtual counter may be read in user space; nothing else is touched.
        unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack)) };
        count
    }
}

/// Cycles of the counter in a second, as EAL has measured them.
pub fn hz() -> u64 {
    // SAFETY: reads a number; zero before EAL has started.
    unsafe { dpdk_sys::rte_get_tsc_hz() }
}
