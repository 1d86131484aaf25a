//! Questions on a terminal.

use std::io::{self, Write};

use crate::error::Error;

/// What the operator answers, without space around it; nothing at the end of the input.
pub(super) fn ask(text: &str, out: &mut dyn Write) -> Result<String, Error> {
    write!(out, "{text}")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Whether the operator says yes.
pub(super) fn is_agreed(text: &str, out: &mut dyn Write) -> Result<bool, Error> {
    let answer = ask(&format!("{text} [y/N] "), out)?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}
