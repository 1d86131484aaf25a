//! A process that hangs is found by the service manager's watchdog.

use core::time::Duration;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use super::process::{Folder, Process, command, wait_until};
use super::stopped::Stopped;

/// How long the manager waits for a sign of life, in microseconds.
const TIMEOUT: &str = "1500000";
/// Far longer than lies between two signs of life, which is a third of it.
const SILENCE: Duration = Duration::from_secs(4);

/// The service manager's end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    fn new(folder: &Folder) -> Self {
        let socket = UnixDatagram::bind(folder.path("notify.sock")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Manager(socket)
    }

    /// The process under this manager.
    fn start(&self, folder: &Folder) -> Process {
        let config = folder.configure("");
        // The variable has to name the process, whose number only its shell knows.
        let before = ["sh", "-c", "WATCHDOG_PID=$$ exec \"$@\"", "sh"];
        let mut command = command(&before, &config, &["--no-kernel-interfaces"]);
        command.env("NOTIFY_SOCKET", folder.path("notify.sock")).env("WATCHDOG_USEC", TIMEOUT);
        Process::start(command, folder)
    }

    /// The next message, if one comes soon.
    fn next(&self) -> Option<String> {
        let mut text = [0; 256];
        match self.0.recv(&mut text) {
            Ok(length) => Some(String::from_utf8(text[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn await_sign_of_life(&self) {
        wait_until("a sign of life comes", || {
            self.next().filter(|text| text.contains("WATCHDOG=1"))
        });
    }

    /// Forgets what came before, then listens for a while.
    fn assert_silent(&self) {
        while self.next().is_some() {}
        let end = Instant::now() + SILENCE;
        while Instant::now() < end {
            assert_eq!(self.next(), None, "a sign of life of a process that hangs");
        }
    }
}

/// Signs of life come, stay away while the thread stands still, and come again.
fn assert_watched(name: &str, thread: impl FnOnce(&Process) -> u32) -> String {
    let folder = Folder::new(name);
    let manager = Manager::new(&folder);
    let process = manager.start(&folder);
    manager.await_sign_of_life();
    manager.await_sign_of_life();
    let stopped = Stopped::new(thread(&process));
    manager.assert_silent();
    drop(stopped);
    manager.await_sign_of_life();
    process.last_words()
}

#[test]
fn a_worker_that_hangs_is_found() {
    let said = assert_watched("hung-worker", |process| process.thread("worker"));
    assert!(said.contains("the worker on core 1 is stalled"), "{said}");
    assert!(said.contains("every worker advances again"), "{said}");
}

#[test]
fn a_main_core_that_hangs_is_found() {
    assert_watched("hung-main", Process::id);
}

/// The control of the two above: threads that forward nothing may wait for as long as they like.
#[test]
fn a_thread_that_is_neither_may_stand_still() {
    let folder = Folder::new("hung-log");
    let manager = Manager::new(&folder);
    let process = manager.start(&folder);
    let _stopped = Stopped::new(process.thread("signals"));
    while manager.next().is_some() {}
    manager.await_sign_of_life();
    manager.await_sign_of_life();
}

#[test]
fn nobody_is_told_anything_where_nobody_watches() {
    let folder = Folder::new("unwatched");
    let manager = Manager::new(&folder);
    let config = folder.configure("");
    let mut command = command(&[], &config, &["--no-kernel-interfaces"]);
    command.env("NOTIFY_SOCKET", folder.path("notify.sock"));
    let _process = Process::start(command, &folder);
    wait_until("it says that it is ready", || {
        manager.next().filter(|text| text.contains("READY=1"))
    });
    manager.assert_silent();
}
