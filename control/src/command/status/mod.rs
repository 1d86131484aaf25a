//! `tandem status`: what is wrong first, what to type, and how the machine is, in one screen.
//!
//! [`known`] asks both processes; [`verdict`] judges what they say, with a file for each kind of
//! trouble; [`screen`] and [`full`] show it.

mod full;
mod known;
mod machine;
mod pair;
pub(super) mod screen;
mod servers;
#[cfg(test)]
mod tests;
mod trouble;
mod verdict;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::error::Error;
use crate::output::{colour, terminal};

pub(crate) use known::{Cause, Known, KnownPair, Silence};
pub(super) use known::{ask, pools};
pub(super) use screen::Layout;
pub(crate) use trouble::{State, Trouble};
pub(crate) use verdict::{Verdict, of as judge};

pub(super) const HELP: &str = "\
The first word is the verdict: WELL (exit code 0); DEGRADED (1): this machine forwards or could \
take over, and something is to be looked at; BROKEN (2): it neither forwards nor could take over. \
Below each trouble is what to type.

Examples:
  tandem status
  tandem status --full
  tandem status --brief
  tandem status --json | jq -r '.troubles[].what'";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// One line that says whether all is well
    #[arg(long)]
    brief: bool,

    /// Every trouble, and every number of NICs, workers, machines and paths
    #[arg(long, conflicts_with = "brief")]
    full: bool,
}

/// The answer: the verdict, what the dataplane says where it answers, and the pair where there is
/// one.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(flatten)]
    status: Option<&'a api::Status>,
    /// Both machines, as this one sees them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<&'a api::Pair>,
}

/// An error when the dataplane did not answer.
pub(super) fn unanswered(known: &Known) -> Result<(), Error> {
    match &known.status {
        Ok(_) => Ok(()),
        Err(silence) => Err(Error::Unanswered(silence.words.clone())),
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let known = ask(context.socket)?;
    let verdict = judge(&known, None);
    if context.json && arguments.brief {
        context.schema = "verdict";
        context.answer(&verdict, |_, _| Ok(()))?;
    } else if context.json {
        let status = known.status.as_ref().ok();
        let answer = Answer { verdict: &verdict, status, pair: known.pair.pair() };
        context.answer(&answer, |_, _| Ok(()))?;
    } else if arguments.brief {
        writeln!(context.out, "{}", verdict.line())?;
    } else {
        let size = terminal::size().filter(|_| !arguments.full);
        let layout = Layout { size, has_colours: colour::are_wanted() };
        screen::show(&known, &verdict, None, layout, context.out)?;
        if arguments.full {
            writeln!(context.out)?;
            full::show(&known, context.out)?;
        }
    }
    context.out.flush()?;
    verdict.outcome()
}
