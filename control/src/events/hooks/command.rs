//! A command that runs at an event.
//!
//! It gets a process group of its own, which is killed when the command ends or its time is over:
//! what it has started in the group does not outlive it. Its output is read and thrown away but for
//! a line; one that writes without end is cut off.

use core::time::Duration;
use std::process::{ExitStatus, Stdio};

use api::Event;
use config::{Hook, HookCommand};
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::environment;
use crate::health::probe::exec::User;
use crate::health::words;

/// How long a command may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);
/// How long the rest of the output of a command that has ended is waited for.
const REST: Duration = Duration::from_millis(50);
/// How much of the output is kept, and how much is read at all.
const KEPT: usize = 4096;
const READ: usize = 1024 * 1024;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the command for the event, so long at the most.
///
/// # Errors
/// Why it has not taken the event, without a full stop.
pub(super) async fn run(
    hook: &str,
    command: &HookCommand,
    event: &Event,
    patience: Duration,
) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    let mut child = start(hook, command, event)?;
    let mut group = Group::of(&child);
    let json = serde_json::to_vec(event).map_err(|error| error.to_string())?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut said = [Vec::new(), Vec::new()];
    let ended = {
        let [out, err] = &mut said;
        let talk = async {
            tokio::join!(write(input, json), read(output, out), read(errors, err));
        };
        let mut talk = core::pin::pin!(talk);
        let run = async {
            tokio::select! {
                status = child.wait() => {
                    // What it wrote last may not have been read yet; others may have it open.
                    let _ = timeout(REST, &mut talk).await;
                    status
                }
                () = &mut talk => child.wait().await,
            }
        };
        timeout_at(deadline, run).await
    };
    match ended {
        Ok(Ok(status)) => {
            group.kill();
            judge(status, &said)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            group.signal(Signal::TERM);
            let _ = timeout(GRACE, child.wait()).await;
            group.kill();
            // It is gone; this takes its exit code from the system.
            let _ = timeout(GRACE, child.wait()).await;
            Err(format!("the command did not end within {} s, and was killed", secs(patience)))
        }
    }
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn start(hook: &str, hooked: &HookCommand, event: &Event) -> Result<Child, String> {
    let (program, arguments) = hooked.command.split_first().ok_or("the command is empty")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(environment::of(hook, event))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(User { uid, gid }) = user(hooked)? {
        // With this its further groups are gone as well.
        command.uid(uid).gid(gid);
    }
    command.spawn().map_err(|error| format!("{program} cannot be started: {error}"))
}

/// Whom it runs as; none: as this process, which is not root.
fn user(hooked: &HookCommand) -> Result<Option<User>, String> {
    match &hooked.user {
        Some(name) => User::find(name).map(Some),
        None if geteuid().is_root() => User::find(Hook::USER).map(Some),
        None => Ok(None),
    }
}

/// A process group, which is killed when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

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

/// Gives the event to a command that need not read it.
async fn write(input: Option<ChildStdin>, mut json: Vec<u8>) {
    let Some(mut input) = input else { return };
    json.push(b'\n');
    let _ = input.write_all(&json).await;
}

/// Reads what comes, and keeps the beginning. Ends with the output, or when there is too much.
async fn read(output: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let (mut piece, mut total) = ([0; 4096], 0);
    while let Ok(length @ 1..) = output.read(&mut piece).await {
        let room = KEPT.saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(piece.get(..room).unwrap_or_default());
        total += length;
        if total >= READ {
            return;
        }
    }
}

fn judge(status: ExitStatus, said: &[Vec<u8>; 2]) -> Result<(), String> {
    let what = match status.code() {
        Some(0) => return Ok(()),
        Some(code) => format!("exit code {code}"),
        None => "ended by a signal".to_owned(),
    };
    let [out, err] = said.each_ref().map(|said| {
        let text = String::from_utf8_lossy(said);
        let line = text.lines().rev().find(|line| !line.trim().is_empty()).map(words::clean);
        line.unwrap_or_default()
    });
    let line = if err.is_empty() { out } else { err };
    Err(if line.is_empty() { what } else { format!("{what}: {line}") })
}
