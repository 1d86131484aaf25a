//! `[defaults]`: what a service has unless it says otherwise.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::heir::{Heir, key_at};
use super::{Value, entries};
use crate::document::value::describe;
use crate::document::{Report, Table};
use crate::schema::{self, Section};

/// The defaults by key.
pub(super) struct Defaults<'t> {
    service: Vec<(String, Value<'t>)>,
    server: Vec<(String, Value<'t>)>,
}

impl<'t> Defaults<'t> {
    /// Takes the section out of the file.
    pub(super) fn take(file: &mut DeTable<'t>, report: &Report<'t>) -> Self {
        let mut service = known(file.remove("defaults"), &schema::DEFAULTS, report);
        let server = service.iter().position(|(key, _)| key == "server");
        let server = server.map(|index| service.remove(index).1);
        Defaults { service, server: known(server, &schema::DEFAULTS_SERVER, report) }
    }

    /// Gives a service, and each of its servers, what it lacks.
    pub(super) fn fill(&self, service: &mut DeTable<'t>, heir: &Heir<'_, 't>) {
        if !inherits(service, heir.report) {
            return;
        }
        heir.fill(service, &self.service);
        for server in entries(service, "server") {
            if let DeValue::Table(server) = server.get_mut() {
                heir.fill(server, &self.server);
            }
        }
    }

    /// A service that has nothing but the defaults; none when there are none.
    pub(super) fn probe(&self, nobody: &Heir<'_, 't>) -> Option<DeTable<'t>> {
        if self.service.is_empty() && self.server.is_empty() {
            return None;
        }
        let server = Spanned::new(0..0, DeValue::Table(DeTable::new()));
        let servers = DeArray::from_iter([server]);
        let servers = Spanned::new(0..0, DeValue::Array(servers));
        let mut probe = DeTable::new();
        probe.insert(key_at("server", &servers), servers);
        self.fill(&mut probe, nobody);
        Some(probe)
    }
}

/// False where a service says that it takes no defaults.
fn inherits(service: &DeTable<'_>, report: &Report<'_>) -> bool {
    match service.get("defaults").map(|value| (value.get_ref(), value.span())) {
        None => true,
        Some((DeValue::Boolean(inherits), _)) => *inherits,
        Some((other, span)) => {
            let what = format!("service.defaults is {}", describe(other));
            report.error(&span, what, "write false for a service that takes no defaults");
            true
        }
    }
}

/// The keys of a table that its section has; the others are reported.
fn known<'t>(
    table: Option<Value<'t>>,
    section: &'static Section,
    report: &Report<'t>,
) -> Vec<(String, Value<'t>)> {
    let Some(table) = table else { return Vec::new() };
    let span = table.span();
    match table.into_inner() {
        DeValue::Table(table) => {
            let _ = Table::new(&table, span, section, report);
            let entries = table.into_iter().map(|(key, value)| (key.get_ref().to_string(), value));
            entries.filter(|(key, _)| section.key(key).is_some()).collect()
        }
        other => {
            let keys: Vec<_> = section.keys.iter().map(|key| key.name).collect();
            report.error(
                &span,
                format!("{} is {}", section.name, describe(&other)),
                format!("write a table with the keys {}", keys.join(", ")),
            );
            Vec::new()
        }
    }
}
