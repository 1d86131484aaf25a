//! Whether the machine is well, what is wrong, and what to type.

use schemars::JsonSchema;
use serde::Serialize;

use super::known::{Known, KnownPair};
use super::trouble::{State, Trouble};
use super::{machine, pair, servers};
use crate::command::rates::Rates;
use crate::error::Error;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(crate) struct Verdict {
    /// How the machine is: as bad as the worst trouble.
    pub(crate) state: State,
    /// Which machine does what.
    pub(crate) summary: String,
    /// What is wrong, the worst first.
    pub(crate) troubles: Vec<Trouble>,
}

/// Judges what is known; and what is lost just now, where there are rates.
pub(crate) fn of(known: &Known, rates: Option<&Rates>) -> Verdict {
    let mut troubles = machine::troubles(known);
    troubles.extend(rates.into_iter().flat_map(machine::losses));
    match &known.pair {
        KnownPair::Pair(pair) => troubles.extend(pair::troubles(pair)),
        KnownPair::Alone(_) => {}
        KnownPair::Silent(silence) => troubles.push(pair::silent(silence)),
    }
    troubles.extend(servers::troubles(known));
    // Within a state the order of finding stays: the machine, the pair, the servers.
    troubles.sort_by_key(|trouble| core::cmp::Reverse(trouble.state));
    let state = troubles.first().map_or(State::Well, |worst| worst.state);
    Verdict { state, summary: summary(known), troubles }
}

/// `a is active, b is standby`.
fn summary(known: &Known) -> String {
    let own = match &known.status {
        Ok(status) => format!("{} is {}", status.node, status.role),
        Err(_) => "the dataplane does not answer".to_owned(),
    };
    let peer = known.pair.pair().filter(|pair| pair.not_understood.is_none());
    let heard = peer.filter(|pair| pair.paths.iter().any(|path| path.up));
    match heard.and_then(|pair| pair.peer.as_ref()) {
        Some(peer) => format!("{own}, {} is {}", peer.name, peer.role),
        None => own,
    }
}

impl Verdict {
    /// 0 well, 1 degraded, 2 broken.
    pub(crate) fn outcome(&self) -> Result<(), Error> {
        match self.state {
            State::Well => Ok(()),
            State::Degraded => Err(Error::FoundWrong),
            State::Broken => Err(Error::Broken),
        }
    }

    /// All in one line, for consoles and for monitoring that asks by command.
    pub(crate) fn line(&self) -> String {
        let reasons = self.troubles.iter().map(|trouble| format!("; {}", trouble.what));
        format!("{}: {}{}", self.state.word(), self.summary, reasons.collect::<String>())
    }
}
