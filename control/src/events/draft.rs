//! An event before it has its number.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use api::{EVENT_VERSION, Event, EventKind, EventSeverity};

/// The most bytes of a sentence, and of a line of details.
const SENTENCE: usize = 2000;
const LINE: usize = 300;
/// The most lines of details.
const LINES: usize = 50;

/// An event before it has its number.
#[derive(Clone, Debug)]
#[must_use]
pub struct Draft {
    kind: EventKind,
    severity: EventSeverity,
    what: String,
    why: Option<String>,
    actor: Option<String>,
    fields: BTreeMap<String, String>,
    details: Vec<String>,
}

impl Draft {
    /// What happened, as a sentence without its full stop.
    pub fn new(kind: EventKind, what: impl Into<String>) -> Self {
        Draft {
            severity: kind.severity(),
            kind,
            what: clipped(what.into(), SENTENCE),
            why: None,
            actor: None,
            fields: BTreeMap::new(),
            details: Vec::new(),
        }
    }

    /// Why it happened; nothing where the reason is empty.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(clipped(why.into(), SENTENCE)).filter(|why| !why.is_empty());
        self
    }

    /// Who caused it.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(clipped(actor.into(), LINE)).filter(|actor| !actor.is_empty());
        self
    }

    /// How much it matters, where that is not what its kind says.
    pub fn severity(mut self, severity: EventSeverity) -> Self {
        self.severity = severity;
        self
    }

    /// What it is about.
    pub fn field(mut self, name: &str, value: impl ToString) -> Self {
        self.fields.insert(name.to_owned(), clipped(value.to_string(), LINE));
        self
    }

    /// What the sentence sums up; of very many lines, the first ones.
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        let mut lines = lines.into_iter();
        self.details = lines.by_ref().take(LINES).map(|line| clipped(line, LINE)).collect();
        let left = lines.count();
        if left > 0 {
            self.details.push(format!("and {left} more"));
        }
        self
    }

    /// Writes it to the log, with what it is about as fields of the line.
    pub(super) fn log(&self) {
        let field = |name: &str| self.fields.get(name).map(String::as_str);
        let why = self.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let what = &self.what;
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "event",
                    event = %self.kind,
                    service = field("service"),
                    server = field("server"),
                    class = field("class"),
                    path = field("path"),
                    term = field("term"),
                    generation = field("generation"),
                    by = self.actor.as_deref(),
                    "{what}{why}"
                )
            };
        }
        match self.severity {
            EventSeverity::Alarm => log!(error),
            EventSeverity::Warning => log!(warn),
            _ => log!(info),
        }
        for line in &self.details {
            tracing::info!(target: "event", event = %self.kind, "{line}");
        }
    }

    /// The event, which happens now and has no number yet.
    pub(super) fn event(self, node: &str) -> Event {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Event {
            version: EVENT_VERSION,
            number: 0,
            at_millis: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            uptime_millis: uptime_millis(),
            node: node.to_owned(),
            kind: self.kind,
            severity: self.severity,
            what: self.what,
            why: self.why,
            actor: self.actor,
            fields: self.fields,
            details: self.details,
        }
    }
}

/// Since the start of the machine, the time that it slept included.
fn uptime_millis() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let millis = |part: i64, per: i64| u64::try_from(part / per).unwrap_or(0);
    u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1000) + millis(time.tv_nsec, 1_000_000)
}

/// Control characters would be orders to a terminal; what is too long ends in dots.
fn clipped(text: String, most: usize) -> String {
    let mut text = match text.contains(char::is_control) {
        true => text.replace(char::is_control, " "),
        false => text,
    };
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_what_a_terminal_would_obey_is_none() {
        let draft = Draft::new(EventKind::ServerDown, "ü".repeat(3000))
            .why("a\x1b[31mred\nline")
            .actor("")
            .details((0..60).map(|line| format!("line {line}")));
        let event = draft.event("a");
        assert!(event.what.len() <= SENTENCE + 3 && event.what.ends_with("ü…"));
        assert_eq!(event.why.as_deref(), Some("a [31mred line"));
        assert_eq!((event.actor, event.node.as_str()), (None, "a"));
        assert_eq!(event.details.len(), LINES + 1);
        assert_eq!(event.details[LINES], "and 10 more");
        assert_eq!(event.severity, EventSeverity::Warning);
        assert!(event.at_millis > 1_700_000_000_000 && event.uptime_millis > 0);
    }
}
