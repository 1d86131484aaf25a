//! A table of the file, read key by key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suggestion::nearest;
use super::value::{Wrong, describe};
use super::{At, Report, Span};
use crate::schema::{SECTIONS, Section};

/// A table and the section of the schema that it is one of.
#[derive(Clone, Copy)]
pub(crate) struct Table<'t> {
    table: &'t DeTable<'t>,
    section: &'static Section,
    start: usize,
    end: usize,
    pub(crate) report: &'t Report<'t>,
}

impl<'t> Table<'t> {
    /// The table; every key in it that its section does not have is reported.
    pub(crate) fn new(
        table: &'t DeTable<'t>,
        span: Span,
        section: &'static Section,
        report: &'t Report<'t>,
    ) -> Self {
        let table = Table { table, section, start: span.start, end: span.end, report };
        for (key, _) in table.table.iter() {
            if section.key(key.get_ref()).is_none() {
                table.unknown(key.get_ref(), &key.span());
            }
        }
        table
    }

    /// Where the table begins.
    pub(crate) fn span(&self) -> Span {
        self.start..self.end
    }

    /// The key's name for people: `node.workers`.
    pub(crate) fn path(&self, key: &str) -> String {
        match self.section.name {
            "" => key.to_owned(),
            section => format!("{section}.{key}"),
        }
    }

    fn unknown(&self, key: &str, span: &Span) {
        let keys = self.section.keys.iter().map(|key| key.name);
        let remedy = if let Some(meant) = nearest(key, keys.clone()) {
            format!("did you mean {meant}?")
        } else if let Some(places) = elsewhere(key) {
            format!("it belongs in {places}")
        } else {
            format!("the keys here are {}", keys.collect::<Vec<_>>().join(", "))
        };
        let key: String = key.chars().take(60).flat_map(char::escape_debug).collect();
        let what = match self.section.name {
            "" => format!("there is no section {key}"),
            section => format!("{section} has no key {key}"),
        };
        self.report.error(span, what, remedy);
    }

    /// The value of a key that may be left out; None also when it is wrong, which is
    /// reported.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        debug_assert!(self.section.key(key).is_some(), "{} is not in the schema", self.path(key));
        self.parse(key, self.table.get(key)?, parse)
    }

    /// The value of a key that must be there; None also when it is wrong; either is
    /// reported.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        self.expect(key);
        self.optional(key, parse)
    }

    /// A list, without the entries that are wrong, which are reported. None when it
    /// is left out or no list.
    pub(crate) fn list<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Vec<At<T>>>> {
        let list = self.array(key)?;
        let entries = list.value.iter().filter_map(|entry| self.parse(key, entry, &parse));
        Some(At { value: entries.collect(), span: list.span })
    }

    /// A value that must be there, or a list of such values: without those that are wrong. None
    /// when none is right. Whatever is wrong is reported.
    pub(crate) fn one_or_more<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Vec<At<T>>>> {
        self.expect(key);
        let value = self.table.get(key)?;
        let DeValue::Array(array) = value.get_ref() else {
            let one = self.parse(key, value, parse)?;
            return Some(At { span: one.span.clone(), value: vec![one] });
        };
        if array.is_empty() {
            let example = self.section.key(key).map_or("", |key| key.example);
            let what = format!("{} is an empty list", self.path(key));
            self.report.error(
                &value.span(),
                what,
                format!("write at least one, as in {key} = {example}"),
            );
        }
        let right: Vec<_> =
            array.iter().filter_map(|entry| self.parse(key, entry, &parse)).collect();
        (!right.is_empty()).then(|| At { value: right, span: value.span() })
    }

    /// The same for a key that may be left out.
    pub(crate) fn optional_one_or_more<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Vec<At<T>>>> {
        if self.has(key) { self.one_or_more(key, parse) } else { None }
    }

    /// A list of tables: `[[section]]` or `key = [{ ... }]`. None as with a list.
    pub(crate) fn tables(
        &self,
        key: &'static str,
        section: &'static Section,
    ) -> Option<At<Vec<Table<'t>>>> {
        let list = self.array(key)?;
        let tables = list.value.iter().filter_map(|entry| self.open(key, entry, section));
        Some(At { value: tables.collect(), span: list.span })
    }

    /// A table or a list of tables: `key = { ... }` or `key = [{ ... }, { ... }]`. None when it
    /// is left out or neither.
    pub(crate) fn one_or_more_tables(
        &self,
        key: &'static str,
        section: &'static Section,
    ) -> Option<At<Vec<Table<'t>>>> {
        let value = self.table.get(key)?;
        if let DeValue::Array(_) = value.get_ref() {
            return self.tables(key, section);
        }
        let table = self.open(key, value, section)?;
        Some(At { value: vec![table], span: value.span() })
    }

    /// A table in the table.
    pub(crate) fn table(&self, key: &'static str, section: &'static Section) -> Option<Table<'t>> {
        self.open(key, self.table.get(key)?, section)
    }

    /// Reports a key that is not there.
    pub(crate) fn expect(&self, key: &'static str) {
        if self.has(key) {
            return;
        }
        let example = self.section.key(key).map_or("", |key| key.example);
        match self.section.name {
            "" => self.report.missing(
                &self.span(),
                format!("the section [{key}] is missing"),
                "add it; every section is described in docs/configuration.md",
            ),
            section => self.report.missing(
                &self.span(),
                format!("{section}.{key} is missing"),
                format!("add it, as in {key} = {example}"),
            ),
        }
    }

    /// True when the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// True when the key's value is an empty list.
    pub(crate) fn is_empty(&self, key: &str) -> bool {
        let value = self.table.get(key).map(Spanned::get_ref);
        matches!(value, Some(DeValue::Array(list)) if list.is_empty())
    }

    /// The place of a key's value, or of the table where it is not there.
    pub(crate) fn span_of(&self, key: &str) -> Span {
        self.table.get(key).map_or(self.span(), Spanned::span)
    }

    fn array(&self, key: &'static str) -> Option<At<&'t [Spanned<DeValue<'t>>]>> {
        debug_assert!(self.section.key(key).is_some(), "{} is not in the schema", self.path(key));
        let value = self.table.get(key)?;
        let DeValue::Array(array) = value.get_ref() else {
            let example = self.section.key(key).map_or("", |key| key.example);
            let what = format!("{} is {}", self.path(key), describe(value.get_ref()));
            self.report.error(
                &value.span(),
                what,
                format!("write a list, as in {key} = {example}"),
            );
            return None;
        };
        Some(At { value: array, span: value.span() })
    }

    fn open(
        &self,
        key: &'static str,
        value: &'t Spanned<DeValue<'t>>,
        section: &'static Section,
    ) -> Option<Table<'t>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Table::new(table, value.span(), section, self.report));
        }
        let what = format!("{} is {}", self.path(key), describe(value.get_ref()));
        let keys: Vec<_> = section.keys.iter().map(|key| key.name).collect();
        let remedy = format!("write a table with the keys {}", keys.join(", "));
        self.report.error(&value.span(), what, remedy);
        None
    }

    fn parse<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        parse: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        match parse(value.get_ref()) {
            Ok(parsed) => Some(At { value: parsed, span: value.span() }),
            Err(Wrong { what, remedy }) => {
                self.report.error(&value.span(), format!("{} {what}", self.path(key)), remedy);
                None
            }
        }
    }
}

/// The sections that have such a key, if any does.
fn elsewhere(key: &str) -> Option<String> {
    let sections = SECTIONS.iter().filter(|section| section.key(key).is_some());
    let names = sections.map(|section| match section.name {
        "" if key == "include" => "the top of the file, before the first [section]".to_owned(),
        "" => format!("a section by itself: [{key}]"),
        name => name.to_owned(),
    });
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join(" or "))
}
