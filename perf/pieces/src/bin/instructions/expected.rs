//! The file of what is expected, `instructions.toml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use toml::de::{DeTable, DeValue};

use crate::operations::OPERATIONS;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");

/// What the file says.
pub(crate) struct Expected {
    /// The compiler whose code was counted, as `rustc --version` names it.
    pub(crate) rustc: String,
    /// Instructions by the operation's name.
    pub(crate) counts: BTreeMap<String, f64>,
}

pub(crate) fn read() -> Result<Expected, String> {
    let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let table = DeTable::parse(&text).map_err(|error| format!("{FILE}: {error}"))?;
    parse(table.get_ref()).ok_or_else(|| {
        format!("{FILE}: `rustc` should be a string and `instructions` a table of numbers")
    })
}

fn parse(table: &DeTable<'_>) -> Option<Expected> {
    let value = |name: &str| table.get(name).map(|value| value.get_ref());
    let number = |value: &DeValue<'_>| value.as_float()?.as_str().parse().ok();
    let counts = value("instructions")?.as_table()?.iter();
    let counts = counts
        .map(|(name, count)| Some((name.get_ref().clone().into_owned(), number(count.get_ref())?)));
    Some(Expected {
        rustc: value("rustc")?.as_str()?.to_owned(),
        counts: counts.collect::<Option<_>>()?,
    })
}

/// Writes the file anew, with these counts in the order of the operations.
pub(crate) fn write(rustc: &str, counts: &[f64]) -> Result<(), String> {
    let mut text = format!(
        "# Instructions of each operation, as valgrind counts them in the optimized build.\n\
         # `make instructions` compares; `make instructions-write` takes new counts.\n\
         \n\
         rustc = \"{rustc}\"\n\
         \n\
         [instructions]\n"
    );
    for ((name, meaning), count) in OPERATIONS.iter().zip(counts) {
        let _ = write!(text, "# {meaning}\n{name} = {count:.1}\n");
    }
    fs::write(FILE, text).map_err(|error| format!("{FILE}: {error}"))
}
