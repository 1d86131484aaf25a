//! `[status]`.

use std::net::SocketAddr;

use crate::document::{At, Table, value};
use crate::model::status::{PageTls, StatusPage};

/// Names are compared with each request.
const MOST_NAMES: usize = 64;

/// The status page, typed.
pub(crate) struct RawStatus {
    pub(crate) listen: Option<At<SocketAddr>>,
    pub(crate) page: StatusPage,
}

pub(super) fn read(table: Option<Table<'_>>) -> RawStatus {
    let default = StatusPage::default();
    let Some(table) = table else { return RawStatus { listen: None, page: default } };
    let listen = table.optional("listen", value::any_socket);
    let token_file = table.optional("token_file", value::path).map(|at| at.value);
    let names = table.list("names", value::name(253));
    if let Some(names) = names.as_ref().filter(|names| names.value.len() > MOST_NAMES) {
        table.report.error(
            &names.span,
            format!("status.names has {} entries", names.value.len()),
            format!("write {MOST_NAMES} at most"),
        );
    }
    let names = names.map_or(Vec::new(), |names| {
        names.value.into_iter().map(|at| at.value.to_ascii_lowercase()).collect()
    });
    let tls = read_tls(&table);
    let address = listen.as_ref().map_or(default.listen, |at| at.value);
    judge_reach(&table, address);
    RawStatus { listen, page: StatusPage { listen: address, tls, token_file, names } }
}

fn read_tls(table: &Table<'_>) -> Option<PageTls> {
    let certificate = table.optional("certificate", value::path);
    let private_key = table.optional("private_key", value::path);
    let client_ca = table.optional("client_ca", value::path).map(|at| at.value);
    for (key, other) in [("certificate", "private_key"), ("private_key", "certificate")] {
        if table.has(key) && !table.has(other) {
            table.report.error(
                &table.span_of(key),
                format!("status.{key} is there without status.{other}"),
                format!("add {other}: TLS takes both"),
            );
        }
    }
    if table.has("client_ca") && !table.has("certificate") && !table.has("private_key") {
        table.report.error(
            &table.span_of("client_ca"),
            "status.client_ca is there, and the page has no TLS",
            "add certificate and private_key: visitors show their certificates in TLS alone",
        );
    }
    let (certificate, private_key) = (certificate?.value, private_key?.value);
    Some(PageTls { certificate, private_key, client_ca })
}

/// What others can reach is encrypted, and for those who may see it.
fn judge_reach(table: &Table<'_>, listen: SocketAddr) {
    if listen.ip().is_loopback() {
        return;
    }
    let has_tls = table.has("certificate") || table.has("private_key");
    let has_visitors = table.has("token_file") || table.has("client_ca");
    let what = match (has_tls, has_visitors) {
        (true, true) => return,
        (false, false) => "the page would be unencrypted, and open to everyone",
        (false, true) => "the page would be unencrypted",
        (true, false) => "the page would be open to everyone",
    };
    let remedy = match (has_tls, has_visitors) {
        (true, _) => "add token_file or client_ca".to_owned(),
        (false, true) => "add certificate and private_key".to_owned(),
        (false, false) => format!(
            "add certificate and private_key, and token_file or client_ca; or listen on \
             127.0.0.1:{0} and come by ssh -L {0}:127.0.0.1:{0}",
            listen.port()
        ),
    };
    table.report.error(
        &table.span_of("listen"),
        format!("status.listen is {listen}, which others can reach: {what}"),
        remedy,
    );
}
