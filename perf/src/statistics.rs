//! Medians and spread.

use serde::Serialize;

/// What several runs of one thing gave.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Summary {
    /// Of at least one value; `None` of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let even = sorted.len() % 2 == 0;
        let lower = if even { *sorted.get(middle - 1)? } else { upper };
        Some(Summary { median: (lower + upper) / 2.0, least, most })
    }

    /// In another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let Summary { median, least, most } = self;
        Summary { median: median * factor, least: least * factor, most: most * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        let summary = Summary::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!(summary, Summary { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Summary::of(&[]), None);
    }
}
