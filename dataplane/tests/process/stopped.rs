//! A thread of the process that stands still.

use std::io::Read;
use std::process::{Child, Command, Stdio};

/// A thread that a debugger has stopped; it goes on when this is dropped.
pub(crate) struct Stopped(Child);

/// Stops a thread, and no other of its process, until standard input ends: ptrace(2) with
/// PTRACE_SEIZE and PTRACE_INTERRUPT. The thread goes on when its tracer is gone.
const STOP: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
thread = int(sys.argv[1])
for request in (0x4206, 0x4207):
    if libc.ptrace(request, thread, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(thread, 0x40000000)
print('stopped', flush=True)
sys.stdin.read()
";

impl Stopped {
    pub(crate) fn new(thread: u32) -> Self {
        let mut tracer = Command::new("python3")
            .args(["-c", STOP, &thread.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 8];
        tracer.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"stopped\n");
        Stopped(tracer)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
