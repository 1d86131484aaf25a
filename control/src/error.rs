//! Why a command failed, and with which exit code.

use std::io;
use std::path::PathBuf;

use api::client::ClientError;
use api::{Failure, FailureKind};
use config::Mistakes;
use schemars::JsonSchema;
use serde::Serialize;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are mistakes in a configuration.
    #[error("{}", mistakes(.0))]
    Mistakes(Mistakes),
    /// The same, already written as the command's JSON.
    #[error("{}", mistakes(.0))]
    Reported(Mistakes),
    /// The dataplane was not reached, or did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The dataplane did not answer; why, and what to type.
    #[error("{0}")]
    Unanswered(String),
    /// tandem-control was not reached, or did not do it.
    #[error("{}", Error::describe_control(.0))]
    Control(ClientError),
    /// A command waited in vain, and has said so.
    #[error("connections are left")]
    Unfinished,
    /// What the active machine has is not known here.
    #[error(
        "this machine is on standby, and does not know how many connections the active one has: \
         run it there"
    )]
    ActiveIsSilent,
    /// The words of the command line do not fit together.
    #[error("{0}")]
    Usage(String),
    /// Two configurations differ, which is written already.
    #[error("they differ")]
    Differs,
    /// Something of this machine is wrong, which is written already.
    #[error("something is wrong")]
    FoundWrong,
    /// This machine neither forwards nor could take over, which is written already.
    #[error("this machine is broken")]
    Broken,
    /// The old configuration could not be imported.
    #[error(transparent)]
    Import(import::Error),
    /// Something that was imported behaves differently now, which is written already.
    #[error("not all is taken over")]
    Altered,
    /// The same, and nothing was to be written then.
    #[error("not all is taken over, and nothing is written")]
    NotImported,
    /// A file could not be written.
    #[error("{} could not be written: {error}", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A step of setup, or of its undoing, failed.
    #[error("{0}")]
    Setup(String),
    /// A step of an upgrade failed; a text without its full stop.
    #[error("{0}")]
    Upgrade(String),
    /// A step with the pair's key failed; a text without its full stop.
    #[error("{0}")]
    Key(String),
    /// A capture could not be written; a text without its full stop.
    #[error("{0}")]
    Capture(String),
    /// Two configurations could not be compared.
    #[error("{0}")]
    NotCompared(Box<Error>),
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// 0 when there is nobody to write to (`tandem connections | head`), 2 for a
    /// mistake in the configuration or the command line, 3 for waiting in vain, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Error::Mistakes(_)
            | Error::Reported(_)
            | Error::Usage(_)
            | Error::NotCompared(_)
            | Error::Broken => 2,
            Error::Unfinished | Error::Altered => 3,
            Error::Differs
            | Error::FoundWrong
            | Error::Setup(_)
            | Error::Import(_)
            | Error::NotImported
            | Error::NotWritten { .. }
            | Error::ActiveIsSilent => 1,
            Error::Client(ClientError::Failed(Failure {
                failure: FailureKind::Configuration,
                ..
            })) => 2,
            Error::Client(_)
            | Error::Unanswered(_)
            | Error::Control(_)
            | Error::Upgrade(_)
            | Error::Key(_)
            | Error::Capture(_)
            | Error::Output(_) => 1,
        }
    }

    /// What went wrong with tandem-control; the client's own words are about dataplanes.
    pub(crate) fn describe_control(error: &ClientError) -> String {
        match error {
            ClientError::NotRunning(path) => format!(
                "tandem-control is not running: nothing answers on {}; start it with: systemctl \
                 start tandem-control",
                path.display()
            ),
            ClientError::Timeout { .. } | ClientError::Closed(_) => {
                "tandem-control gave no answer; look at: journalctl -u tandem-control".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// The failure as the commands write it with `--json`.
    pub fn json(&self) -> Answer {
        let (message, details) = match self {
            Error::Mistakes(found) | Error::Reported(found) => (count(found), found.lines()),
            Error::Client(ClientError::Failed(failure))
            | Error::Control(ClientError::Failed(failure)) => {
                (failure.message.clone(), failure.details.clone())
            }
            Error::NotCompared(why) => {
                let Answer { error } = why.json();
                return Answer { error: Failed { exit_code: self.exit_code(), ..error } };
            }
            other => (other.to_string(), Vec::new()),
        };
        Answer { error: Failed { message, details, exit_code: self.exit_code() } }
    }
}

/// Why a command failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Answer {
    error: Failed,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
struct Failed {
    /// What is wrong, and what would be right.
    message: String,
    /// One entry for each mistake, where there are several.
    details: Vec<String>,
    /// The exit code of the command.
    exit_code: u8,
}

fn mistakes(found: &Mistakes) -> String {
    let warnings = found.warnings.iter().map(|warning| format!("{warning}\n"));
    format!("{}{found}\n{}", warnings.collect::<String>(), count(found))
}

fn count(found: &Mistakes) -> String {
    match found.mistakes.len() {
        1 => "1 mistake".to_owned(),
        more => format!("{more} mistakes"),
    }
}
