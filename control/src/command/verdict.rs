//! Whether the machine is well, in one line and an exit code: `tandem status --brief`.

use std::io;

use api::client::ClientError;
use api::{NicState, Pair, Role, Status, SyncLink};
use serde::Serialize;

use super::Context;
use crate::error::Error;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It forwards, or would at once, and so would the peer.
    Well,
    /// It does, and something is to be looked at.
    Degraded,
    /// It neither forwards nor could take over.
    Broken,
}

#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    /// Which machine does what.
    pub(crate) summary: String,
    /// What is wrong, the worst first.
    pub(crate) reasons: Vec<String>,
}

/// What is known of the pair.
pub(crate) enum Known {
    Pair(Box<Pair>),
    /// tandem-control answers, and there is no `[peer]`.
    Alone,
    /// tandem-control does not answer.
    Silent(String),
}

impl Known {
    pub(super) fn of(answer: Result<Pair, ClientError>) -> Self {
        match answer {
            Ok(pair) => Known::Pair(Box::new(pair)),
            Err(ClientError::Failed(_)) => Known::Alone,
            Err(error) => Known::Silent(Error::describe_control(&error)),
        }
    }
}

pub(crate) fn of(status: Result<Status, String>, known: Known, troubles: Vec<String>) -> Verdict {
    let mut verdict = Verdict { state: State::Well, summary: String::new(), reasons: Vec::new() };
    match status {
        Ok(status) => {
            verdict.summary = format!("{} is {}", status.node, status.role);
            // Without a pair there is nobody else who could be active.
            if !matches!(known, Known::Pair(_)) && status.role != Role::Active {
                verdict.add(State::Broken, format!("this machine is {}", status.role));
            }
            for nic in status.nics.iter().filter(|nic| !nic.link_up) {
                let what = match nic.state {
                    NicState::Present => "link is down",
                    NicState::Reset => "NIC was reset",
                    NicState::Removed => "NIC was removed",
                };
                verdict.add(State::Degraded, format!("the {} {what}", nic.side));
            }
        }
        Err(error) => {
            "the dataplane does not answer".clone_into(&mut verdict.summary);
            verdict.add(State::Broken, error);
        }
    }
    match known {
        Known::Pair(pair) => verdict.add_pair(&pair),
        Known::Alone => {}
        Known::Silent(why) => verdict.add(State::Degraded, why),
    }
    for trouble in troubles {
        verdict.add(State::Degraded, trouble);
    }
    verdict
}

impl Verdict {
    fn add(&mut self, state: State, reason: String) {
        self.state = self.state.max(state);
        self.reasons.push(reason);
    }

    fn add_pair(&mut self, pair: &Pair) {
        let own = &pair.own;
        if !own.ready {
            let why = own.obstacles.join("; ");
            // Better than none: it takes over from a machine that cannot forward.
            let holds_part = own.role == Role::Standby
                && pair.sync.dataplane.missing > 0
                && own.obstacles.len() == 1;
            let state = if holds_part { State::Degraded } else { State::Broken };
            self.add(state, format!("{} is not ready: {why}", own.name));
        }
        for member in [Some(own), pair.peer.as_ref()].into_iter().flatten() {
            if let Some(why) = &member.damped {
                self.add(State::Degraded, format!("{} is damped: {why}", member.name));
            }
        }
        if let Some(not_understood) = &pair.not_understood {
            self.add(State::Degraded, not_understood.why.clone());
        } else if !pair.paths.iter().any(|path| path.up) {
            self.add(State::Degraded, "no heartbeat of the peer arrives".to_owned());
        } else if let Some(peer) = &pair.peer {
            self.summary.push_str(&format!(", {} is {}", peer.name, peer.role));
            if !peer.ready {
                let why = peer.obstacles.join("; ");
                self.add(State::Degraded, format!("{} is not ready: {why}", peer.name));
            }
            for path in pair.paths.iter().filter(|path| !path.up) {
                let line = format!("no heartbeat from {} to {}", path.remote, path.local);
                self.add(State::Degraded, line);
            }
            if pair.sync.link == SyncLink::Down {
                let why = pair.sync.trouble.as_deref().unwrap_or("it is not open yet");
                self.add(State::Degraded, format!("connection sync is down: {why}"));
            }
        }
        for warning in &pair.warnings {
            self.add(State::Degraded, warning.clone());
        }
    }

    pub(super) fn answer(&self, context: &mut Context<'_>) -> Result<(), Error> {
        context.answer(self, |verdict, out| verdict.write(out))?;
        match self.state {
            State::Well => Ok(()),
            State::Degraded => Err(Error::FoundWrong),
            State::Broken => Err(Error::Broken),
        }
    }

    fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let word = match self.state {
            State::Well => "WELL",
            State::Degraded => "DEGRADED",
            State::Broken => "BROKEN",
        };
        write!(out, "{word}: {}", self.summary)?;
        for reason in &self.reasons {
            write!(out, "; {}", reason.trim_end_matches('.').replace('\n', " "))?;
        }
        writeln!(out)
    }
}
