//! Times that are measured as they pass, for the metrics.

use core::time::Duration;

use prometheus::{Histogram, HistogramOpts};

use crate::metrics::catalogue::{self, Family};

/// The buckets of the histograms in seconds, from a quarter of a millisecond to two seconds.
const BUCKETS: [f64; 14] =
    [0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.3, 1.0, 2.0];

/// The histograms that the driver writes and the metrics read. Writing takes no lock.
#[derive(Clone, Debug)]
pub struct Measures {
    /// How late the driver came to its own ticks.
    pub lateness: Histogram,
    /// How long the dataplane took to answer an order.
    pub answers: Histogram,
    /// Between heartbeats of the peer, of each path by its ends.
    pub gaps: Vec<([String; 2], Histogram)>,
}

impl Measures {
    /// Makes histograms for the paths with these ends.
    ///
    /// # Errors
    /// When the metrics' crate does not take a name.
    pub fn new(paths: &[(String, String)]) -> Result<Self, prometheus::Error> {
        let options =
            |family: Family| HistogramOpts::new(family.name, family.help).buckets(BUCKETS.to_vec());
        let gap = |(local, remote): &(String, String)| {
            let gap = Histogram::with_opts(options(catalogue::HEARTBEAT_GAP));
            gap.map(|gap| ([local.clone(), remote.clone()], gap))
        };
        Ok(Measures {
            lateness: Histogram::with_opts(options(catalogue::TICK_LATENESS))?,
            answers: Histogram::with_opts(options(catalogue::ORDER))?,
            gaps: paths.iter().map(gap).collect::<Result<_, _>>()?,
        })
    }

    /// A heartbeat came so long after the one before.
    pub fn gap(&self, path: usize, gap: Duration) {
        if let Some((_, histogram)) = self.gaps.get(path) {
            histogram.observe(gap.as_secs_f64());
        }
    }
}
