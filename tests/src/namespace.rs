//! Network namespaces and what runs in them.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, FOLDER, wait_until};

/// A network namespace of the lab: one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespace(pub &'static str);

/// What a command said.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Output {
    /// True if it succeeded.
    pub fn ok(&self) -> bool {
        self.status.success()
    }

    /// Both streams, for messages.
    pub fn words(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A command that goes on in the background; ended when dropped.
#[derive(Debug)]
pub struct Task {
    /// There until it has been waited for.
    child: Option<Child>,
    id: u32,
    program: String,
}

impl Task {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], if it cannot be waited for.
    pub fn finish(mut self) -> Result<Output, Error> {
        let ended = match self.child.take() {
            Some(child) => child.wait_with_output(),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let program = self.program.clone();
        ended.map(Output::from).map_err(|source| Error::Start { program, source })
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    ///
    /// As [`Task::finish`].
    pub fn stop(self) -> Result<Output, Error> {
        signal(Signal::TERM, self.id);
        self.finish()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself just now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal to a process that the lab started.
pub fn signal(signal: Signal, process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    // A process that is gone already is as good as one that ends now.
    let _ = process.map(|process| kill_process(process, signal));
}

/// Starts a server of the machine; otherwise as [`Namespace::serve`].
pub(crate) fn serve(log: &str, words: &[&str]) -> Result<u32, Error> {
    let path = format!("{FOLDER}/{log}");
    let file = File::create(&path).map_err(Error::file(&path))?;
    let errors = file.try_clone().map_err(Error::file(&path))?;
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(file).stderr(errors);
    let failed = |source| Error::Start { program: words[0].to_owned(), source };
    Ok(command.spawn().map_err(failed)?.id())
}

/// Runs a command of the machine to its end; an error if it fails.
pub(crate) fn must(words: &[&str]) -> Result<Output, Error> {
    let output = run(Command::new(words[0]).args(&words[1..]), words[0])?;
    if output.ok() {
        return Ok(output);
    }
    Err(Error::Command { command: words.join(" "), words: output.words() })
}

fn run(command: &mut Command, program: &str) -> Result<Output, Error> {
    let failed = |source| Error::Start { program: program.to_owned(), source };
    command.stdin(Stdio::null()).output().map(Output::from).map_err(failed)
}

impl Namespace {
    fn command(self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.0]).args(words);
        command
    }

    /// Makes it, with its loopback up and without IPv6.
    pub(crate) fn create(self) -> Result<(), Error> {
        must(&["ip", "netns", "add", self.0])?;
        self.must(&["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])?;
        self.must(&["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])?;
        must(&["ip", "-n", self.0, "link", "set", "lo", "up"]).map(|_| ())
    }

    /// Ends everything in it and removes it; nothing is left if it was not there.
    pub(crate) fn remove(self) -> Result<(), Error> {
        let file = format!("/run/netns/{}", self.0);
        if !std::path::Path::new(&file).exists() {
            return Ok(());
        }
        // More than once: a server that is ended may just have started another process.
        wait_until(&format!("every process in {} has ended", self.0), 30, || {
            let processes = self.processes();
            processes.iter().for_each(|process| signal(Signal::KILL, *process));
            processes.is_empty()
        })?;
        must(&["ip", "netns", "del", self.0]).map(|_| ())
    }

    /// The processes in it: none if it is only half made, as a crash leaves it.
    pub(crate) fn processes(self) -> Vec<u32> {
        let pids = must(&["ip", "netns", "pids", self.0]).map(|output| output.stdout);
        pids.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Runs a command to its end, whatever the end.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], if it does not start.
    pub fn run(self, words: &[&str]) -> Result<Output, Error> {
        run(&mut self.command(words), words[0])
    }

    /// The same for a line of shell.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn sh(self, line: &str) -> Result<Output, Error> {
        self.run(&["bash", "-c", line])
    }

    /// Runs a command that has to succeed.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what it said.
    pub fn must(self, words: &[&str]) -> Result<Output, Error> {
        let output = self.run(words)?;
        if output.ok() {
            return Ok(output);
        }
        let command = format!("{} in {}", words.join(" "), self.0);
        Err(Error::Command { command, words: output.words() })
    }

    /// Starts a command whose output is read at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn spawn(self, words: &[&str]) -> Result<Task, Error> {
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = words[0].to_owned();
        let failed = |source| Error::Start { program: program.clone(), source };
        let child = command.spawn().map_err(failed)?;
        Ok(Task { id: child.id(), child: Some(child), program })
    }

    /// Starts a server that outlives this process; its output goes to a log in the lab's
    /// folder. Returns its process.
    pub(crate) fn serve(self, log: &str, words: &[&str]) -> Result<u32, Error> {
        serve(log, &[&["ip", "netns", "exec", self.0][..], words].concat())
    }

    /// Runs a Python program, given as text.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what it said.
    pub fn python(self, program: &str, arguments: &[&str]) -> Result<Output, Error> {
        let mut words = vec!["python3", "-c", program];
        words.extend(arguments);
        self.must(&words)
    }

    /// Frames that an interface in it has received.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], when there is no such interface.
    pub fn received(self, interface: &str) -> Result<u64, Error> {
        let text = self.must(&["cat", "/proc/net/dev"])?.stdout;
        let counts = text.lines().find_map(|line| {
            line.trim().strip_prefix(interface)?.strip_prefix(':')?.split_whitespace().nth(1)
        });
        counts.and_then(|count| count.parse().ok()).ok_or_else(|| Error::Command {
            command: "cat /proc/net/dev".to_owned(),
            words: format!("there is no {interface}"),
        })
    }

    /// Starts a Python program.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn spawn_python(self, program: &str, arguments: &[&str]) -> Result<Task, Error> {
        let mut words = vec!["python3", "-c", program];
        words.extend(arguments);
        self.spawn(&words)
    }
}

/// Writes a file of the lab.
pub(crate) fn write(path: &str, text: &str) -> Result<(), Error> {
    let mut file = File::create(path).map_err(Error::file(path))?;
    file.write_all(text.as_bytes()).map_err(Error::file(path))
}
