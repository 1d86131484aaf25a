//! A record as a page: charts and tables in one file, nothing loaded from elsewhere.
//!
//! The page is XML as well as HTML, so that any tool reads it.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::{Change, Each, Figure, Record, chart};
use crate::Error;
use crate::statistics::Summary;

const STYLE: &str = "
body { font: 15px/1.45 sans-serif; color: #1b2b3a; max-width: 900px; margin: 2em auto; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; } th, td { padding: .25em .9em .25em 0; text-align: left; }
th { font-weight: 600; border-bottom: 1px solid #9aa7b3; } td { border-bottom: 1px solid #e3e8ec; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.faster { color: #00704a; } .slower { color: #b03a00; }
";

/// The page of a record.
///
/// # Errors
///
/// When a chart cannot be drawn.
pub fn page(record: &Record) -> Result<String, Error> {
    let title = format!("tandem-perf {}", record.command);
    let charts = charts(&record.figures)?;
    let page = html! {
        (PreEscaped("<!DOCTYPE html>\n"))
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head {
                (PreEscaped(r#"<meta charset="utf-8"/>"#))
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { (record.date) ", tandem " (record.machine.tandem) " on " (record.machine.cpu) }
                @for chart in &charts { figure { (PreEscaped(chart)) } }
                @if !record.changes.is_empty() { (changes(&record.changes)) }
                (figures(&record.figures))
                @if let Some(drops) = &record.drops { (dropped(drops)) }
                h2 { "Settings" }
                (pairs(record.settings.iter().map(|(name, value)| (name.clone(), plain(value)))))
                h2 { "Machine" }
                (pairs(machine(record)?.into_iter()))
            }
        }
    };
    Ok(page.into_string())
}

/// For each unit that there is, a chart over time of what has one or is alone, and one of
/// medians of what can be compared.
fn charts(figures: &[Figure]) -> Result<Vec<String>, Error> {
    let mut units: Vec<&str> = Vec::new();
    for figure in figures {
        if !units.contains(&figure.unit.as_str()) {
            units.push(&figure.unit);
        }
    }
    let mut charts = Vec::new();
    for unit in units {
        let of_unit: Vec<&Figure> = figures.iter().filter(|figure| figure.unit == unit).collect();
        let is_alone = of_unit.len() == 1;
        let in_order = |figure: &&Figure| is_alone || figure.each == Each::Second;
        let over_time: Vec<&Figure> = of_unit.iter().copied().filter(in_order).collect();
        if !over_time.is_empty() {
            charts.push(chart::lines(unit, &over_time)?);
        }
        if !is_alone {
            let medians = of_unit.into_iter().map(|figure| Ok((figure, figure.summary()?)));
            charts.push(chart::bars(unit, &medians.collect::<Result<Vec<_>, Error>>()?)?);
        }
    }
    Ok(charts)
}

fn figures(figures: &[Figure]) -> Markup {
    let rows = figures.iter().filter_map(|figure| Some((figure, Summary::of(&figure.samples)?)));
    html! {
        h2 { "Figures" }
        table {
            tr {
                th { "figure" } th { "unit" }
                @for name in ["median", "least", "most", "samples"] { th class="number" { (name) } }
            }
            @for (figure, summary) in rows {
                tr {
                    td { (figure.name) } td { (figure.unit) }
                    @for value in [summary.median, summary.least, summary.most] {
                        td class="number" { (number(value)) }
                    }
                    td class="number" { (figure.samples.len()) }
                }
            }
        }
    }
}

fn changes(changes: &[Change]) -> Markup {
    html! {
        h2 { "Against the baseline" }
        table {
            tr {
                th { "figure" } th { "unit" } th class="number" { "ratio" }
                th class="number" { "99 % of it" } th class="number" { "p" } th { "verdict" }
            }
            @for change in changes {
                @let [low, high] = change.difference.interval;
                @let verdict = change.verdict.to_string();
                tr {
                    td { (change.name) } td { (change.unit) }
                    td class="number" { (format!("{:.3}", change.difference.ratio)) }
                    td class="number" { (format!("{low:.3} to {high:.3}")) }
                    td class="number" { (format!("{:.4}", change.difference.p)) }
                    td class=(verdict) { (verdict) }
                }
            }
        }
    }
}

fn dropped(drops: &BTreeMap<String, u64>) -> Markup {
    html! {
        h2 { "Dropped packets" }
        @if drops.is_empty() {
            p { "None." }
        } @else {
            (pairs(drops.iter().map(|(reason, count)| (reason.clone(), count.to_string()))))
        }
    }
}

fn pairs(pairs: impl Iterator<Item = (String, String)>) -> Markup {
    html! {
        table { @for (name, value) in pairs { tr { th { (name) } td { (value) } } } }
    }
}

fn machine(record: &Record) -> Result<Vec<(String, String)>, Error> {
    let machine = super::object(&record.machine)?;
    Ok(machine.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "unknown".to_owned(),
        other => other.to_string(),
    }
}

/// Two figures behind the point for what is small.
fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, ParsingOptions};

    use super::super::tests::example;
    use super::super::{Better, Record};
    use super::*;
    use crate::record::Verdict;
    use crate::statistics::Difference;

    fn record() -> Record {
        let mut record = example();
        for (name, better) in [("testpmd <io>", Better::Neither), ("tandem & all", Better::Higher)]
        {
            let samples = vec![3.0, 4.0, 3.5];
            record.figures.push(Figure::new(name, "ratio", better, Each::Round, samples));
        }
        let difference = Difference { p: 0.001, ratio: 0.9, interval: [0.8, 1.0] };
        let (name, unit) = ("tandem".to_owned(), "Mpps".to_owned());
        record.changes.push(Change { name, unit, difference, verdict: Verdict::Slower });
        record
    }

    #[test]
    fn the_page_is_well_formed_and_loads_nothing() {
        let page = page(&record()).unwrap();
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options).unwrap();
        let tags = |tag| document.descendants().filter(|node| node.has_tag_name(tag)).count();
        assert_eq!(tags(("http://www.w3.org/2000/svg", "svg")), 2, "{page}");
        let loads = |node: &roxmltree::Node<'_, '_>| {
            node.attributes().any(|attribute| ["src", "href"].contains(&attribute.name()))
        };
        assert_eq!(document.descendants().find(loads), None);
        let texts: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
        for text in ["no_buffer <&>", "tandem & all", "testpmd <io>", "slower", "connections"] {
            assert!(texts.contains(&text), "{text}: {texts:?}");
        }
    }
}
