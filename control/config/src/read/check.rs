//! `check` of a service.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::document::{At, Table, value};
use crate::model::check::{Check, CheckKind, StatusRange};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Tcp,
    Http,
    Dns,
    Ping,
}

const KINDS: &[(&str, Kind)] =
    &[("tcp", Kind::Tcp), ("http", Kind::Http), ("dns", Kind::Dns), ("ping", Kind::Ping)];

/// Keys that only one kind has.
const OWN_KEYS: &[(&str, Kind, &str)] = &[
    ("path", Kind::Http, "http"),
    ("host", Kind::Http, "http"),
    ("status", Kind::Http, "http"),
    ("name", Kind::Dns, "dns"),
];

const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

pub(super) fn read(table: Table<'_>) -> Option<At<Check>> {
    let kind = table.required("kind", value::choice(KINDS))?.value;
    for (key, owner, name) in OWN_KEYS {
        if *owner != kind && table.has(key) {
            table.report.error(
                &table.span_of(key),
                format!("{} is only for kind = \"{name}\"", table.path(key)),
                format!("take it out, or write kind = \"{name}\""),
            );
        }
    }
    let mut check = Check::new(read_kind(&table, kind));
    check.port = table.optional("port", value::integer(1..=65_535)).map(|at| at.value);
    if kind == Kind::Ping && check.port.is_some() {
        let what = "service.check.port is given for a ping, which has none";
        table.report.error(&table.span_of("port"), what, "take it out");
    }
    read_rhythm(&table, &mut check);
    Some(At { value: check, span: table.span() })
}

fn read_kind(table: &Table<'_>, kind: Kind) -> CheckKind {
    match kind {
        Kind::Tcp => CheckKind::Tcp,
        Kind::Ping => CheckKind::Ping,
        Kind::Dns => {
            let name = table.optional("name", value::line("a domain name, as in \"example.org\""));
            CheckKind::Dns { name: name.map_or(".".to_owned(), |at| at.value) }
        }
        Kind::Http => {
            let status = table.optional("status", value::range(100..=599, "200-299"));
            let host = value::line("a host's name, as in \"www.example.org\"");
            CheckKind::Http {
                path: http_path(table),
                host: table.optional("host", host).map(|at| at.value),
                status: status.map_or(StatusRange::default(), |at| {
                    let (first, last) = at.value;
                    StatusRange { first, last }
                }),
            }
        }
    }
}

fn http_path(table: &Table<'_>) -> String {
    let path = table.optional("path", value::line("a path, as in \"/healthz\""));
    let Some(path) = path else { return "/".to_owned() };
    if !path.value.starts_with('/') {
        table.report.error(
            &path.span,
            format!("service.check.path is {}", value::quote(&path.value)),
            format!("begin it with a slash: {}", value::quote(&format!("/{}", path.value))),
        );
    }
    path.value
}

fn read_rhythm(table: &Table<'_>, check: &mut Check) {
    if let Some(interval) = table.optional("interval", value::time(TIMES)) {
        check.interval = interval.value;
        check.timeout = check.timeout.min(check.interval);
    }
    if let Some(timeout) = table.optional("timeout", value::time(TIMES)) {
        if timeout.value > check.interval {
            table.report.error(
                &timeout.span,
                "service.check.timeout is longer than the interval",
                "write at most the interval, so that checks don't overlap",
            );
        }
        check.timeout = timeout.value;
    }
    if let Some(fall) = table.optional("fall", value::integer(1..=100)) {
        check.fall = fall.value;
    }
    if let Some(rise) = table.optional("rise", value::integer(1..=100)) {
        check.rise = rise.value;
    }
}
