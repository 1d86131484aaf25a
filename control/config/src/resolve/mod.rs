//! From the tables of all files to one table that says everything itself: files joined, defaults
//! filled in, named checks put where they are used.
//!
//! This works on tables and knows no key but those that name something, so that a new key of
//! `[[service]]` is inherited without further code. What is filled in is copied with places of its
//! own (`Texts::copy_of`): a mistake in it is reported where it
//! stands, with the services that inherit it.

mod checks;
mod defaults;
mod heir;
mod merge;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Report;

use checks::NamedChecks;
use defaults::Defaults;
use heir::Heir;

/// A value with its place.
type Value<'t> = Spanned<DeValue<'t>>;

/// What is read, and what is only tried.
pub(crate) struct Resolved<'t> {
    /// Everything that is in force: the keys of a file but `include`, `defaults` and `checks`.
    pub(crate) table: DeTable<'t>,
    /// Services with what perhaps no service inherits: its mistakes are told all the same.
    pub(crate) probes: Vec<DeTable<'t>>,
}

/// One table out of those of all files.
pub(crate) fn resolve<'t>(files: Vec<DeTable<'t>>, report: &Report<'t>) -> Resolved<'t> {
    let mut table = merge::merge(files, report);
    let defaults = Defaults::take(&mut table, report);
    let mut checks = NamedChecks::take(&mut table, report);
    for service in services(&mut table) {
        let heir = Heir::of(service, report);
        if let DeValue::Table(service) = service.get_mut() {
            defaults.fill(service, &heir);
            checks.put(service, &heir);
        }
    }
    let nobody = Heir::nobody(report);
    let mut probes: Vec<_> = defaults.probe(&nobody).into_iter().collect();
    probes.iter_mut().for_each(|probe| checks.put(probe, &nobody));
    probes.extend(checks.unused(&nobody));
    Resolved { table, probes }
}

/// The services of the file.
fn services<'d, 't>(table: &'d mut DeTable<'t>) -> impl Iterator<Item = &'d mut Value<'t>> {
    entries(table, "service")
}

/// The entries of a list in a table; none where there is no list.
fn entries<'d, 't>(
    table: &'d mut DeTable<'t>,
    key: &str,
) -> impl Iterator<Item = &'d mut Value<'t>> {
    let list = table.get_mut(key).and_then(|list| match list.get_mut() {
        DeValue::Array(list) => Some(list),
        _ => None,
    });
    list.into_iter().flat_map(|list| list.iter_mut())
}
