//! Whether all is well, and if not, what is wrong and what to type, as `tandem status` says it.

use serde::Serialize;

use super::Seen;
use crate::command::status::{self, State, Trouble};

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
    /// `degraded` or `broken`.
    pub state: &'static str,
    /// A sentence without its full stop.
    pub what: String,
    /// What mends it or tells more: commands, and lines that begin with `#` and say in words what
    /// else to do.
    pub remedy: Vec<String>,
}

pub(super) fn of(seen: &Seen) -> VerdictView {
    let mut verdict = status::judge(&seen.known, None);
    let more = verdict.troubles.len().saturating_sub(MOST);
    verdict.troubles.truncate(MOST);
    let view = |Trouble { state, what, remedy }| TroubleView { state: name(state), what, remedy };
    VerdictView {
        state: name(verdict.state),
        summary: verdict.summary,
        troubles: verdict.troubles.into_iter().map(view).collect(),
        more,
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Well => "well",
        State::Degraded => "degraded",
        State::Broken => "broken",
    }
}

#[cfg(test)]
mod tests {
    use api::Status;

    use super::*;
    use crate::command::status::{Cause, Known, KnownPair, Silence};

    fn seen(known: Known) -> Seen {
        Seen { known, ..Seen::default() }
    }

    #[test]
    fn a_dataplane_that_does_not_answer_is_the_worst() {
        let silence = Silence { words: "its socket fails".to_owned(), cause: Cause::Other };
        let verdict = of(&seen(Known { status: Err(silence), ..Known::default() }));
        assert_eq!(verdict.state, "broken");
        assert_eq!(verdict.troubles[0].what, "its socket fails");
        assert!(verdict.troubles[0].remedy[0].starts_with("journalctl"), "{verdict:?}");
    }

    #[test]
    fn all_is_well_on_one_machine_and_not_where_the_peer_is_missing() {
        let status = || Ok(Status { node: "a".to_owned(), ..Status::default() });
        let alone = of(&seen(Known { status: status(), ..Known::default() }));
        assert_eq!((alone.state, alone.troubles.len()), ("well", 0));
        let pair = KnownPair::Pair(Box::default());
        let lonely = of(&seen(Known { status: status(), pair, ..Known::default() }));
        assert_ne!(lonely.state, "well");
    }
}
