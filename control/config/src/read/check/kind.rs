//! The kinds of checks, and which keys each has.

use super::http;
use crate::document::{Table, value};
use crate::model::check::{CheckKind, Dns, DnsType, Exchange, Exec, Rcode, Transport};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Tcp,
    Http,
    Https,
    Dns,
    Udp,
    Ping,
    Exec,
    File,
}

const KINDS: &[(&str, Kind)] = &[
    ("tcp", Kind::Tcp),
    ("http", Kind::Http),
    ("https", Kind::Https),
    ("dns", Kind::Dns),
    ("udp", Kind::Udp),
    ("ping", Kind::Ping),
    ("exec", Kind::Exec),
    ("file", Kind::File),
];

const HTTP: &[Kind] = &[Kind::Http, Kind::Https];
const NETWORK: &[Kind] = &[Kind::Tcp, Kind::Http, Kind::Https, Kind::Dns, Kind::Udp, Kind::Ping];
const PORTS: &[Kind] = &[Kind::Tcp, Kind::Http, Kind::Https, Kind::Dns, Kind::Udp];

/// Keys that only some kinds have.
const OWN_KEYS: &[(&str, &[Kind])] = &[
    ("address", NETWORK),
    ("port", PORTS),
    ("send", &[Kind::Tcp, Kind::Udp]),
    ("expect", &[Kind::Tcp, Kind::Udp]),
    ("require_reply", &[Kind::Udp]),
    ("path", &[Kind::Http, Kind::Https, Kind::File]),
    ("host", HTTP),
    ("status", HTTP),
    ("method", HTTP),
    ("version", HTTP),
    ("headers", HTTP),
    ("body", HTTP),
    ("body_regex", HTTP),
    ("verify", &[Kind::Https]),
    ("ca", &[Kind::Https]),
    ("name", &[Kind::Https, Kind::Dns]),
    ("expiry", &[Kind::Https]),
    ("type", &[Kind::Dns]),
    ("rcode", &[Kind::Dns]),
    ("transport", &[Kind::Dns]),
    ("command", &[Kind::Exec]),
    ("user", &[Kind::Exec]),
    ("dynamic", &[Kind::Exec]),
];

const TRANSPORTS: &[(&str, Transport)] = &[("udp", Transport::Udp), ("tcp", Transport::Tcp)];

pub(super) fn read(table: &Table<'_>) -> Option<CheckKind> {
    let kind = table.required("kind", value::choice(KINDS))?.value;
    judge_keys(table, kind);
    match kind {
        Kind::Tcp => Some(CheckKind::Tcp(read_exchange(table))),
        Kind::Udp => read_udp(table),
        Kind::Http => http::read(table, false),
        Kind::Https => http::read(table, true),
        Kind::Dns => Some(CheckKind::Dns(read_dns(table))),
        Kind::Ping => Some(CheckKind::Ping),
        Kind::Exec => read_exec(table),
        Kind::File => {
            let path = table.required("path", value::path)?;
            Some(CheckKind::File { path: path.value })
        }
    }
}

fn judge_keys(table: &Table<'_>, kind: Kind) {
    for (key, owners) in OWN_KEYS {
        if owners.contains(&kind) || !table.has(key) {
            continue;
        }
        let name =
            |kind: &Kind| KINDS.iter().find(|(_, other)| other == kind).map(|(name, _)| *name);
        let names: Vec<String> =
            owners.iter().filter_map(name).map(|name| format!("\"{name}\"")).collect();
        let names = names.join(" or ");
        table.report.error(
            &table.span_of(key),
            format!("{} is only for kind = {names}", table.path(key)),
            format!("take it out, or write kind = {names}"),
        );
    }
}

fn read_exchange(table: &Table<'_>) -> Exchange {
    Exchange {
        send: table.optional("send", value::bytes).map_or(Vec::new(), |at| at.value),
        expect: table.optional("expect", value::pattern).map(|at| at.value),
    }
}

fn read_udp(table: &Table<'_>) -> Option<CheckKind> {
    let exchange = read_exchange(table);
    let require_reply = table.optional("require_reply", value::boolean);
    if exchange.expect.is_some() && require_reply.as_ref().is_some_and(|at| !at.value) {
        table.report.error(
            &table.span_of("require_reply"),
            "service.check.require_reply is false beside an expected reply",
            "take one of them out",
        );
    }
    let require_reply = exchange.expect.is_some() || require_reply.is_some_and(|at| at.value);
    Some(CheckKind::Udp { exchange, require_reply })
}

fn read_dns(table: &Table<'_>) -> Dns {
    const ANY: &[(&str, Option<Rcode>)] = &[
        ("NOERROR", Some(Rcode::NoError)),
        ("FORMERR", Some(Rcode::FormErr)),
        ("SERVFAIL", Some(Rcode::ServFail)),
        ("NXDOMAIN", Some(Rcode::NxDomain)),
        ("NOTIMP", Some(Rcode::NotImp)),
        ("REFUSED", Some(Rcode::Refused)),
        ("any", None),
    ];
    let record = table.optional("type", value::choice(DnsType::BY_NAME));
    let rcode = table.optional("rcode", value::choice(ANY));
    let transport = table.optional("transport", value::choice(TRANSPORTS));
    Dns {
        name: table.optional("name", value::domain).map_or(".".to_owned(), |at| at.value),
        record: record.map_or(DnsType::Soa, |at| at.value),
        rcode: rcode.map_or(Some(Rcode::NoError), |at| at.value),
        transport: transport.map_or(Transport::Udp, |at| at.value),
    }
}

fn read_exec(table: &Table<'_>) -> Option<CheckKind> {
    table.expect("command");
    let words = table.list("command", value::argument)?;
    let command: Vec<String> = words.value.into_iter().map(|at| at.value).collect();
    if !command.first().is_some_and(|program| program.starts_with('/')) {
        let what = match command.first() {
            Some(program) => format!("service.check.command begins with {}", value::quote(program)),
            None => "service.check.command is empty".to_owned(),
        };
        let remedy = "begin it with the program's path from the root on, as in \
                      [\"/usr/lib/tandem/check-db\", \"--quick\"]";
        table.report.error(&words.span, what, remedy);
    }
    Some(CheckKind::Exec(Exec {
        command,
        user: table.optional("user", value::name(32)).map(|at| at.value),
        dynamic: table.optional("dynamic", value::boolean).is_some_and(|at| at.value),
    }))
}
