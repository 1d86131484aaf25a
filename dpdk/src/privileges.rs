//! Giving privileges up, in every thread of the process.
//!
//! Linux keeps capabilities for each thread. DPDK and its drivers have started threads by
//! the time that they are needed no more, and run no function of ours in them. So each is
//! interrupted by a signal, whose handler gives them up, and `/proc` says whether it did.

use core::ffi::c_int;
use core::time::Duration;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::process::getpid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// How long the threads may take. They only have to be scheduled.
const PATIENCE: Duration = Duration::from_secs(2);

/// The capabilities that the signal's handler leaves to its thread.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Gives up, in every thread of this process, all capabilities but `kept`, and the means to get new
/// ones: no program that a thread starts has more. This cannot be undone. Threads that are started
/// later inherit it.
///
/// Returns the names of the threads that have not followed within 2 s, normally none.
///
/// # Errors
///
/// Fails when the threads cannot be listed or interrupted.
pub fn keep_only(kept: CapabilitySet) -> io::Result<Vec<String>> {
    KEPT.store(kept.bits(), Ordering::SeqCst);
    handle_signal()?;
    let deadline = Instant::now() + PATIENCE;
    let mut interrupted = HashSet::new();
    let mut looks_clean = 0;
    loop {
        // Again and again: a thread that has not followed yet may have started another, and
        // one that is started during a look may be missing in it.
        let left = threads_with_more(kept)?;
        looks_clean = if left.is_empty() { looks_clean + 1 } else { 0 };
        if looks_clean == 2 || Instant::now() > deadline {
            return Ok(left.into_iter().map(|thread| thread.name).collect());
        }
        for thread in left {
            if interrupted.insert(thread.id) {
                interrupt(thread.id)?;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The effective capabilities of this thread.
///
/// # Errors
///
/// Fails when the kernel does not tell them.
pub fn of_this_thread() -> io::Result<CapabilitySet> {
    Ok(capabilities(None)?.effective)
}

/// A thread that may still do too much.
struct Thread {
    id: c_int,
    name: String,
}

fn threads_with_more(kept: CapabilitySet) -> io::Result<Vec<Thread>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        // A thread that has ended meanwhile has no file any more.
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if !has_followed(&status, kept) {
            let name = field(&status, "Name").unwrap_or_default().to_owned();
            found.push(Thread { id, name });
        }
    }
    Ok(found)
}

fn has_followed(status: &str, kept: CapabilitySet) -> bool {
    let within = |name| {
        let set = field(status, name).and_then(|set| u64::from_str_radix(set, 16).ok());
        set.is_some_and(|set| set & !kept.bits() == 0)
    };
    // Not the bounding set: a process that may not change it can gain nothing by it.
    ["CapInh", "CapPrm", "CapEff", "CapAmb"].into_iter().all(within)
        && field(status, "NoNewPrivs") == Some("1")
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn signal() -> c_int {
    // The C library keeps the first real-time signals for itself; nobody has the last one.
    libc::SIGRTMAX()
}

/// Sets the handler, which stays: a thread that is interrupted late finds nothing to do.
fn handle_signal() -> io::Result<()> {
    let handler: extern "C" fn(c_int) = give_up;
    // SAFETY: all zeros are a valid structure, which is then filled in.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler makes system calls and nothing else, so it may run at any point
    // of any thread.
    match unsafe { libc::sigaction(signal(), &action, core::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn interrupt(thread: c_int) -> io::Result<()> {
    let process = getpid().as_raw_pid();
    // SAFETY: takes three numbers. The handler is set; a thread that is gone is an error.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal()) };
    let error = io::Error::last_os_error();
    match result {
        0 => Ok(()),
        _ if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        _ => Err(error),
    }
}

/// The handler. Whether it succeeded is seen in `/proc`.
extern "C" fn give_up(_signal: c_int) {
    // SAFETY: the C library's place for this thread's error number, which the code that was
    // interrupted may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    let kept = CapabilitySet::from_bits_retain(KEPT.load(Ordering::SeqCst));
    let _ = set_no_new_privs(true);
    let _ = clear_ambient_capability_set();
    // First, as it takes a capability itself.
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if !kept.contains(one) {
            let _ = remove_capability_from_bounding_set(one);
        }
    }
    if let Ok(now) = capabilities(None) {
        let _ = set_capabilities(
            None,
            CapabilitySets {
                effective: now.effective & kept,
                permitted: now.permitted & kept,
                inheritable: CapabilitySet::empty(),
            },
        );
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(permitted: &str, no_new: &str) -> String {
        format!(
            "Name:\teal-intr-thread\nCapInh:\t0000000000000000\nCapPrm:\t{permitted}\n\
             CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n\
             CapAmb:\t0000000000000000\nNoNewPrivs:\t{no_new}\n"
        )
    }

    #[test]
    fn what_proc_says_is_understood() {
        let none = CapabilitySet::empty();
        let net_admin = CapabilitySet::NET_ADMIN;
        assert!(has_followed(&status("0000000000000000", "1"), none));
        assert!(!has_followed(&status("0000000000000000", "0"), none));
        assert!(!has_followed(&status("0000000000001000", "1"), none));
        assert!(has_followed(&status("0000000000001000", "1"), net_admin));
        assert!(!has_followed("Name:\tx\n", none), "silence is no answer");
        assert_eq!(field(&status("0", "0"), "Name"), Some("eal-intr-thread"));
    }
}
