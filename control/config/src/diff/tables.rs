//! Tables of two configurations side by side.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Difference, Side, render};
use crate::model::Config;
use crate::model::service::Service;

type Value<'t> = Spanned<DeValue<'t>>;

/// Sections that are there once, and whether they mean the same.
type Section = (&'static str, fn(&Config, &Config) -> bool);

const SECTIONS: [Section; 6] = [
    ("node", |old, new| old.node == new.node),
    ("public", |old, new| old.public == new.public),
    ("private", |old, new| old.private == new.private),
    ("peer", |old, new| old.peer == new.peer),
    ("metrics", |old, new| old.metrics == new.metrics),
    ("status", |old, new| old.status == new.status),
];

const TIMEOUTS: Section = ("timeouts", |old, new| old.timeouts == new.timeouts);
const SOURCES: Section = ("sources", |old, new| old.sources == new.sources);

pub(super) fn compare(old: Side<'_, '_>, new: Side<'_, '_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for section in SECTIONS {
        compare_section(section, old, new, &mut found);
    }
    compare_masquerade(old, new, &mut found);
    compare_services(old, new, &mut found);
    compare_section(TIMEOUTS, old, new, &mut found);
    compare_section(SOURCES, old, new, &mut found);
    compare_hooks(old, new, &mut found);
    found
}

fn of(section: &'static str) -> Difference {
    Difference { section, name: None, server: None, key: None, old: None, new: None }
}

fn compare_section(
    (section, same): Section,
    old: Side<'_, '_>,
    new: Side<'_, '_>,
    found: &mut Vec<Difference>,
) {
    if !same(old.config, new.config) {
        let (old, new) = (old.table.get(section), new.table.get(section));
        compare_values(&of(section), "", old, new, &[], found);
    }
}

/// Reports where two values differ: a table by its keys, anything else as a whole. `path` is the
/// key so far.
fn compare_values(
    place: &Difference,
    path: &str,
    old: Option<&Value<'_>>,
    new: Option<&Value<'_>>,
    without: &[&str],
    found: &mut Vec<Difference>,
) {
    if let (Some(old), Some(new)) = (as_table(old), as_table(new)) {
        let keys: BTreeSet<&str> =
            old.keys().chain(new.keys()).map(|key| key.get_ref().as_ref()).collect();
        for key in keys.into_iter().filter(|key| !without.contains(key)) {
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            compare_values(place, &path, old.get(key), new.get(key), &[], found);
        }
        return;
    }
    let show = |value: Option<&Value<'_>>| value.map(|value| render::value(value.get_ref()));
    let (old, new) = (show(old), show(new));
    if old != new {
        let key = Some(path).filter(|path| !path.is_empty()).map(str::to_owned);
        found.push(Difference { key, old, new, ..place.clone() });
    }
}

fn as_table<'v, 't>(value: Option<&'v Value<'t>>) -> Option<&'v DeTable<'t>> {
    value.and_then(|value| value.get_ref().as_table())
}

/// The entries of a list by what tells them apart, in their order.
fn entries<'v, 't>(
    table: Option<&'v DeTable<'t>>,
    list: &str,
    name: &str,
) -> Vec<(String, &'v Value<'t>)> {
    let list = table.and_then(|table| table.get(list)).and_then(|list| list.get_ref().as_array());
    let name_of = |entry: &Value<'_>| match entry.get_ref().get(name).map(Spanned::get_ref) {
        Some(DeValue::String(text)) => text.to_string(),
        Some(other) => render::value(other),
        None => String::new(),
    };
    list.into_iter().flatten().map(|entry| (name_of(entry), entry)).collect()
}

/// The names of both sides: those of the old one first.
fn names(old: &[(String, &Value<'_>)], new: &[(String, &Value<'_>)]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = old.iter().chain(new).map(|(name, _)| name);
    all.filter(|name| seen.insert(name.as_str())).cloned().collect()
}

fn find<'v, 't>(entries: &[(String, &'v Value<'t>)], name: &str) -> Option<&'v Value<'t>> {
    entries.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
}

/// Entries of both sides in another order are told as one difference.
fn compare_order(
    place: &Difference,
    of_what: &str,
    old: &[(String, &Value<'_>)],
    new: &[(String, &Value<'_>)],
    found: &mut Vec<Difference>,
) {
    let common = |these: &[(String, &Value<'_>)], others: &[(String, &Value<'_>)]| {
        let known: BTreeSet<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
        let names = these.iter().map(|(name, _)| name.as_str());
        names.filter(|name| known.contains(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, after) = (common(old, new), common(new, old));
    if before != after {
        let key = Some(format!("order of {of_what}"));
        let show = |names: Vec<String>| Some(names.join(", "));
        found.push(Difference { key, old: show(before), new: show(after), ..place.clone() });
    }
}

fn compare_masquerade(old: Side<'_, '_>, new: Side<'_, '_>, found: &mut Vec<Difference>) {
    if old.config.masquerade == new.config.masquerade {
        return;
    }
    let old = entries(Some(old.table), "masquerade", "source");
    let new = entries(Some(new.table), "masquerade", "source");
    for name in names(&old, &new) {
        let place = Difference { name: Some(name.clone()), ..of("masquerade") };
        compare_values(&place, "", find(&old, &name), find(&new, &name), &[], found);
    }
    compare_order(&of("masquerade"), "rules", &old, &new, found);
}

fn compare_hooks(old: Side<'_, '_>, new: Side<'_, '_>, found: &mut Vec<Difference>) {
    if old.config.hooks == new.config.hooks {
        return;
    }
    let old = entries(Some(old.table), "hook", "name");
    let new = entries(Some(new.table), "hook", "name");
    for name in names(&old, &new) {
        let place = Difference { name: Some(name.clone()), ..of("hook") };
        compare_values(&place, "", find(&old, &name), find(&new, &name), &[], found);
    }
    compare_order(&of("hook"), "hooks", &old, &new, found);
}

fn compare_services(old: Side<'_, '_>, new: Side<'_, '_>, found: &mut Vec<Difference>) {
    let (old_services, new_services) =
        (entries(Some(old.table), "service", "name"), entries(Some(new.table), "service", "name"));
    let (old_by_name, new_by_name) = (by_name(old.config), by_name(new.config));
    let (old_tables, new_tables) = (tables_by_name(&old_services), tables_by_name(&new_services));
    for name in names(&old_services, &new_services) {
        if old_by_name.get(name.as_str()) == new_by_name.get(name.as_str()) {
            continue;
        }
        let place = Difference { name: Some(name.clone()), ..of("service") };
        let (old, new) = (old_tables.get(name.as_str()), new_tables.get(name.as_str()));
        let before = found.len();
        compare_service(&place, old.copied(), new.copied(), found);
        if found.len() == before {
            // It means something else for a reason that stands in no key of its own.
            found.push(place);
        }
    }
}

fn by_name(config: &Config) -> BTreeMap<&str, &Service> {
    config.services.iter().map(|service| (service.name.as_str(), service)).collect()
}

fn tables_by_name<'n, 'v, 't>(
    services: &'n [(String, &'v Value<'t>)],
) -> BTreeMap<&'n str, &'v Value<'t>> {
    services.iter().map(|(name, table)| (name.as_str(), *table)).collect()
}

fn compare_service(
    place: &Difference,
    old: Option<&Value<'_>>,
    new: Option<&Value<'_>>,
    found: &mut Vec<Difference>,
) {
    if old.is_none() || new.is_none() {
        return compare_values(place, "", old, new, &[], found);
    }
    compare_values(place, "", old, new, &["server", "defaults"], found);
    let servers = |service| entries(as_table(service), "server", "address");
    let (old, new) = (servers(old), servers(new));
    for address in names(&old, &new) {
        let place = Difference { server: Some(address.clone()), ..place.clone() };
        compare_values(&place, "", find(&old, &address), find(&new, &address), &[], found);
    }
    compare_order(place, "server", &old, &new, found);
}
