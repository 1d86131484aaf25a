//! A thread that is stopped anywhere in its program, as the kernel's scheduler may stop it.
//!
//! SIGSTOP stops all threads of a process: one alone is stopped by ptrace(2).

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::Error;

/// The main thread of a process. It runs on as it did when this is dropped.
#[derive(Debug)]
pub struct MainThread {
    thread: Pid,
    stands: core::cell::Cell<bool>,
    /// Only the thread that began may go on.
    _here: core::marker::PhantomData<*const ()>,
}

impl MainThread {
    /// Of the process of this number.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn of(process: u32) -> Result<Self, Error> {
        let thread = Pid::from_raw(i32::try_from(process).unwrap_or(i32::MAX));
        ptrace::seize(thread, ptrace::Options::empty()).map_err(failed(thread))?;
        let stands = core::cell::Cell::new(false);
        Ok(MainThread { thread, stands, _here: core::marker::PhantomData })
    }

    /// Stops it, and waits until it stands.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn stop(&self) -> Result<(), Error> {
        ptrace::interrupt(self.thread).map_err(failed(self.thread))?;
        waitpid(self.thread, Some(WaitPidFlag::__WALL)).map_err(failed(self.thread))?;
        self.stands.set(true);
        Ok(())
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn go_on(&self) -> Result<(), Error> {
        self.stands.set(false);
        ptrace::cont(self.thread, None).map_err(failed(self.thread))
    }
}

impl Drop for MainThread {
    fn drop(&mut self) {
        // One that runs has to stand to be let go. One that has ended is gone.
        if self.stands.get() || self.stop().is_ok() {
            let _ = ptrace::detach(self.thread, None);
        }
    }
}

fn failed(thread: Pid) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::file(format!("/proc/{thread}"))(errno.into())
}
