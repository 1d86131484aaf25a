//! Values with other places: in the row of all texts, or in a copy.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The table with `by` added to every place in it.
pub(crate) fn table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    if by == 0 {
        return table;
    }
    table.into_iter().map(|(key, entry)| (spanned(key, by), value(entry, by))).collect()
}

/// The value with `by` added to its place and every place in it.
pub(crate) fn value(value: Spanned<DeValue<'_>>, by: usize) -> Spanned<DeValue<'_>> {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::Table(inner) => DeValue::Table(table(inner, by)),
        DeValue::Array(list) => DeValue::Array(array(list, by)),
        plain => plain,
    };
    spanned(Spanned::new(span, value), by)
}

/// How many values it is made of.
pub(crate) fn size(value: &DeValue<'_>) -> usize {
    match value {
        DeValue::Table(table) => {
            1 + table.values().map(|entry| size(entry.get_ref())).sum::<usize>()
        }
        DeValue::Array(list) => 1 + list.iter().map(|entry| size(entry.get_ref())).sum::<usize>(),
        DeValue::String(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

fn array(list: DeArray<'_>, by: usize) -> DeArray<'_> {
    list.into_iter().map(|entry| value(entry, by)).collect()
}

/// Places wrap: a copy may be moved back.
pub(crate) fn spanned<T>(at: Spanned<T>, by: usize) -> Spanned<T> {
    let span = at.span();
    Spanned::new(span.start.wrapping_add(by)..span.end.wrapping_add(by), at.into_inner())
}
