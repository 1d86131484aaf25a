//! A figure with the samples that it comes from.

use serde::Serialize;

use crate::Error;
use crate::statistics::Summary;

/// The summary of samples, and the samples.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Median and spread.
    #[serde(flatten)]
    pub summary: Summary,
    /// In the order in which they were taken.
    pub samples: Vec<f64>,
}

impl Figure {
    /// Of at least one sample.
    pub(crate) fn of(samples: Vec<f64>) -> Result<Self, Error> {
        let summary = Summary::of(&samples).ok_or_else(|| Error::dataplane("nothing ran"))?;
        Ok(Figure { summary, samples })
    }
}
