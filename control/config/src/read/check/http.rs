//! Checks over HTTP.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::document::{Table, value};
use crate::model::check::{CheckKind, Http, HttpMethod, HttpVersion, StatusRange, Tls};

const METHODS: &[(&str, HttpMethod)] = &[
    ("GET", HttpMethod::Get),
    ("HEAD", HttpMethod::Head),
    ("OPTIONS", HttpMethod::Options),
    ("POST", HttpMethod::Post),
];

const VERSIONS: &[(&str, HttpVersion)] =
    &[("1.0", HttpVersion::Http10), ("1.1", HttpVersion::Http11)];

/// Headers that the request has from other keys, or that would change what an answer is.
const OWN_HEADERS: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te"];

const EXPIRY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(365 * 86_400);

pub(super) fn read(table: &Table<'_>, is_tls: bool) -> Option<CheckKind> {
    let host = value::line("a host's name, as in \"www.example.org\"");
    let statuses = table.optional_one_or_more("status", value::range(100..=599, "200-299"));
    let method = table.optional("method", value::choice(METHODS));
    let version = table.optional("version", value::choice(VERSIONS));
    let body =
        table.optional("body", value::words("text that the body has, as in \"all is well\""));
    let body_regex = table.optional("body_regex", value::regex);
    let default = Http::default();
    let http = Http {
        tls: is_tls.then(|| read_tls(table)),
        paths: read_paths(table),
        host: table.optional("host", host).map(|at| at.value),
        statuses: statuses.map_or(default.statuses, |list| {
            let range = |(first, last)| StatusRange { first, last };
            list.value.into_iter().map(|at| range(at.value)).collect()
        }),
        method: method.map_or(default.method, |at| at.value),
        version: version.map_or(default.version, |at| at.value),
        headers: read_headers(table),
        body: body.map(|at| at.value),
        body_regex: body_regex.map(|at| at.value),
    };
    judge(table, &http);
    Some(CheckKind::Http(Box::new(http)))
}

fn judge(table: &Table<'_>, http: &Http) {
    let key = if http.body.is_some() { "body" } else { "body_regex" };
    if http.method == HttpMethod::Head && (http.body.is_some() || http.body_regex.is_some()) {
        table.report.error(
            &table.span_of(key),
            format!("{} is given for HEAD, whose answer has no body", table.path(key)),
            "take it out, or write method = \"GET\"",
        );
    }
}

fn read_paths(table: &Table<'_>) -> Vec<String> {
    let paths = table.optional_one_or_more("path", value::line("a path, as in \"/healthz\""));
    let Some(paths) = paths else { return vec!["/".to_owned()] };
    if paths.value.len() > 16 {
        let what = format!("service.check.path has {} paths", paths.value.len());
        table.report.error(&paths.span, what, "a check takes 16 at most");
    }
    for path in &paths.value {
        if !path.value.starts_with('/') {
            table.report.error(
                &path.span,
                format!("service.check.path is {}", value::quote(&path.value)),
                format!("begin it with a slash: {}", value::quote(&format!("/{}", path.value))),
            );
        }
    }
    paths.value.into_iter().map(|at| at.value).collect()
}

fn read_headers(table: &Table<'_>) -> Vec<(String, String)> {
    let Some(list) = table.list("headers", value::header) else { return Vec::new() };
    for header in &list.value {
        let name = header.value.0.to_ascii_lowercase();
        if OWN_HEADERS.contains(&name.as_str()) {
            let remedy = match name.as_str() {
                "host" => "write it as host = \"...\"",
                _ => "take it out: the check sets it itself",
            };
            table.report.error(
                &header.span,
                format!("service.check.headers has {}", header.value.0),
                remedy,
            );
        }
    }
    if list.value.len() > 32 {
        let what = format!("service.check.headers has {} headers", list.value.len());
        table.report.error(&list.span, what, "a check takes 32 at most");
    }
    list.value.into_iter().map(|at| at.value).collect()
}

fn read_tls(table: &Table<'_>) -> Tls {
    let default = Tls::default();
    let verify = table.optional("verify", value::boolean).map_or(default.verify, |at| at.value);
    if !verify && table.has("ca") {
        table.report.error(
            &table.span_of("ca"),
            "service.check.ca is given, and verify = false looks at no certificate",
            "take one of them out",
        );
    }
    let expiry = table.optional("expiry", value::time(EXPIRY));
    Tls {
        verify,
        ca: table.optional("ca", value::path).map(|at| at.value),
        name: table.optional("name", value::host_name).map(|at| at.value),
        expiry: expiry.map_or(default.expiry, |at| at.value),
    }
}
