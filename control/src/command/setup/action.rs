//! What setup does, step by step.

use schemars::JsonSchema;
use serde::Serialize;

/// What a file gets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// This text.
    Text(String),
    /// 32 random bytes, which nobody is shown.
    Key,
}

/// One step. Paths are those of the machine, without the root directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Action {
    /// A file is written whole.
    Write {
        path: String,
        content: Content,
        mode: u32,
        why: &'static str,
        /// From now on it is the operator's: the configuration, or a key.
        #[serde(skip)]
        is_operators: bool,
    },
    /// A setting of the running kernel is set, a file in `/sys`.
    Set { path: String, value: String, why: String },
    /// A command is run.
    Run {
        command: Vec<String>,
        /// What takes it back.
        undo: Vec<String>,
        /// The undoing works on files, and waits until all of them are back.
        undo_last: bool,
        why: &'static str,
    },
}

impl Action {
    pub(super) fn write(path: &str, text: String, why: &'static str) -> Self {
        let (path, content) = (path.to_owned(), Content::Text(text));
        Action::Write { path, content, mode: 0o644, why, is_operators: false }
    }

    /// A file that is the operator's from now on.
    pub(super) fn hand_over(path: &str, content: Content, mode: u32, why: &'static str) -> Self {
        Action::Write { path: path.to_owned(), content, mode, why, is_operators: true }
    }

    pub(super) fn run(command: &[&str], undo: &[&str], why: &'static str) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Action::Run { command: words(command), undo: words(undo), undo_last: false, why }
    }

    /// A command that makes something of files, such as `update-grub`: undoing is running it again.
    pub(super) fn refresh(command: &[&str], why: &'static str) -> Self {
        match Self::run(command, command, why) {
            Action::Run { command, undo, why, .. } => {
                Action::Run { command, undo, undo_last: true, why }
            }
            other => other,
        }
    }

    /// The step in a few words, for the line that says that it is done or failed.
    pub(super) fn title(&self) -> String {
        match self {
            Action::Write { path, .. } => format!("write {path}"),
            Action::Set { path, value, .. } => format!("set {path} to {value}"),
            Action::Run { command, .. } => format!("run {}", command.join(" ")),
        }
    }
}
