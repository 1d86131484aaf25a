//! One scrape's answer.
//!
//! Series are written as they come, and nothing is built of them: a machine with 5,000 servers
//! tells 170,000 of them in a scrape.

use core::fmt::Write as _;

use prometheus::Histogram;
use prometheus::core::Collector;
use thiserror::Error;

use super::catalogue::{self as all, Family, Kind};
use super::format::Format;

/// The most series that a scrape tells. A family that would go beyond is left out whole, and
/// `tandem_metrics_left_out_series` says how many series that were.
pub const MOST_SERIES: usize = 300_000;

/// A page that is not as the catalogue says. A test would have found it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PageError {
    #[error("{0} was told twice in one scrape")]
    Twice(&'static str),
    #[error("{0} has other labels, or is of another kind, than the catalogue says")]
    Other(&'static str),
}

/// What is told in one scrape.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
    told: Vec<&'static str>,
    series: usize,
    most: usize,
    left_out: usize,
    failed: Option<PageError>,
}

impl Page {
    #[must_use]
    pub fn new(format: Format) -> Self {
        Page::with_most(format, MOST_SERIES)
    }

    /// One with room for so many series.
    #[must_use]
    pub fn with_most(format: Format, most: usize) -> Self {
        let (text, told, failed) = (String::new(), Vec::new(), None);
        Page { format, text, told, series: 0, most, left_out: 0, failed }
    }

    /// A counter's values, each with its labels.
    pub fn counters<L: AsRef<str>, const LABELS: usize>(
        &mut self,
        family: Family,
        values: impl IntoIterator<Item = ([L; LABELS], u64)>,
    ) {
        self.family(family, Kind::Counter, values, |line, value| {
            line.labels("", &[]);
            line.integer(value);
        });
    }

    /// A gauge's values, each with its labels.
    pub fn gauges<L: AsRef<str>, const LABELS: usize>(
        &mut self,
        family: Family,
        values: impl IntoIterator<Item = ([L; LABELS], f64)>,
    ) {
        self.family(family, Kind::Gauge, values, |line, value| {
            line.labels("", &[]);
            line.number(value);
        });
    }

    /// What histograms have counted, each with its labels.
    pub fn histograms<'h, L: AsRef<str>, const LABELS: usize>(
        &mut self,
        family: Family,
        values: impl IntoIterator<Item = ([L; LABELS], &'h Histogram)>,
    ) {
        let format = self.format;
        self.family(family, Kind::Histogram, values, |line, histogram| {
            for family in histogram.collect() {
                for metric in family.get_metric() {
                    let counted = metric.get_histogram();
                    for bucket in counted.get_bucket() {
                        let bound = format.bound(bucket.upper_bound());
                        line.labels("_bucket", &[("le", &bound)]);
                        line.integer(bucket.cumulative_count());
                    }
                    line.labels("_bucket", &[("le", "+Inf")]);
                    line.integer(counted.get_sample_count());
                    line.labels("_sum", &[]);
                    line.number(counted.get_sample_sum());
                    line.labels("_count", &[]);
                    line.integer(counted.get_sample_count());
                }
            }
        });
    }

    /// A counter without labels.
    pub fn counter(&mut self, family: Family, value: u64) {
        self.counters::<&str, 0>(family, [([], value)]);
    }

    /// A counter of seconds without labels.
    pub fn seconds(&mut self, family: Family, value: f64) {
        self.family::<&str, f64, 0>(family, Kind::Counter, [([], value)], |line, value| {
            line.labels("", &[]);
            line.number(value);
        });
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, family: Family, value: f64) {
        self.gauges::<&str, 0>(family, [([], value)]);
    }

    /// A yes or no.
    pub fn flag(&mut self, family: Family, value: bool) {
        self.gauge(family, f64::from(u8::from(value)));
    }

    fn family<L: AsRef<str>, V, const LABELS: usize>(
        &mut self,
        family: Family,
        kind: Kind,
        values: impl IntoIterator<Item = ([L; LABELS], V)>,
        write: impl Fn(&mut Line<'_>, V),
    ) {
        if family.kind != kind || family.labels.len() != LABELS {
            self.failed.get_or_insert(PageError::Other(family.name));
            return;
        }
        if self.told.contains(&family.name) {
            self.failed.get_or_insert(PageError::Twice(family.name));
            return;
        }
        self.told.push(family.name);
        // Labels in the order of their names, as Prometheus shows them itself.
        let mut order: [usize; LABELS] = core::array::from_fn(|index| index);
        order.sort_unstable_by_key(|&index| family.labels.get(index));
        let (start, before) = (self.text.len(), self.series);
        let mut left_out = 0;
        for (labels, value) in values {
            if self.series >= self.most {
                left_out += 1;
                continue;
            }
            if self.text.len() == start {
                self.format.head(family, &mut self.text);
            }
            let text = |&index: &usize| {
                let name = family.labels.get(index).copied().unwrap_or_default();
                (name, labels.get(index).map(AsRef::as_ref).unwrap_or_default())
            };
            let labels: [(&str, &str); LABELS] = order.each_ref().map(text);
            let Page { text, series, .. } = self;
            write(&mut Line { name: family.name, labels: &labels, text, series }, value);
        }
        if left_out > 0 {
            self.left_out += left_out + (self.series - before);
            self.text.truncate(start);
            self.series = before;
        }
    }

    /// The text.
    ///
    /// # Errors
    /// When a family was not what the catalogue says, which a test would have found.
    pub fn text(mut self) -> Result<String, PageError> {
        self.most = usize::MAX;
        self.gauge(all::LEFT_OUT, self.left_out as f64);
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.text.push_str(self.format.end());
        Ok(self.text)
    }
}

/// Where the lines of one metric go.
struct Line<'p> {
    name: &'static str,
    labels: &'p [(&'p str, &'p str)],
    text: &'p mut String,
    series: &'p mut usize,
}

impl Line<'_> {
    /// The name with something behind it, and the labels with more behind them.
    fn labels(&mut self, suffix: &str, more: &[(&str, &str)]) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, value) in self.labels.iter().chain(more) {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
            before = ',';
        }
        self.text.push_str(if before == '{' { " " } else { "} " });
        *self.series += 1;
    }

    fn escaped(&mut self, value: &str) {
        if !value.contains(['\\', '"', '\n']) {
            return self.text.push_str(value);
        }
        for one in value.chars() {
            match one {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }

    fn integer(&mut self, value: u64) {
        // A String takes everything.
        let _ = writeln!(self.text, "{value}");
    }

    fn number(&mut self, value: f64) {
        let _ = match value {
            f64::INFINITY => writeln!(self.text, "+Inf"),
            f64::NEG_INFINITY => writeln!(self.text, "-Inf"),
            other => writeln!(self.text, "{other}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use prometheus::HistogramOpts;

    use super::*;

    const SERVICE: Family = all::SERVICE_CONNECTIONS;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        page.counters(SERVICE, [(["a\"b\\c\nd", "198.51.100.10:80", "tcp"], 7)]);
        page.gauge(all::PEER_SILENCE, 0.25);
        page.gauges::<&str, 1>(all::NIC_UP, []);
        let histogram =
            Histogram::with_opts(HistogramOpts::new("h", "h").buckets(vec![0.5, 1.0])).unwrap();
        histogram.observe(0.75);
        page.histograms(all::HEARTBEAT_GAP, [(["x", "y"], &histogram)]);
        page.text().unwrap()
    }

    #[test]
    fn text_is_as_prometheus_reads_it() {
        let expected = r#"# HELP tandem_service_connections_total Connections made to the service.
# TYPE tandem_service_connections_total counter
tandem_service_connections_total{listen="198.51.100.10:80",protocol="tcp",service="a\"b\\c\nd"} 7
# HELP tandem_peer_silence_seconds Time since the peer's last heartbeat.
# TYPE tandem_peer_silence_seconds gauge
tandem_peer_silence_seconds 0.25
# HELP tandem_heartbeat_gap_seconds Time between two heartbeats of the peer on the path.
# TYPE tandem_heartbeat_gap_seconds histogram
tandem_heartbeat_gap_seconds_bucket{local="x",remote="y",le="0.5"} 0
tandem_heartbeat_gap_seconds_bucket{local="x",remote="y",le="1"} 1
tandem_heartbeat_gap_seconds_bucket{local="x",remote="y",le="+Inf"} 1
tandem_heartbeat_gap_seconds_sum{local="x",remote="y"} 0.75
tandem_heartbeat_gap_seconds_count{local="x",remote="y"} 1
"#;
        let text = page(Format::Text);
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn openmetrics_names_families_of_counters_without_total_and_ends() {
        let text = page(Format::OpenMetrics);
        for line in [
            "# TYPE tandem_service_connections counter\n",
            "\ntandem_service_connections_total{",
            "# UNIT tandem_peer_silence_seconds seconds\n",
            ",le=\"1.0\"} 1\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn families_beyond_the_room_are_left_out_whole_and_counted() {
        let mut page = Page::with_most(Format::Text, 4);
        page.gauges(all::NIC_UP, [(["public"], 1.0), (["private"], 1.0)]);
        let workers = |value| (0..3).map(move |core| ([core.to_string()], value));
        page.counters(all::WORKER_RX_PACKETS, workers(9));
        page.gauge(all::TERM, 3.0);
        let text = page.text().unwrap();
        assert!(!text.contains("tandem_worker_receive_packets_total"), "{text}");
        assert!(text.contains("tandem_term 3\n"), "what fits is told: {text}");
        assert!(text.ends_with("tandem_metrics_left_out_series 3\n"), "{text}");
    }

    #[test]
    fn what_is_not_in_the_catalogue_is_an_error() {
        let mut page = Page::new(Format::Text);
        page.flag(all::ACTIVE, true);
        page.flag(all::ACTIVE, true);
        assert_eq!(page.text(), Err(PageError::Twice("tandem_active")));
        let mut page = Page::new(Format::Text);
        page.counter(all::ACTIVE, 1);
        assert_eq!(page.text(), Err(PageError::Other("tandem_active")));
    }
}
