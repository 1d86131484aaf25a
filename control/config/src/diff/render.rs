//! TOML values as one line of text.

use toml::de::{DeTable, DeValue};

/// The value as it could be written in the file.
pub(super) fn value(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{}\"", text.escape_debug()),
        DeValue::Integer(number) => format!("{}{}", prefix(number.radix()), number.as_str()),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(is) => is.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(list) => {
            let entries: Vec<_> = list.iter().map(|entry| self::value(entry.get_ref())).collect();
            format!("[{}]", entries.join(", "))
        }
        DeValue::Table(table) => self::table(table),
    }
}

fn table(table: &DeTable<'_>) -> String {
    let entries = table.iter().map(|(key, entry)| {
        let key: &str = key.get_ref();
        format!("{key} = {}", value(entry.get_ref()))
    });
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}

fn prefix(radix: u32) -> &'static str {
    match radix {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    }
}
