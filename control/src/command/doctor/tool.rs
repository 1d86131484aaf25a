//! Other programs that know something of the machine.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A manager that hangs must not hang the doctor.
const PATIENCE: Duration = Duration::from_secs(5);
/// What changes the machine, such as update-grub, takes its time.
const LONG: Duration = Duration::from_secs(180);

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
    let output = child.stdout.take().map(drain);
    let errors = child.stderr.take().map(drain);
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} did not end within {} s", patience.as_secs()));
            }
            Err(error) => return Err(format!("{program} was lost: {error}")),
        }
    };
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    let (output, errors) = (text(output), text(errors));
    if status.success() {
        return Ok(output);
    }
    let said = errors.lines().chain(output.lines()).find(|line| !line.trim().is_empty());
    Err(format!("{program} failed: {}", said.map_or(status.to_string(), str::to_owned)))
}

/// Reads beside the waiting, so that a full pipe stops nobody.
fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
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
}
