//! Counting instructions with valgrind's callgrind.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The argument with which the program is to do nothing but what is counted.
pub(crate) const COUNTED: &str = "--counted";

/// The one function in which callgrind counts, and after each of whose calls it writes down
/// what it has.
#[inline(never)]
pub(crate) fn counted_by_callgrind(operation: &mut dyn FnMut()) {
    operation();
    // Without this the call above would be a jump out of here, and nothing be counted.
    core::hint::black_box(());
}

/// Runs this program again under callgrind: the instructions of each call, in turn.
pub(crate) fn run() -> Result<Vec<u64>, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = env::temp_dir().join(format!("tandem-instructions-{}", std::process::id()));
    let counts = count(&program, &output);
    let _ = fs::remove_file(&output);
    counts
}

fn count(program: &Path, output: &Path) -> Result<Vec<u64>, String> {
    // With a pattern in place of the whole name callgrind would take one of the two options.
    let function = concat!(module_path!(), "::counted_by_callgrind");
    let mut file = OsStr::new("--callgrind-out-file=").to_owned();
    file.push(output);
    // Nothing of the environment: it moves the stack.
    let run = Command::new("valgrind")
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .args(["--tool=callgrind", "--combine-dumps=yes"])
        .arg(format!("--toggle-collect={function}"))
        .arg(format!("--dump-after={function}"))
        .arg(file)
        .arg(program)
        .arg(COUNTED)
        .output()
        .map_err(|error| format!("valgrind does not start ({error}): run `make setup`"))?;
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stderr);
        return Err(format!("valgrind ended with {}:\n{said}", run.status));
    }
    let profile = fs::read_to_string(output)
        .map_err(|error| format!("callgrind left no profile in {}: {error}", output.display()))?;
    Ok(totals(&profile))
}

/// The total of each part that a call ended.
fn totals(profile: &str) -> Vec<u64> {
    let mut totals = Vec::new();
    let mut is_of_a_call = false;
    for line in profile.lines() {
        if let Some(trigger) = line.strip_prefix("desc: Trigger: ") {
            is_of_a_call = trigger.starts_with("--dump-after");
        } else if let Some(total) = line.strip_prefix("totals: ") {
            totals.extend(total.trim().parse::<u64>().ok().filter(|_| is_of_a_call));
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_call_ended_is_a_count() {
        let part =
            |trigger, total| format!("part: 1\ndesc: Trigger: {trigger}\n\ntotals: {total}\n");
        let profile = part("--dump-after=f", 4096)
            + &part("--dump-after=f", 8192)
            + &part("Program termination", 5);
        assert_eq!(totals(&profile), [4096, 8192]);
    }
}
