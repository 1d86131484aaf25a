//! What a check has found.

use core::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The dataplane does not start so, or loses packets or its role.
    Wrong,
    /// The dataplane works, and could work better.
    Note,
    /// The check could not be made.
    Unknown,
    /// Nothing is to do.
    Ok,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Wrong => "WRONG",
            State::Note => "note",
            State::Unknown => "unknown",
            State::Ok => "ok",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) state: State,
    /// A name of a few words, the same at every run.
    pub(super) check: String,
    /// What was found.
    pub(super) found: String,
    /// Why it matters: whole sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The commands that mend it, one a line; a line that begins with `#` says what else to do.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        let (check, found) = (check.into(), found.into());
        Finding { state: State::Ok, check, found, why: None, remedy: None }
    }

    pub(super) fn wrong(
        check: impl Into<String>,
        found: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (why, remedy) = (Some(why.into()), Some(remedy.into()));
        Finding { state: State::Wrong, why, remedy, ..Finding::ok(check, found) }
    }

    pub(super) fn note(
        check: impl Into<String>,
        found: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { state: State::Note, ..Finding::wrong(check, found, why, remedy) }
    }

    /// A check that could not be made, and the reason.
    pub(super) fn unknown(check: impl Into<String>, reason: impl fmt::Display) -> Self {
        Finding { state: State::Unknown, ..Finding::ok(check, reason.to_string()) }
    }
}
