//! Other programs that know something of the machine.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A manager that hangs must not hang the doctor.
const PATIENCE: Duration = Duration::from_secs(5);
/// What changes the machine, such as update-grub, takes its time.
const LONG: Duration = Duration::from_secs(180);
/// For a process that was killed to be gone, and for the rest of what one that ended has written.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a program and returns its output, or a sentence without its full stop.
pub(in crate::command) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    run_within(PATIENCE, program, arguments)
}

/// The same for programs that work for a while.
pub(in crate::command) fn run_for_long(
    program: &str,
    arguments: &[&str],
) -> Result<String, String> {
    run_within(LONG, program, arguments)
}

fn run_within(patience: Duration, program: &str, arguments: &[&str]) -> Result<String, String> {
    let child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{program} is not installed"),
        _ => format!("{program} cannot be run: {error}"),
    })?;
    let output = child.stdout.take().map(Drain::of);
    let errors = child.stderr.take().map(Drain::of);
    let status = match ended(&mut child, patience) {
        Ok(Some(status)) => status,
        Ok(None) => {
            let _ = child.kill();
            // One that waits for a device does not even die.
            let rest = match ended(&mut child, GRACE) {
                Ok(Some(_)) => "",
                _ => ", and cannot be killed",
            };
            return Err(format!("{program} did not end within {} s{rest}", patience.as_secs()));
        }
        Err(error) => return Err(format!("{program} was lost: {error}")),
    };
    let deadline = Instant::now() + GRACE;
    let text = |drain: Option<Drain>| drain.map_or(String::new(), |drain| drain.text(deadline));
    let (output, errors) = (text(output), text(errors));
    if status.success() {
        return Ok(output);
    }
    let said = errors.lines().chain(output.lines()).find(|line| !line.trim().is_empty());
    Err(format!("{program} failed: {}", said.map_or(status.to_string(), str::to_owned)))
}

/// How the process ended; `None` when it did not within this time.
fn ended(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            status => return Ok(status),
        }
    }
}

/// Reads beside the waiting, so that a full pipe stops nobody.
struct Drain {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Drain {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, end) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut part) {
                let Ok(mut bytes) = shared.lock() else { return };
                bytes.extend_from_slice(part.get(..length).unwrap_or_default());
            }
            let _ = sender.send(());
        });
        Drain { bytes, end }
    }

    /// What there is once the pipe is at its end: a process that was left in the background can
    /// hold it open, and is not waited for.
    fn text(&self, deadline: Instant) -> String {
        let _ = self.end.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let bytes = self.bytes.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_answers_fails_hangs_or_is_missing() {
        assert_eq!(run("echo", &["one"]).unwrap(), "one\n");
        let failed = run("sh", &["-c", "echo no bus >&2; exit 3"]).unwrap_err();
        assert_eq!(failed, "sh failed: no bus");
        assert_eq!(run("tandem-none", &[]).unwrap_err(), "tandem-none is not installed");
        let hangs = run_within(Duration::from_millis(50), "sleep", &["60"]).unwrap_err();
        assert!(hangs.starts_with("sleep did not end"), "{hangs}");
    }

    #[test]
    fn what_is_left_in_the_background_is_not_waited_for() {
        let begin = Instant::now();
        assert_eq!(run("sh", &["-c", "sleep 30 & echo one"]).unwrap(), "one\n");
        let hangs = run_within(Duration::from_millis(50), "sh", &["-c", "sleep 30 & sleep 30"]);
        assert!(hangs.unwrap_err().starts_with("sh did not end"));
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }

    #[test]
    fn much_output_is_read_whole() {
        let text = run("sh", &["-c", "seq 1 100000"]).unwrap();
        assert_eq!(text.lines().count(), 100_000);
    }
}
