//! Medians, spread, and whether two runs differ.

use serde::{Deserialize, Serialize};

/// What several runs of one thing gave.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Summary {
    pub median: f64,
    pub least: f64,
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

    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let Summary { median, least, most } = self;
        Summary { median: median * factor, least: least * factor, most: most * factor }
    }
}

/// How one set of values differs from another.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// How likely the values lie at least so far apart when nothing has changed.
    pub p: f64,
    /// The median of all ratios of a value to one of before (the estimator of Hodges and
    /// Lehmann, of the logarithms).
    pub ratio: f64,
    /// The interval around it that has the true ratio in it with 99 % confidence.
    pub interval: [f64; 2],
}

/// The quantile of the normal distribution that leaves half a per cent at either end.
const QUANTILE: f64 = 2.575_829;

impl Difference {
    /// Of values to those of before; `None` when either are none, and when some are not
    /// above zero, as differences in the noise may be: those have no ratio.
    pub fn of(now: &[f64], before: &[f64]) -> Option<Self> {
        if !now.iter().chain(before).all(|value| *value > 0.0) {
            return None;
        }
        let mut ratios: Vec<f64> =
            now.iter().flat_map(|now| before.iter().map(move |before| now / before)).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = Summary::of(&ratios)?.median;
        // Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 2014, section
        // 4.3: the ratios between these ranks, by the test's normal approximation.
        let pairs = ratios.len() as f64;
        let sum = (now.len() + before.len() + 1) as f64;
        let rank = pairs / 2.0 - QUANTILE * (pairs * sum / 12.0).sqrt();
        let outside = (rank.floor().max(0.0) as usize).min(ratios.len() / 2);
        let interval = [*ratios.get(outside)?, *ratios.iter().rev().nth(outside)?];
        Some(Difference { p: mann_whitney(now, before), ratio, interval })
    }
}

/// The most pairs of values for which the test counts all orders instead of taking the
/// normal distribution.
const EXACT_PAIRS: usize = 400;

/// The two-sided test of Mann and Whitney ("On a Test of Whether one of Two Random
/// Variables is Stochastically Larger than the Other", 1947): how likely two sets of values
/// are so much in order when they come from the same distribution, whatever that is.
///
/// Exact for few values of which no two are equal, else by the normal distribution with
/// corrections for ties and continuity. 1 when there are no values.
pub fn mann_whitney(left: &[f64], right: &[f64]) -> f64 {
    let pairs = left.len() * right.len();
    if pairs == 0 {
        return 1.0;
    }
    let wins: f64 = left.iter().flat_map(|l| right.iter().map(move |r| win(*l, *r))).sum();
    let larger = wins.max(pairs as f64 - wins);
    let ties = ties(left, right);
    let p = if ties == 0.0 && pairs <= EXACT_PAIRS {
        2.0 * exact_tail(left.len(), right.len(), larger.round() as usize)
    } else {
        let all = (left.len() + right.len()) as f64;
        let variance = pairs as f64 / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        if variance <= 0.0 {
            return 1.0;
        }
        let z = (larger - pairs as f64 / 2.0 - 0.5) / variance.sqrt();
        libm::erfc(z / core::f64::consts::SQRT_2)
    };
    p.min(1.0)
}

fn win(left: f64, right: f64) -> f64 {
    if left > right {
        1.0
    } else if left < right {
        0.0
    } else {
        0.5
    }
}

/// The sum of t³ - t over groups of t equal values.
fn ties(left: &[f64], right: &[f64]) -> f64 {
    let mut all: Vec<f64> = left.iter().chain(right).copied().collect();
    all.sort_by(f64::total_cmp);
    let groups = all.chunk_by(|one, next| one == next).map(|group| group.len() as f64);
    groups.map(|size| size.powi(3) - size).sum()
}

/// The share of all orders of so many values in which one set wins at least `wins` pairs.
fn exact_tail(left: usize, right: usize, wins: usize) -> f64 {
    // Orders by number of wins, for 0 to `left` of the one and one more of the other set
    // in turn: the largest value is of the one and wins against all others, or it is not.
    let mut none = vec![0.0; left * right + 1];
    none.iter_mut().take(1).for_each(|count| *count = 1.0);
    let mut counts = vec![none.clone(); left + 1];
    for others in 1..=right {
        let mut fewer = none.clone();
        for row in counts.iter_mut().skip(1) {
            for (count, fewer) in row.iter_mut().skip(others).zip(&fewer) {
                *count += fewer;
            }
            fewer.clone_from(row);
        }
    }
    let orders = counts.pop().unwrap_or_default();
    let all: f64 = orders.iter().sum();
    orders.iter().skip(wins).sum::<f64>() / all
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

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn mann_whitney_as_scipy_has_it() {
        // scipy.stats.mannwhitneyu, method "exact" where no two values are equal.
        let (males, females) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        near(mann_whitney(&males, &females), 0.111_111_111_111_111_1);
        let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]);
        near(mann_whitney(&low, &high), 2.0 / 252.0);
        near(mann_whitney(&high, &low), 2.0 / 252.0);
        near(mann_whitney(&low[..3], &high[..3]), 0.1);
    }

    #[test]
    fn many_and_equal_values_by_the_normal_distribution() {
        let (left, right): (Vec<f64>, Vec<f64>) =
            (0..40).map(|value| (f64::from(value), f64::from(value) + 20.5)).unzip();
        let p = mann_whitney(&left, &right);
        assert!(p < 1e-6, "{p}");
        assert_eq!(mann_whitney(&[1.0; 9], &[1.0; 9]), 1.0, "all equal");
        let p = mann_whitney(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 3.0, 4.0]);
        assert!(p > 0.1 && p < 1.0, "{p}");
        assert_eq!(mann_whitney(&[], &[1.0]), 1.0);
    }

    #[test]
    fn both_ways_to_p_meet() {
        let left: Vec<f64> = (0..20).map(|value| f64::from(value) * 1.01).collect();
        let right: Vec<f64> = (0..20).map(|value| f64::from(value) + 5.3).collect();
        let exact = mann_whitney(&left, &right);
        let more: Vec<f64> = right.iter().copied().chain([9.1]).collect();
        let normal = mann_whitney(&left, &more);
        assert!((exact - normal).abs() < 0.02, "{exact} {normal}");
    }

    #[test]
    fn ratios_have_an_interval() {
        let before: Vec<f64> = (0..20).map(|value| 10.0 + f64::from(value) / 100.0).collect();
        let now: Vec<f64> = before.iter().map(|value| value * 1.1).collect();
        let difference = Difference::of(&now, &before).unwrap();
        assert!((difference.ratio - 1.1).abs() < 0.002);
        let [low, high] = difference.interval;
        assert!(low > 1.08 && low < difference.ratio && difference.ratio < high && high < 1.12);
        assert_eq!(Difference::of(&[], &before), None);
        let few = Difference::of(&[3.0], &[2.0]).unwrap();
        assert_eq!((few.interval, few.p), ([1.5, 1.5], 1.0));
    }
}
