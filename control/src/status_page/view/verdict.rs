//! Whether all is well, and if not, what is wrong and what to type.

use serde::Serialize;

use super::Seen;
use crate::command::pools;
use crate::command::verdict::{self, Known, State};

/// The most troubles that are sent. Whoever has more starts with these.
const MOST: usize = 20;

/// The machine's state in a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct VerdictView {
    /// `well`, `degraded` or `broken`.
    pub state: &'static str,
    /// Which machine does what: "a is active, b is standby".
    pub summary: String,
    /// What is wrong, the worst first.
    pub troubles: Vec<TroubleView>,
    /// How many there are besides.
    pub more: usize,
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TroubleView {
    /// A sentence without its full stop.
    pub what: String,
    /// The command that tells more.
    pub command: &'static str,
}

pub(super) fn of(seen: &Seen) -> VerdictView {
    let known = match &seen.pair {
        None => Known::Alone,
        Some(Ok(pair)) => Known::Pair(Box::new(pair.clone())),
        Some(Err(why)) => Known::Silent(why.clone()),
    };
    let trouble = || seen.trouble.clone().unwrap_or_else(|| "it does not answer".to_owned());
    let status = seen.status.clone().ok_or_else(trouble);
    let verdict = verdict::of(status, known, Vec::new());
    let servers = seen.pools.as_ref().map_or_else(Vec::new, pools::troubles);
    let state = if servers.is_empty() { verdict.state } else { verdict.state.max(State::Degraded) };
    let told = |command| {
        move |what: String| {
            // On the command line a sentence may have lines.
            let what = what.trim_end_matches('.').replace('\n', " ");
            TroubleView { what, command }
        }
    };
    let command = if seen.status.is_some() { "tandem status" } else { "tandem doctor" };
    let mut troubles: Vec<_> = verdict.reasons.into_iter().map(told(command)).collect();
    troubles.extend(servers.into_iter().map(told("tandem services")));
    let more = troubles.len().saturating_sub(MOST);
    troubles.truncate(MOST);
    let state = match state {
        State::Well => "well",
        State::Degraded => "degraded",
        State::Broken => "broken",
    };
    VerdictView { state, summary: verdict.summary, troubles, more }
}

#[cfg(test)]
mod tests {
    use api::{Pair, Status};

    use super::*;

    #[test]
    fn a_dataplane_that_does_not_answer_is_the_worst() {
        let seen = Seen { trouble: Some("its socket fails".to_owned()), ..Seen::default() };
        let verdict = of(&seen);
        assert_eq!(verdict.state, "broken");
        assert_eq!(verdict.troubles[0].what, "its socket fails");
        assert_eq!(verdict.troubles[0].command, "tandem doctor");
    }

    #[test]
    fn all_is_well_on_one_machine_and_not_where_the_peer_is_missing() {
        let status = Status { node: "a".to_owned(), ..Status::default() };
        let alone = Seen { status: Some(status), ..Seen::default() };
        assert_eq!((of(&alone).state, of(&alone).troubles.len()), ("well", 0));
        let pair = Some(Ok(Pair::default()));
        let lonely = Seen { pair, ..alone };
        assert_ne!(of(&lonely).state, "well");
    }
}
