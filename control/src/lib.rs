//! The command line.
//!
//! `tandem` asks the dataplane over its control socket and shows the answer: as
//! tables for people, or with `--json` as the answer itself. `tandem check` needs no
//! dataplane. Each command is one file in [`command`]; what it writes with is in
//! [`output`].

pub mod command;
pub mod error;
pub mod output;
