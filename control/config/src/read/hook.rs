//! `[[hook]]`.

use core::ops::RangeInclusive;
use core::time::Duration;

use api::{EventKind, EventSeverity};
use toml::de::DeValue;
use url::Url;

use crate::document::value::{Wrong, quote};
use crate::document::{At, Table, nearest, value};
use crate::model::hook::{Hook, HookAction, HookCommand, Webhook};

const SEVERITIES: &[(&str, EventSeverity)] = &[
    ("info", EventSeverity::Info),
    ("warning", EventSeverity::Warning),
    ("alarm", EventSeverity::Alarm),
];

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
const RETRY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// Headers that the request has by itself, or that would change what it is.
const OWN_HEADERS: [&str; 7] =
    ["host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade", "te"];

/// Keys that a hook has only with the other one.
const OWN_KEYS: [(&str, &[&str]); 2] =
    [("command", &["user", "at_once"]), ("url", &["headers", "ca", "retry_for"])];

/// A hook, and the place of its name.
pub(crate) struct RawHook {
    pub(crate) name: Option<At<String>>,
    pub(crate) hook: Option<Hook>,
}

pub(super) fn read(table: Table<'_>) -> RawHook {
    let name = table.required("name", value::name(63));
    let on = table.one_or_more("on", selector);
    let severity = table.optional("severity", value::choice(SEVERITIES));
    let timeout = table.optional("timeout", value::time(TIMEOUT));
    let action = read_action(&table);
    let hook = |name: &At<String>, on: At<Vec<At<String>>>, action| Hook {
        name: name.value.clone(),
        on: on.value.into_iter().map(|at| at.value).collect(),
        severity: severity.map_or(EventSeverity::Info, |at| at.value),
        timeout: timeout.map_or(Hook::TIMEOUT, |at| at.value),
        action,
    };
    let hook = match (&name, on, action) {
        (Some(name), Some(on), Some(action)) => Some(hook(name, on, action)),
        _ => None,
    };
    RawHook { name, hook }
}

fn read_action(table: &Table<'_>) -> Option<HookAction> {
    match (table.has("command"), table.has("url")) {
        (true, true) => {
            table.report.error(
                &table.span_of("url"),
                "hook.url is given beside hook.command",
                "take one of them out, or write two hooks",
            );
            None
        }
        (false, false) => {
            table.report.missing(
                &table.span(),
                "hook.command is missing, and so is hook.url",
                "add what is done at the events, as in command = [\"/usr/local/bin/tell\"] or \
                 url = \"https://alerts.example.org/tandem\"",
            );
            None
        }
        (is_command, _) => {
            judge_keys(table, if is_command { "command" } else { "url" });
            if is_command { read_command(table) } else { read_webhook(table) }
        }
    }
}

fn judge_keys(table: &Table<'_>, with: &str) {
    for (owner, keys) in OWN_KEYS.iter().filter(|(owner, _)| *owner != with) {
        for key in keys.iter().filter(|key| table.has(key)) {
            table.report.error(
                &table.span_of(key),
                format!("hook.{key} is only for hooks with {owner}"),
                format!("take it out, or write {owner} instead of {with}"),
            );
        }
    }
}

fn read_command(table: &Table<'_>) -> Option<HookAction> {
    let words = table.list("command", value::argument)?;
    let command: Vec<String> = words.value.into_iter().map(|at| at.value).collect();
    if !command.first().is_some_and(|program| program.starts_with('/')) {
        let what = match command.first() {
            Some(program) => format!("hook.command begins with {}", quote(program)),
            None => "hook.command is empty".to_owned(),
        };
        let remedy = "begin it with the program's path from the root on, as in \
                      [\"/usr/local/bin/tell\", \"--pager\"]";
        table.report.error(&words.span, what, remedy);
        return None;
    }
    Some(HookAction::Command(HookCommand {
        command,
        user: table.optional("user", value::name(32)).map(|at| at.value),
        at_once: table.optional("at_once", value::integer(1..=16)).map_or(1, |at| at.value),
    }))
}

fn read_webhook(table: &Table<'_>) -> Option<HookAction> {
    let url = table.optional("url", web);
    let headers = read_headers(table);
    let ca = table.optional("ca", value::path);
    let retry_for = table.optional("retry_for", value::time(RETRY));
    let url = url?.value;
    if ca.is_some() && url.scheme() == "http" {
        table.report.error(
            &table.span_of("ca"),
            "hook.ca is given, and hook.url is no https",
            "take it out, or write the URL with https",
        );
    }
    if url.scheme() == "http" && headers.iter().any(|(name, _)| is_secret(name)) {
        table.report.warning(
            &table.span_of("url"),
            "hook.url is no https, and a header with a secret goes with it",
            "everybody on the way can read it: write the URL with https",
        );
    }
    Some(HookAction::Webhook(Webhook {
        url,
        headers,
        ca: ca.map(|at| at.value),
        retry_for: retry_for.map_or(Hook::RETRY_FOR, |at| at.value),
    }))
}

fn is_secret(header: &str) -> bool {
    ["authorization", "x-api-key", "x-auth-token"].contains(&header.to_ascii_lowercase().as_str())
}

fn read_headers(table: &Table<'_>) -> Vec<(String, String)> {
    let Some(list) = table.list("headers", value::header) else { return Vec::new() };
    for header in &list.value {
        let name = &header.value.0;
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            table.report.error(
                &header.span,
                format!("hook.headers has {name}"),
                "take it out: the request has it by itself",
            );
        }
    }
    if list.value.len() > 32 {
        let what = format!("hook.headers has {} headers", list.value.len());
        table.report.error(&list.span, what, "a request takes 32 at most");
    }
    list.value.into_iter().map(|at| at.value).collect()
}

/// A kind or a family of events.
fn selector(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = value::words("a kind of events, as in \"server.down\", or \"all\"")(value)?;
    if EventKind::is_selector(&name) {
        return Ok(name);
    }
    let families = || {
        let mut families: Vec<_> = EventKind::ALL.iter().map(EventKind::family).collect();
        families.dedup();
        families.join(", ")
    };
    let remedy = match nearest(&name, EventKind::selectors()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!(
            "write all, a family ({}) or a kind (tandem events --list-kinds lists them)",
            families()
        ),
    };
    value::wrong(format!("has {}", quote(&name)), remedy)
}

/// The address of an HTTP server.
fn web(value: &DeValue<'_>) -> Result<Url, Wrong> {
    let expected = "a URL with http or https, as in \"https://alerts.example.org/tandem\"";
    let Some(text) = value.as_str() else {
        return value::wrong(format!("is {}", value::describe(value)), format!("write {expected}"));
    };
    let remedy = format!("write {expected}");
    let url = match Url::parse(text) {
        Ok(url) if text.len() <= 2000 => url,
        Ok(_) => return value::wrong("is longer than 2000 characters", remedy),
        Err(error) => return value::wrong(format!("is {}: {error}", quote(text)), remedy),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return value::wrong(format!("is {}", quote(text)), remedy);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return value::wrong(
            "has a user or a password in it",
            "write them as a header, as in headers = [\"Authorization: Bearer ...\"]",
        );
    }
    if url.fragment().is_some() {
        return value::wrong(format!("is {}, with a fragment", quote(text)), "take the # out");
    }
    Ok(url)
}
