//! A command on this machine.
//!
//! It gets a process group of its own. At the timeout the group is told to end (SIGTERM), and is
//! killed when it does not; what it leaves behind when it ends in time is killed as well. So a
//! command that forks for ever, or ignores every signal that can be ignored, is gone. Its output
//! is read and thrown away but for the first line, so that it is never stopped by a full pipe.

use core::time::Duration;
use std::net::SocketAddrV4;
use std::process::{ExitStatus, Stdio};

use config::Exec;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use crate::health::outcome::Outcome;
use crate::health::report::{Code, DynamicWeight};
use crate::health::words::{self, Words};

/// How long a command may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(200);
/// How long the rest of the output of a command that has ended is waited for: another process may
/// have it open.
const REST: Duration = Duration::from_millis(10);
/// How much of the output is kept, and how much is read at all.
const KEPT: usize = 256;
const READ: usize = 1024 * 1024;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user that a command runs as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// By name.
    ///
    /// # Errors
    /// When the system knows none of this name.
    pub fn find(name: &str) -> Result<Self, String> {
        match nix::unistd::User::from_name(name) {
            Ok(Some(user)) => Ok(User { uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
            Ok(None) => Err(format!("this machine has no user {name}")),
            Err(error) => Err(format!("the user {name} cannot be looked up: {error}")),
        }
    }
}

pub async fn probe(
    server: SocketAddrV4,
    exec: &Exec,
    user: Option<User>,
    deadline: Instant,
) -> Outcome {
    let mut child = match start(server, exec, user) {
        Ok(child) => child,
        Err(error) => return Outcome::local(format!("the command cannot be started: {error}")),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut group = Group(group);
    let mut output = child.stdout.take();
    let mut line = Vec::new();
    let ended = {
        let run = async {
            tokio::select! {
                status = child.wait() => {
                    // What it wrote last may not have been read yet.
                    let _ = timeout(REST, read(output.as_mut(), &mut line)).await;
                    status
                }
                // All of its output is closed or read: only its end is left.
                () = read(output.as_mut(), &mut line) => {
                    drop(output.take());
                    child.wait().await
                }
            }
        };
        timeout_at(deadline, run).await
    };
    match ended {
        Ok(Ok(status)) => {
            group.kill();
            judge(exec, status, &line)
        }
        Ok(Err(error)) => Outcome::local(error.to_string()),
        Err(_) => {
            // Its end takes no time from the next check.
            tokio::spawn(end(child, group));
            Outcome::failed(Code::ProcessTimeout, "the command did not end in time")
        }
    }
}

fn start(server: SocketAddrV4, exec: &Exec, user: Option<User>) -> std::io::Result<Child> {
    let (program, arguments) =
        exec.command.split_first().ok_or_else(|| std::io::Error::other("it is empty"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("TANDEM_ADDRESS", server.ip().to_string())
        .env("TANDEM_PORT", server.port().to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command.spawn()
}

/// A process group, which is killed when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // There may be nobody left in it.
            let _ = kill_process_group(group, signal);
        }
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends a command that does not end by itself.
async fn end(mut child: Child, mut group: Group) {
    group.signal(Signal::TERM);
    let _ = timeout(GRACE, child.wait()).await;
    group.kill();
    // It is gone; this takes its exit code from the system.
    let _ = timeout(GRACE, child.wait()).await;
}

/// Reads what comes, and keeps the beginning. Ends with the output, or when there is too much.
async fn read(output: Option<&mut ChildStdout>, line: &mut Vec<u8>) {
    let Some(output) = output else { return };
    let (mut piece, mut total) = ([0; 4096], 0);
    while let Ok(length @ 1..) = output.read(&mut piece).await {
        let room = KEPT.saturating_sub(line.len()).min(length);
        line.extend_from_slice(piece.get(..room).unwrap_or_default());
        total += length;
        if total >= READ {
            return;
        }
    }
}

fn judge(exec: &Exec, status: ExitStatus, line: &[u8]) -> Outcome {
    let line = String::from_utf8_lossy(line);
    let line = words::clean(line.lines().next().unwrap_or_default());
    let text = |what: String| if line.is_empty() { what } else { format!("{what}: {line}") };
    match status.code() {
        Some(0) => Outcome::passed(Code::ProcessOk, text("exit code 0".to_owned())),
        Some(code @ 2..=255) if exec.dynamic => {
            let weight = u16::try_from(code - 2).ok().map(DynamicWeight::Absolute);
            let words = Words { weight, ..Words::default() };
            let text = text(format!("exit code {code}"));
            Outcome::passed(Code::ProcessOk, text).with_words(words)
        }
        Some(code) => Outcome::failed(Code::ProcessError, text(format!("exit code {code}"))),
        None => Outcome::failed(Code::ProcessError, text("ended by a signal".to_owned())),
    }
}
