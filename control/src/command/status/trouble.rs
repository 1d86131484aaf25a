//! What is wrong, and what to type.

use schemars::JsonSchema;
use serde::Serialize;

/// How a machine is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It forwards, or would at once, and so would the peer.
    Well,
    /// It does, and something is to be looked at.
    Degraded,
    /// It neither forwards nor could take over.
    Broken,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Well => "WELL",
            State::Degraded => "DEGRADED",
            State::Broken => "BROKEN",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(crate) struct Trouble {
    /// How bad it is.
    pub(crate) state: State,
    /// What is wrong, a sentence without its full stop.
    pub(crate) what: String,
    /// What mends it or tells more: commands, and lines that begin with `#` and say in words what
    /// else to do.
    #[serde(rename = "type")]
    pub(crate) remedy: Vec<String>,
}

impl Trouble {
    pub(super) fn new(state: State, what: impl Into<String>, remedy: &[&str]) -> Self {
        let remedy = remedy.iter().map(|line| (*line).to_owned()).collect();
        let what = what.into().replace('\n', " ");
        // What to type stands below.
        let what = ["; start it with: ", "; look at: "]
            .into_iter()
            .fold(what.as_str(), |what, type_| what.split(type_).next().unwrap_or(what));
        Trouble { state, what: what.trim_end_matches('.').to_owned(), remedy }
    }

    pub(super) fn broken(what: impl Into<String>, remedy: &[&str]) -> Self {
        Trouble::new(State::Broken, what, remedy)
    }

    pub(super) fn degraded(what: impl Into<String>, remedy: &[&str]) -> Self {
        Trouble::new(State::Degraded, what, remedy)
    }

    pub(super) fn and(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.push(remedy.into());
        self
    }
}
