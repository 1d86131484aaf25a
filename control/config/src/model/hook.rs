//! What is done at events.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use api::{Event, EventSeverity};
use url::Url;

/// What is done at events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// Its name, which no other hook has.
    pub name: String,
    /// The events: kinds and families, as [`api::EventKind::matches`] takes them; at least one.
    pub on: Vec<String>,
    /// Only events that matter at least so much.
    pub severity: EventSeverity,
    /// How long one run of the command, or one request, may take.
    pub timeout: Duration,
    /// What is done.
    pub action: HookAction,
}

impl Hook {
    /// [`Hook::timeout`] unless said otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// [`Webhook::retry_for`] unless said otherwise.
    pub const RETRY_FOR: Duration = Duration::from_secs(3600);
    /// The user that commands run as unless said otherwise.
    pub const USER: &'static str = "nobody";
    /// The most hooks.
    pub const MOST: usize = 32;

    /// True if something is done at this event.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        event.severity >= self.severity && self.on.iter().any(|one| event.kind.matches(one))
    }
}

/// What is done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HookAction {
    /// A command runs.
    Command(HookCommand),
    /// The event is sent over HTTP.
    Webhook(Webhook),
}

/// A command, which has the event in its environment and on its standard input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookCommand {
    /// The program's path and its arguments; at least the path.
    pub command: Vec<String>,
    /// The user that it runs as; none: [`Hook::USER`], or that of tandem-control where that is not
    /// root.
    pub user: Option<String>,
    /// How many may run at the same time.
    pub at_once: u8,
}

/// Where events are sent with HTTP POST, as JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http` or `https`, with a host.
    pub url: Url,
    /// Further headers of the request: names and values.
    pub headers: Vec<(String, String)>,
    /// A file of certificates (PEM) that are trusted; none: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// How long it is tried to send an event.
    pub retry_for: Duration,
}

/// Secrets may be in the values of headers and in the URL.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Webhook")
            .field("url", &self.shown())
            .field("headers", &headers)
            .field("ca", &self.ca)
            .field("retry_for", &self.retry_for)
            .finish()
    }
}

impl Webhook {
    /// The URL without its path, in which a secret may be.
    #[must_use]
    pub fn shown(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{host}{port}", self.url.scheme())
    }
}
