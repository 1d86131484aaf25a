//! Starts a process again as soon as it has ended, as a service manager does.

use rustix::process::Signal;

use crate::namespace::signal;
use crate::{Error, Namespace, wait_until};

/// Runs a command for ever, and writes the number of its process into a file. It gives up
/// when the command says that its configuration has mistakes.
const LOOP: &str = "
file=$1; shift
while :; do
    \"$@\" & echo $! > \"$file\"
    wait $!; code=$?
    echo \"supervisor: ended with $code\"
    [ $code = 2 ] && exit 2
    [ -e \"$file.once\" ] && exit
done";

/// A process and what keeps it running.
#[derive(Clone, Debug)]
pub struct Supervised {
    namespace: Namespace,
    /// Base of the files: `/run/tandem-lab/a/control`.
    base: String,
    log: String,
}

impl Supervised {
    pub(super) fn new(namespace: Namespace, folder: &str, name: &str) -> Self {
        let machine = folder.rsplit('/').next().unwrap_or_default();
        let log = format!("{machine}/{name}.log");
        Supervised { namespace, base: format!("{folder}/{name}"), log }
    }

    /// Starts it; with `again`, again and again.
    pub(super) fn start(&self, again: bool, words: &[&str]) -> Result<(), Error> {
        let (file, once) = (format!("{}.pid", self.base), format!("{}.pid.once", self.base));
        for old in [&file, &once] {
            let _ = std::fs::remove_file(old);
        }
        if !again {
            crate::namespace::write(&once, "")?;
        }
        let mut all = vec!["bash", "-c", LOOP, "supervise", &file];
        all.extend(words);
        let supervisor = self.namespace.serve(&self.log, &all)?;
        crate::namespace::write(&format!("{}.supervisor", self.base), &supervisor.to_string())?;
        wait_until(&format!("{} has started", self.base), 20, || self.process().is_some())
    }

    fn number(&self, what: &str) -> Option<u32> {
        std::fs::read_to_string(format!("{}.{what}", self.base)).ok()?.trim().parse().ok()
    }

    /// Its process, the latest one.
    pub fn process(&self) -> Option<u32> {
        self.number("pid")
    }

    /// True while the process is there.
    pub fn runs(&self) -> bool {
        self.process().is_some_and(is_there)
    }

    /// Sends its process a signal.
    pub fn signal(&self, name: Signal) {
        if let Some(process) = self.process() {
            signal(name, process);
        }
    }

    /// Ends the supervisor, so that the next end of the process is final.
    pub fn forsake(&self) {
        if let Some(supervisor) = self.number("supervisor") {
            signal(Signal::KILL, supervisor);
        }
    }

    /// The end of its log.
    pub fn last_words(&self, lines: usize) -> String {
        let log = std::fs::read_to_string(format!("{}.log", self.base)).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n  ")
    }
}

/// True for a process that runs. One that has ended and was not waited for is a Z.
fn is_there(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}
