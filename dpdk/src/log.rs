//! Redirects the lines that DPDK logs.
//!
//! By itself DPDK writes to stderr and to syslog, and waits for whoever reads there.

use core::ffi::{c_char, c_int};
use std::panic::catch_unwind;
use std::sync::OnceLock;

/// How severe a line is, of DPDK's eight degrees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// DPDK's levels emergency, alert, critical and error.
    Error,
    /// DPDK's level warning.
    Warning,
    /// DPDK's levels notice and info.
    Info,
    /// DPDK's level debug.
    Debug,
}

impl Severity {
    /// The severity of the number that rte_log.h gives a level: 1 is an emergency, 8 is debug.
    fn of(level: c_int) -> Self {
        match level {
            ..=4 => Severity::Error,
            5 => Severity::Warning,
            6 | 7 => Severity::Info,
            _ => Severity::Debug,
        }
    }
}

/// Takes one line without its end. It is called by whichever thread logs, so it should not block.
pub type Sink = fn(Severity, &str);

static SINK: OnceLock<Sink> = OnceLock::new();

/// Passes what DPDK logs from now on to `sink`, instead of stderr and syslog. It has to be called
/// before [`crate::eal::Eal::start`], and only the first sink counts; false if nothing has changed.
pub fn redirect(sink: Sink) -> bool {
    if SINK.set(sink).is_err() {
        return false;
    }
    let _control = crate::eal::control();
    // SAFETY: the function may be called in any thread and stays for ever; this is the only
    // call, as the sink was not set before.
    unsafe { dpdk_sys::tandem_log_to(Some(take)) == 0 }
}

unsafe extern "C" fn take(level: c_int, text: *const c_char, length: usize) {
    let Some(sink) = SINK.get() else { return };
    if text.is_null() {
        return;
    }
    // SAFETY: the stream gives its buffer, so many bytes that stay until this returns.
    let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), length) };
    let text = String::from_utf8_lossy(text);
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        // A panic must not unwind into C.
        let _ = catch_unwind(|| sink(Severity::of(level), line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_degrees_become_four() {
        let degrees = (0..=9).map(Severity::of).collect::<Vec<_>>();
        assert!(degrees.is_sorted());
        assert_eq!(degrees[4..=8], {
            use Severity::{Debug, Error, Info, Warning};
            [Error, Warning, Info, Info, Debug]
        });
    }
}
