//! `[checks.NAME]`: checks that services name. `check = "web"` is the named check itself,
//! `check = { use = "web", interval = "1s" }` is the same but for its interval.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::heir::{Heir, key_at};
use super::merge::CHECKS;
use super::{Value, entries};
use crate::document::value::{describe, quote};
use crate::document::{Report, Span, nearest};

/// How many named checks may be based on each other.
const MOST_BASES: usize = 8;

/// The named checks, and which of them are used.
pub(super) struct NamedChecks<'t> {
    named: BTreeMap<String, Named<'t>>,
    used: BTreeSet<String>,
}

struct Named<'t> {
    check: Value<'t>,
    /// Where its name is.
    name: Span,
}

impl<'t> NamedChecks<'t> {
    /// Takes the section out of the file.
    pub(super) fn take(file: &mut DeTable<'t>, report: &Report<'t>) -> Self {
        let mut checks = NamedChecks { named: BTreeMap::new(), used: BTreeSet::new() };
        let Some(section) = file.remove(CHECKS) else { return checks };
        let span = section.span();
        let DeValue::Table(section) = section.into_inner() else {
            report.error(&span, "checks is no table", "write each check as [checks.NAME]");
            return checks;
        };
        for (key, check) in section {
            let name = key.get_ref().to_string();
            if check.get_ref().is_table() {
                checks.named.insert(name, Named { check, name: key.span() });
            } else {
                report.error(
                    &check.span(),
                    format!("the check {} is {}", quote(&name), describe(check.get_ref())),
                    format!("write it as a table, as in [checks.{name}]"),
                );
            }
        }
        checks
    }

    /// Puts the checks that a service and its servers name in the place of their names.
    pub(super) fn put(&mut self, service: &mut DeTable<'t>, heir: &Heir<'_, 't>) {
        self.put_at(service, heir);
        for server in entries(service, "server") {
            if let DeValue::Table(server) = server.get_mut() {
                self.put_at(server, heir);
            }
        }
    }

    fn put_at(&mut self, table: &mut DeTable<'t>, heir: &Heir<'_, 't>) {
        let Some((key, value)) = table.remove_entry("check") else { return };
        let span = value.span();
        let value = match value.into_inner() {
            DeValue::Array(list) => {
                let checks = list.into_iter().filter_map(|entry| self.resolved(entry, heir));
                Some(Spanned::new(span, DeValue::Array(DeArray::from_iter(checks))))
            }
            one => self.resolved(Spanned::new(span, one), heir),
        };
        if let Some(value) = value {
            table.insert(key, value);
        }
    }

    /// What a value stands for; none when it names no check, which is reported.
    fn resolved(&mut self, value: Value<'t>, heir: &Heir<'_, 't>) -> Option<Value<'t>> {
        self.resolved_within(value, heir, &mut Vec::new())
    }

    /// The same while the checks `within` are being resolved.
    fn resolved_within(
        &mut self,
        value: Value<'t>,
        heir: &Heir<'_, 't>,
        within: &mut Vec<String>,
    ) -> Option<Value<'t>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::String(name) => self.find(&name, &span, heir, within),
            DeValue::Table(mut check) if check.contains_key("use") => {
                let base = check.remove("use")?;
                let base_span = base.span();
                let DeValue::String(name) = base.get_ref() else {
                    let what = format!("service.check.use is {}", describe(base.get_ref()));
                    let remedy = "write the name of a check, as in use = \"web\"";
                    heir.report.error(&base_span, what, remedy);
                    return None;
                };
                let base = self.find(name, &base_span, heir, within)?;
                let DeValue::Table(base) = base.into_inner() else { return None };
                for (key, value) in base {
                    if !check.contains_key(key.get_ref().as_ref()) {
                        check.insert(key, value);
                    }
                }
                Some(Spanned::new(span, DeValue::Table(check)))
            }
            other => Some(Spanned::new(span, other)),
        }
    }

    fn find(
        &mut self,
        name: &str,
        span: &Span,
        heir: &Heir<'_, 't>,
        within: &mut Vec<String>,
    ) -> Option<Value<'t>> {
        let Some(Named { check, .. }) = self.named.get(name) else {
            heir.report.error(
                span,
                format!("there is no check {}", quote(name)),
                self.remedy(name),
            );
            return None;
        };
        let copy = heir.copy(check)?;
        self.used.insert(name.to_owned());
        let is_cycle = within.iter().any(|known| known == name);
        if is_cycle || within.len() >= MOST_BASES {
            let what = match is_cycle {
                true => format!("the check {} is based on itself", quote(name)),
                false => format!("more than {MOST_BASES} checks are based on each other"),
            };
            heir.report.error(span, what, "take one use out");
            return None;
        }
        within.push(name.to_owned());
        let resolved = self.resolved_within(copy, heir, within);
        within.pop();
        resolved
    }

    fn remedy(&self, name: &str) -> String {
        if self.named.is_empty() {
            return "write the check as a table, or name one with [checks.NAME]".to_owned();
        }
        let names = || self.named.keys().map(String::as_str);
        if let Some(meant) = nearest(name, names()) {
            return format!("did you mean {meant}?");
        }
        let shown: Vec<_> = names().take(20).collect();
        let more = if names().count() > shown.len() { " and others" } else { "" };
        format!("the named checks are {}{more}", shown.join(", "))
    }

    /// A service for each check that nobody uses, which is reported.
    pub(super) fn unused(mut self, nobody: &Heir<'_, 't>) -> Vec<DeTable<'t>> {
        let used = core::mem::take(&mut self.used);
        let unused = self.named.iter().filter(|(name, _)| !used.contains(*name));
        let unused: Vec<_> = unused
            .filter_map(|(name, Named { check, name: span })| {
                let what = format!("the check {} is used by no service", quote(name));
                let remedy = "name it in the check of a service, or take it out";
                nobody.report.warning(span, what, remedy);
                nobody.copy(check)
            })
            .collect();
        let probe = |check| {
            let mut probe = DeTable::new();
            probe.insert(key_at("check", &check), check);
            self.put(&mut probe, nobody);
            probe
        };
        unused.into_iter().map(probe).collect()
    }
}
