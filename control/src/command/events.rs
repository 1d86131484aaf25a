//! `tandem events`: what happened on this machine, when, and why.

use core::time::Duration;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use api::client::ClientError;
use api::{Client, Event, EventKind, EventSeverity, EventsFound, EventsPage};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::schema::Envelope;
use crate::error::Error;
use crate::events::{journal, search};
use crate::output::colour::{self, Colour};
use crate::output::{Table, date};

pub(super) const HELP: &str = "\
Each machine of a pair has its own events; ask both for the whole story of a takeover. With --json \
each event is one line of JSON, also with --follow; its fields are in docs/operations.md.

Examples:
  tandem events --since 2h                    what happened in the last two hours
  tandem events --since 2026-03-01            since midnight, UTC
  tandem events --kind role,peer --last 5     the last changes of the role, and why
  tandem events --severity alarm --follow     every alarm from now on, and the last ones
  tandem events --json --since 1d | jq -r 'select(.kind == \"server.down\").fields.server'";

/// How many are shown where nothing else is said.
const LAST: u32 = 50;
/// Between two attempts to reach tandem-control again.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Only events since then: a time before now, such as 2h, 30m or 7d, or a date with or without
    /// a time, such as 2026-03-01T12:00Z (UTC unless it says otherwise)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,

    /// Only the newest so many, 500 at most; without --since it is 50
    #[arg(long, value_name = "COUNT", conflicts_with = "since",
          value_parser = clap::value_parser!(u32).range(1..=500))]
    last: Option<u32>,

    /// Only events of these kinds or families, such as server.down or role; several with commas
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<String>,

    /// Only events that matter at least so much
    #[arg(long, value_enum, default_value_t = Severity::Info)]
    severity: Severity,

    /// Go on with each event that happens, until it is interrupted
    #[arg(long, short)]
    follow: bool,

    /// List the kinds of events, and what each means
    #[arg(long, conflicts_with_all = ["since", "last", "kinds", "follow"])]
    list_kinds: bool,

    /// Read the history in this folder (events in node.state) instead of asking tandem-control
    #[arg(long, value_name = "FOLDER", conflicts_with = "follow")]
    history: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Severity {
    Info,
    Warning,
    Alarm,
}

impl From<Severity> for EventSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => EventSeverity::Info,
            Severity::Warning => EventSeverity::Warning,
            Severity::Alarm => EventSeverity::Alarm,
        }
    }
}

/// Milliseconds since 1970 of a time, or of one before now.
fn since(text: &str) -> Result<u64, String> {
    if let Some(before) = config::parse_duration(text) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(super::apply::milliseconds(now.saturating_sub(before)));
    }
    date::parse(text).ok_or_else(|| {
        format!("{text:?} is no time: write 30m, 2h or 7d for one before now, or 2026-03-01T12:00Z")
    })
}

fn kind(text: &str) -> Result<String, String> {
    match EventKind::is_selector(text) {
        true => Ok(text.to_owned()),
        false => {
            Err(format!("{text:?} is no kind of events: tandem events --list-kinds tells all"))
        }
    }
}

impl Arguments {
    /// The schema of the answer.
    pub(super) fn schema(&self) -> &'static str {
        if self.list_kinds { "event-kinds" } else { "event" }
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    if arguments.list_kinds {
        return list_kinds(context);
    }
    let mut page = EventsPage {
        since_millis: arguments.since.unwrap_or(0),
        kinds: arguments.kinds.clone(),
        severity: arguments.severity.into(),
        newest: arguments.since.is_none().then_some(arguments.last.unwrap_or(LAST)),
        ..EventsPage::default()
    };
    let mut shown = Shown::new(context.json);
    if let Some(folder) = &arguments.history {
        std::fs::read_dir(folder).map_err(|error| {
            Error::Usage(format!("{} cannot be read: {error}", folder.display()))
        })?;
        return read(folder, page, &mut shown, context);
    }
    let mut control = match connect(context) {
        // At the time when somebody most wants to know what happened.
        Err(ClientError::NotRunning(_)) if !arguments.follow => {
            let folder = journal::folder_in(Path::new(config::Node::STATE));
            if !folder.is_dir() {
                connect(context).map_err(Error::Control)?;
            }
            eprintln!("tandem-control is not running; this is the history in {}", folder.display());
            return read(&folder, page, &mut shown, context);
        }
        result => result.map_err(Error::Control)?,
    };
    loop {
        let found = control.events(page.clone());
        let found = match found {
            Err(error) if arguments.follow && is_passing(&error) => {
                control = reconnect(context)?;
                continue;
            }
            result => result.map_err(Error::Control)?,
        };
        shown.show(&found, context.out)?;
        (page.after, page.newest) = (page.after.max(found.next), None);
        if !found.more && !arguments.follow {
            return shown.finish(context.out);
        }
        page.wait = arguments.follow && !found.more;
        context.out.flush()?;
    }
}

fn connect(context: &Context<'_>) -> Result<Client, ClientError> {
    Client::connect(context.pair_socket())
}

/// True for what the next tandem-control mends.
fn is_passing(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Closed(_)
            | ClientError::NotRunning(_)
            | ClientError::Timeout { .. }
            | ClientError::Socket { .. }
    )
}

fn reconnect(context: &Context<'_>) -> Result<Client, Error> {
    eprintln!("tandem-control does not answer; waiting for it");
    loop {
        std::thread::sleep(AGAIN);
        match connect(context) {
            Err(error) if is_passing(&error) => {}
            result => return result.map_err(Error::Control),
        }
    }
}

/// The history as it is on disk.
fn read(
    folder: &Path,
    mut page: EventsPage,
    shown: &mut Shown,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    loop {
        let mut reader = journal::Reader::new(folder, page.after, u64::MAX);
        let mut found = search::find(&page, &mut reader, &[]);
        found.damaged = reader.damaged();
        shown.show(&found, context.out)?;
        page.after = found.next;
        if !found.more {
            return shown.finish(context.out);
        }
    }
}

/// Events as they are written.
struct Shown {
    json: bool,
    table: Table,
    count: usize,
    damaged: u64,
}

impl Shown {
    fn new(json: bool) -> Self {
        let table = Table::new(["TIME", "SEVERITY", "KIND", "WHAT"]);
        Shown { json, table, count: 0, damaged: 0 }
    }

    fn show(&mut self, found: &EventsFound, out: &mut dyn Write) -> io::Result<()> {
        self.count += found.events.len();
        self.damaged = self.damaged.max(found.damaged);
        if self.json {
            return found.events.iter().try_for_each(|event| {
                let envelope = Envelope::new("event", event);
                serde_json::to_writer(&mut *out, &envelope).map_err(io::Error::from)?;
                writeln!(out)
            });
        }
        for event in &found.events {
            self.add(event);
        }
        if found.events.is_empty() { Ok(()) } else { self.table.write(out) }
    }

    fn add(&mut self, event: &Event) {
        let colour = match event.severity {
            EventSeverity::Alarm => Some(Colour::Red),
            EventSeverity::Warning => Some(Colour::Yellow),
            _ => None,
        };
        let colour = colour.filter(|_| colour::are_wanted());
        let mut what = event.what.clone();
        if let Some(why) = &event.why {
            what = format!("{what}: {why}");
        }
        if let Some(actor) = &event.actor {
            what = format!("{what} (by {actor})");
        }
        let (time, severity) = (date::utc(event.at_millis / 1000), event.severity.to_string());
        let colour = colour.filter(|_| colour::are_wanted());
        self.table.coloured_row([time, severity, event.kind.to_string(), what], colour);
        for line in &event.details {
            let nothing = || " ".to_owned();
            self.table.row([nothing(), nothing(), nothing(), format!("  {line}")]);
        }
    }

    fn finish(&self, out: &mut dyn Write) -> Result<(), Error> {
        if self.count == 0 && !self.json {
            writeln!(out, "No such event is kept.")?;
        }
        if self.damaged > 0 {
            out.flush()?;
            eprintln!("{} damaged records of the history are left out", self.damaged);
        }
        Ok(())
    }
}

/// The kinds of events.
#[derive(Serialize, JsonSchema)]
pub(super) struct Kinds {
    /// All that this release knows.
    kinds: Vec<Kind>,
}

/// A kind of events.
#[derive(Serialize, JsonSchema)]
struct Kind {
    /// Its name, as in `server.down`.
    kind: &'static str,
    /// How much an event of this kind matters unless it says otherwise.
    severity: EventSeverity,
    /// What it means, a sentence without its full stop.
    meaning: &'static str,
}

fn list_kinds(context: &mut Context<'_>) -> Result<(), Error> {
    let kinds: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| Kind { kind: kind.name(), severity: kind.severity(), meaning: kind.meaning() })
        .collect();
    context.answer(&Kinds { kinds }, |_, out| {
        let mut table = Table::new(["KIND", "SEVERITY", "MEANING"]);
        for kind in EventKind::ALL {
            let name = kind.name().to_owned();
            table.row([name, kind.severity().to_string(), kind.meaning().to_owned()]);
        }
        table.write(out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_before_now_or_dates() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let two_hours = u128::from(since("2h").unwrap());
        assert!((7_199_000..7_201_000).contains(&(now - two_hours)), "{two_hours}");
        assert_eq!(since("2026-03-01T12:00:00Z"), Ok(1_772_366_400_000));
        assert!(since("yesterday").unwrap_err().contains("write 30m, 2h or 7d"));
        assert!(kind("servers").unwrap_err().contains("--list-kinds"));
        assert_eq!(kind("server"), Ok("server".to_owned()));
    }

    #[test]
    fn an_event_is_a_line_that_says_why_and_by_whom() {
        let event = Event {
            number: 1,
            at_millis: 1_772_366_400_000,
            kind: EventKind::ServerDown,
            severity: EventSeverity::Warning,
            what: "10.0.0.11:80 of web is down".to_owned(),
            why: Some("http: 503".to_owned()),
            actor: Some("root".to_owned()),
            details: vec!["one more thing".to_owned()],
            ..Event::default()
        };
        let found = EventsFound { events: vec![event.clone()], next: 1, ..EventsFound::default() };
        let mut text = Vec::new();
        Shown::new(false).show(&found, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("TIME "), "{text}");
        let line = "2026-03-01 12:00:00 UTC  warning   server.down  10.0.0.11:80 of web is down: \
                    http: 503 (by root)";
        assert_eq!(lines[1], line);
        assert!(lines[2].trim_start() == "one more thing", "{text}");

        let mut text = Vec::new();
        Shown::new(true).show(&found, &mut text).unwrap();
        assert_eq!(serde_json::from_slice::<Event>(&text).unwrap(), event);
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
