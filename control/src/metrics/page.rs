//! One scrape's answer.

use prometheus::core::Collector;
use prometheus::{Encoder, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::catalogue::Family;

/// What is told in one scrape.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
    failed: Option<prometheus::Error>,
}

impl Page {
    #[must_use]
    pub fn new() -> Self {
        Page { registry: Registry::new(), failed: None }
    }

    /// A counter's values, each with its labels.
    pub fn counters<const LABELS: usize>(
        &mut self,
        family: Family,
        values: impl IntoIterator<Item = ([String; LABELS], u64)>,
    ) {
        let made = IntCounterVec::new(options(family), family.labels).and_then(|counters| {
            for (labels, value) in values {
                counters.get_metric_with_label_values(&texts(&labels))?.inc_by(value);
            }
            Ok(counters)
        });
        self.add(made);
    }

    /// A gauge's values, each with its labels.
    pub fn gauges<const LABELS: usize>(
        &mut self,
        family: Family,
        values: impl IntoIterator<Item = ([String; LABELS], f64)>,
    ) {
        let made = GaugeVec::new(options(family), family.labels).and_then(|gauges| {
            for (labels, value) in values {
                gauges.get_metric_with_label_values(&texts(&labels))?.set(value);
            }
            Ok(gauges)
        });
        self.add(made);
    }

    /// A counter without labels.
    pub fn counter(&mut self, family: Family, value: u64) {
        self.counters(family, [([], value)]);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, family: Family, value: f64) {
        self.gauges(family, [([], value)]);
    }

    /// A yes or no.
    pub fn flag(&mut self, family: Family, value: bool) {
        self.gauge(family, f64::from(u8::from(value)));
    }

    /// What was measured elsewhere.
    pub fn measured(&mut self, collector: impl Collector + 'static) {
        self.add(Ok(collector));
    }

    fn add<C: Collector + 'static>(&mut self, made: prometheus::Result<C>) {
        let added = made.and_then(|collector| self.registry.register(Box::new(collector)));
        if let Err(error) = added {
            self.failed.get_or_insert(error);
        }
    }

    /// The text.
    ///
    /// # Errors
    /// When a family was not what the catalogue says, which a test would have found.
    pub fn text(self) -> prometheus::Result<Vec<u8>> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Default for Page {
    fn default() -> Self {
        Page::new()
    }
}

fn options(family: Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn texts<const LABELS: usize>(labels: &[String; LABELS]) -> Vec<&str> {
    labels.iter().map(String::as_str).collect()
}
