//! Rates of counters, smoothed so that a number can be read before it changes.

use core::hash::Hash;
use core::time::Duration;
use std::collections::HashMap;
use std::time::Instant;

/// After so long two thirds of a change are in the rate.
const SMOOTHING: Duration = Duration::from_secs(3);
/// A gap after which a rate begins anew: nobody looked meanwhile.
const GAP: Duration = Duration::from_secs(10);

/// Some counters of one thing, and how fast each grows.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry<const N: usize> {
    values: [u64; N],
    rates: Option<[f64; N]>,
    at: Instant,
}

/// The counters of many things, `N` each.
#[derive(Debug)]
pub(super) struct Rates<K, const N: usize>(HashMap<K, Entry<N>>);

impl<K, const N: usize> Default for Rates<K, N> {
    fn default() -> Self {
        Rates(HashMap::new())
    }
}

impl<K: Eq + Hash, const N: usize> Rates<K, N> {
    /// How fast these counters grow, a second; none until they were seen twice.
    pub(super) fn take(&mut self, key: K, values: [u64; N], at: Instant) -> Option<[f64; N]> {
        let rates = self.0.get(&key).and_then(|before| next(before, values, at));
        self.0.insert(key, Entry { values, rates, at });
        rates
    }

    /// Forgets what was not seen for long: services and servers that are gone.
    pub(super) fn forget(&mut self, now: Instant) {
        self.0.retain(|_, entry| now.saturating_duration_since(entry.at) < GAP);
    }
}

fn next<const N: usize>(before: &Entry<N>, values: [u64; N], at: Instant) -> Option<[f64; N]> {
    let passed = at.saturating_duration_since(before.at);
    // A counter that went back belongs to another start of the dataplane.
    let went_back = before.values.iter().zip(values).any(|(before, now)| now < *before);
    if passed.is_zero() || went_back || passed > GAP {
        return None;
    }
    let seconds = passed.as_secs_f64();
    let share = 1.0 - (-seconds / SMOOTHING.as_secs_f64()).exp();
    let mut rates = [0.0; N];
    for (at, rate) in rates.iter_mut().enumerate() {
        let (Some(now), Some(then)) = (values.get(at), before.values.get(at)) else { continue };
        let measured = now.saturating_sub(*then) as f64 / seconds;
        let smooth = before.rates.and_then(|rates| rates.get(at).copied());
        *rate = smooth.map_or(measured, |smooth| smooth + share * (measured - smooth));
    }
    Some(rates)
}

/// In three digits: what a person reads, and what changes seldom enough to be worth sending.
pub(super) fn readable(rate: f64) -> f64 {
    if !rate.is_finite() || rate < 0.005 {
        return 0.0;
    }
    let digits = 2 - rate.log10().floor() as i32;
    let scale = 10_f64.powi(digits.min(2));
    (rate * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_added_a_second() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut rates = Rates::default();
        assert_eq!(rates.take("web", [100, 0], start), None, "once is not enough");
        assert_eq!(rates.take("web", [150, 7], start + second), Some([50.0, 7.0]));
        let [later, _] = rates.take("web", [150, 7], start + 2 * second).unwrap();
        assert!((30.0..40.0).contains(&later), "it falls, and not at once: {later}");
        assert_eq!(rates.take("web", [3, 0], start + 3 * second), None, "the counter began anew");
        assert_eq!(rates.take("web", [4, 0], start + 60 * second), None, "nobody looked");
        rates.forget(start + 600 * second);
        assert!(rates.0.is_empty());
    }

    #[test]
    fn three_digits() {
        let read = [0.0, 0.001, 0.126, 1.239, 12.36, 123.4, 1239.0, 1_234_567.0].map(readable);
        assert_eq!(read, [0.0, 0.0, 0.13, 1.24, 12.4, 123.0, 1240.0, 1_230_000.0]);
        assert_eq!(readable(f64::NAN), 0.0);
    }
}
