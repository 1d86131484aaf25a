//! The scheduling class that the kernel gives a thread.

use std::io;

/// The scheduling class of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// The thread shares its core fairly with others (SCHED_OTHER).
    Ordinary,
    /// The thread runs before every ordinary thread whenever it has something to do, by its
    /// priority from 1 to 99 among real-time threads (SCHED_FIFO). This is only for threads that
    /// mostly wait.
    RealTime(u8),
}

/// Gives this thread the scheduling class. Threads that it starts later are ordinary ones in any
/// case.
///
/// # Errors
///
/// Fails with `EPERM` in most cases: a real-time priority takes CAP_SYS_NICE, or RLIMIT_RTPRIO of
/// at least that priority. Nothing has changed then.
pub fn this_thread(schedule: Schedule) -> io::Result<()> {
    let (policy, priority) = match schedule {
        Schedule::Ordinary => (libc::SCHED_OTHER, 0),
        Schedule::RealTime(priority) => (libc::SCHED_FIFO, priority),
    };
    let parameters = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: reads the structure, and concerns nothing but this thread's turns; the kernel
    // refuses numbers that are none.
    let result =
        unsafe { libc::sched_setscheduler(0, policy | libc::SCHED_RESET_ON_FORK, &parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
