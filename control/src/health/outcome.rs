//! How one probe ended.

use core::time::Duration;

use super::report::Code;
use super::words::Words;

/// What a probe means for the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is well.
    Passed,
    /// It has answered, and is not well.
    Failed,
    /// It has not answered: it, or the network on the way, has failed.
    Silent,
    /// The probe could not be made. That says nothing of the server.
    Local,
}

/// How one probe ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    pub code: Code,
    /// In words.
    pub text: String,
    pub duration: Duration,
    /// What an agent, a file or a command asked for.
    pub words: Option<Words>,
    /// What an operator should hear of, though the server is well.
    pub warning: Option<String>,
}

impl Outcome {
    #[must_use]
    pub fn new(verdict: Verdict, code: Code, text: impl Into<String>) -> Self {
        Outcome {
            verdict,
            code,
            text: text.into(),
            duration: Duration::ZERO,
            words: None,
            warning: None,
        }
    }

    #[must_use]
    pub fn passed(code: Code, text: impl Into<String>) -> Self {
        Outcome::new(Verdict::Passed, code, text)
    }

    #[must_use]
    pub fn failed(code: Code, text: impl Into<String>) -> Self {
        Outcome::new(Verdict::Failed, code, text)
    }

    #[must_use]
    pub fn silent(code: Code, text: impl Into<String>) -> Self {
        Outcome::new(Verdict::Silent, code, text)
    }

    #[must_use]
    pub fn local(text: impl Into<String>) -> Self {
        Outcome::new(Verdict::Local, Code::Local, text)
    }

    #[must_use]
    pub fn with_words(self, words: Words) -> Self {
        Outcome { words: Some(words), ..self }
    }
}
