//! The formats in which metrics are told.

use super::catalogue::Family;

/// How a page is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Prometheus's text format, version 0.0.4.
    #[default]
    Text,
    /// [OpenMetrics](https://github.com/prometheus/OpenMetrics), version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What a client wants, by its header `Accept` (RFC 9110 section 12.5.1): OpenMetrics only if
    /// it is named and not wanted less than text.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut text) = (0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = |part: &str| part.strip_prefix("q=")?.trim().parse::<f32>().ok();
            let weight = parts.find_map(weight).unwrap_or(1.0);
            match name.as_str() {
                "application/openmetrics-text" => open = open.max(weight),
                "text/plain" | "text/*" => text = text.max(weight),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
    }

    /// The header `Content-Type` of a page.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The lines before the series of a family. OpenMetrics names a counter's family without the
    /// `_total` of its series.
    pub(super) fn head(self, family: Family, text: &mut String) {
        let Family { name, kind, help, .. } = family;
        let kind = kind.name();
        let lines = match self {
            Format::Text => format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
            Format::OpenMetrics => {
                let name = name.strip_suffix("_total").unwrap_or(name);
                let base = ["seconds", "bytes", "ratio"].into_iter().find(|unit| {
                    name.strip_suffix(unit).is_some_and(|before| before.ends_with('_'))
                });
                let unit = base.map(|unit| format!("# UNIT {name} {unit}\n")).unwrap_or_default();
                format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{unit}")
            }
        };
        text.push_str(&lines);
    }

    /// The upper bound of a histogram's bucket, as the label `le` has it.
    pub(super) fn bound(self, bound: f64) -> String {
        match self {
            Format::OpenMetrics if bound.fract() == 0.0 => format!("{bound:.1}"),
            _ => bound.to_string(),
        }
    }

    /// What is behind the last series.
    pub(super) fn end(self) -> &'static str {
        match self {
            Format::Text => "",
            Format::OpenMetrics => "# EOF\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_ask_for() {
        for (accept, format) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Format::Text),
            // What Prometheus 2 sends.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text; q=0.4, text/plain; q=0.5", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("APPLICATION/OpenMetrics-Text", Format::OpenMetrics),
            (",;,;q=,", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }
}
