//! Guards what the pieces of a packet's way cost, in instructions.
//!
//! ```text
//! cargo run --release -p pieces               compare with instructions.toml
//! cargo run --release -p pieces -- --write    take new counts
//! ```
//!
//! Time depends on the machine and on what else it does; the number of instructions does
//! not. The program runs itself under valgrind, which counts in [`operations`] alone. Code
//! differs between compilers, so with another than the file names nothing is compared.

#![allow(clippy::expect_used, reason = "what cannot be made cannot be measured")]

mod callgrind;
mod expected;
mod operations;

use std::env;
use std::process::{Command, ExitCode};

use expected::Expected;
use operations::{OPERATIONS, TIMES};

/// How much more than expected an operation may take, in percent.
const TOLERANCE: f64 = 3.0;

fn main() -> ExitCode {
    let is_asked = |what| env::args().skip(1).any(|argument| argument == what);
    if is_asked(callgrind::COUNTED) {
        operations::run(callgrind::counted_by_callgrind);
        return ExitCode::SUCCESS;
    }
    match guard(is_asked("--write")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn guard(write: bool) -> Result<(), String> {
    if cfg!(debug_assertions) || !cfg!(all(target_feature = "aes", target_feature = "avx2")) {
        return Err("this is not the code that is shipped: build it with --release, and \
                    without RUSTFLAGS, which replace those of .cargo/config.toml"
            .into());
    }
    let rustc = rustc()?;
    if write {
        let counts = count()?;
        for ((name, meaning), count) in OPERATIONS.iter().zip(&counts) {
            println!("{name:<13} {count:>8.1}  {meaning}");
        }
        return expected::write(&rustc, &counts);
    }
    let expected = expected::read()?;
    if expected.rustc != rustc {
        println!(
            "instructions: skipped. The counts are those of {}, and this is {rustc}, which makes \
             other code. `make instructions-write` takes its counts.",
            expected.rustc
        );
        return Ok(());
    }
    compare(&expected, &count()?)
}

/// The compiler that cargo uses.
fn rustc() -> Result<String, String> {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let run = Command::new(program).arg("--version").output();
    let run = run.map_err(|error| format!("rustc does not start: {error}"))?;
    Ok(String::from_utf8_lossy(&run.stdout).trim().to_owned())
}

/// Instructions of each operation, to a tenth.
fn count() -> Result<Vec<f64>, String> {
    let totals = callgrind::run()?;
    if totals.len() != OPERATIONS.len() {
        let (found, named) = (totals.len(), OPERATIONS.len());
        return Err(format!("callgrind counted {found} operations, and {named} have a name"));
    }
    let each = |total: u64| (total as f64 * 10.0 / f64::from(TIMES)).round() / 10.0;
    Ok(totals.into_iter().map(each).collect())
}

/// Prints expected and counted side by side; the error names what takes too much.
fn compare(expected: &Expected, counts: &[f64]) -> Result<(), String> {
    println!("{:<13} {:>8} {:>8} {:>8}", "operation", "expected", "counted", "%");
    let (mut wrong, mut better) = (Vec::new(), Vec::new());
    for ((name, meaning), &count) in OPERATIONS.iter().zip(counts) {
        let Some(&before) = expected.counts.get(*name) else {
            println!("{name:<13} {:>8} {count:>8.1}", "none");
            wrong.push(format!("{name} is not in instructions.toml"));
            continue;
        };
        let change = (count / before - 1.0) * 100.0;
        println!("{name:<13} {before:>8.1} {count:>8.1} {change:>+8.1}");
        if change > TOLERANCE {
            wrong.push(format!(
                "{name} takes {count:.1} instructions, {change:.1} % more than {before:.1} \
                 ({meaning})"
            ));
        } else if change < -TOLERANCE {
            better.push(*name);
        }
    }
    let is_unknown = |name: &&String| OPERATIONS.iter().all(|(known, _)| known != name);
    let unknown = expected.counts.keys().filter(is_unknown);
    wrong.extend(unknown.map(|name| format!("{name} of instructions.toml is not an operation")));
    if !better.is_empty() {
        let better = better.join(", ");
        println!("over {TOLERANCE} % better, to be kept with `make instructions-write`: {better}");
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nIf that is what it should take, `make instructions-write` takes the new counts over; \
         say in the commit why.",
        wrong.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(each: f64) -> Expected {
        let counts = OPERATIONS.iter().map(|(name, _)| ((*name).to_owned(), each)).collect();
        Expected { rustc: String::new(), counts }
    }

    const COUNTED: [f64; OPERATIONS.len()] = [100.0; OPERATIONS.len()];

    #[test]
    fn more_than_the_tolerance_is_an_error_that_names_the_operation() {
        assert_eq!(compare(&expected(97.5), &COUNTED), Ok(()));
        assert_eq!(compare(&expected(200.0), &COUNTED), Ok(()));
        let mut one = expected(100.0);
        one.counts.insert("hash".into(), 96.0);
        let error = compare(&one, &COUNTED).unwrap_err();
        assert!(error.starts_with("hash takes 100.0 instructions, 4.2 % more"), "{error}");
    }

    #[test]
    fn file_and_program_must_name_the_same_operations() {
        let mut other = expected(100.0);
        other.counts.remove("hash");
        other.counts.insert("hush".into(), 1.0);
        let error = compare(&other, &COUNTED).unwrap_err();
        assert!(error.contains("hash is not in"), "{error}");
        assert!(error.contains("hush of"), "{error}");
    }

    #[test]
    fn the_file_can_be_read() {
        let expected = expected::read().unwrap();
        assert!(expected.rustc.starts_with("rustc "));
        assert_eq!(expected.counts.len(), OPERATIONS.len());
    }
}
