//! Times as percentiles.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Error;

/// What is longer counts as this: minutes.
const LONGEST: u64 = 1 << 40;

/// Times in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Percentiles {
    /// Half of them are no longer.
    pub p50: f64,
    /// 90 % of them.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    pub max: f64,
}

impl Percentiles {
    /// Name and value of each.
    pub fn named(&self) -> [(&'static str, f64); 5] {
        let Percentiles { p50, p90, p99, p999, max } = *self;
        [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)]
    }

    /// What these have more than others, percentile by percentile.
    #[must_use]
    pub fn beyond(&self, other: &Percentiles) -> Self {
        Percentiles {
            p50: self.p50 - other.p50,
            p90: self.p90 - other.p90,
            p99: self.p99 - other.p99,
            p999: self.p999 - other.p999,
            max: self.max - other.max,
        }
    }
}

/// Times in cycles of the time stamp counter, three digits of each.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Result<Self, Error> {
        Histogram::new_with_bounds(1, LONGEST, 3).map(Times).map_err(Error::dataplane)
    }

    #[inline]
    pub(crate) fn record(&mut self, cycles: u64) {
        self.0.saturating_record(cycles);
    }

    pub(crate) fn add(&mut self, other: &Times) -> Result<(), Error> {
        self.0.add(&other.0).map_err(Error::dataplane)
    }

    /// How many were longer than this.
    pub(crate) fn longer_than(&self, cycles: u64) -> u64 {
        self.0.len() - self.0.count_between(0, cycles)
    }

    /// In cycles.
    pub(crate) fn median(&self) -> u64 {
        self.0.value_at_quantile(0.5)
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let micros = 1e6 / dpdk::clock::hz().max(1) as f64;
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 * micros;
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max() as f64 * micros,
        }
    }
}
