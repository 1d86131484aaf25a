//! The search for the highest rate without loss: RFC 2544 section 26.1, by halving.

use super::device::Device;
use super::steady::SteadyGenerator;
use super::{NdrSettings, REPEATS};
use crate::Error;

/// Searches, and how many trials they took.
pub(super) struct Searches<'a> {
    settings: &'a NdrSettings,
    /// No rate is higher.
    most: f64,
    progress: &'a dyn Fn(&str),
    pub(super) trials: u32,
    pub(super) slices: u32,
    pub(super) repeated: u32,
    pub(super) undecided: u32,
    /// A rate passed that the generator did not reach.
    pub(super) is_limited: bool,
}

/// The part of a rate at which the generator is as fast as asked.
const IN_TIME: f64 = 0.99;

impl<'a> Searches<'a> {
    pub(super) fn new(settings: &'a NdrSettings, most: f64, progress: &'a dyn Fn(&str)) -> Self {
        Searches {
            settings,
            most,
            progress,
            trials: 0,
            slices: 0,
            repeated: 0,
            undecided: 0,
            is_limited: false,
        }
    }

    /// One search: packets a second.
    pub(super) fn run(&mut self, generator: &mut SteadyGenerator) -> Result<f64, Error> {
        let least = self.most * self.settings.resolution / 100.0;
        let rate = halve(self.most, least, |rate| self.passes(generator, rate));
        rate.ok_or_else(|| Error::dataplane("packets are lost at every rate that was tried"))
    }

    /// The rate that was reached if no more was lost than may be.
    fn passes(&mut self, generator: &mut SteadyGenerator, rate: f64) -> Option<f64> {
        let NdrSettings { trial, slice, tolerance, .. } = self.settings;
        let slices = trial.as_micros().div_ceil(slice.as_micros().max(1)).max(1) as u32;
        let tolerated = trial.as_secs_f64() * rate * tolerance / 100.0;
        let (mut all, mut count, mut repeated) = (Total::default(), 0, 0);
        while count < slices && all.lost as f64 <= tolerated {
            let slice = generator.trial(Device::Router, rate, *slice, None);
            if slice.stood_still && slice.lost() > 0 && repeated < slices * REPEATS {
                repeated += 1;
                continue;
            }
            count += 1;
            all.offered += slice.offered;
            all.lost += slice.lost();
            all.seconds += slice.seconds;
            all.disturbed |= slice.stood_still && slice.lost() > 0;
        }
        self.trials += 1;
        self.slices += count;
        self.repeated += repeated;
        let passes = all.lost as f64 <= tolerated;
        self.undecided += u32::from(all.disturbed && !passes);
        let reached = all.offered as f64 / all.seconds;
        let (mpps, verdict) = (reached / 1e6, if passes { "passes" } else { "loses packets" });
        (self.progress)(&format!("{mpps:>8.2} Mpps {verdict}, {repeated} slices repeated"));
        self.is_limited |= passes && reached < rate * IN_TIME;
        passes.then_some(reached)
    }
}

/// The slices of a trial that count.
#[derive(Default)]
struct Total {
    offered: u64,
    lost: u64,
    seconds: f64,
    /// One of them counts although a core stood still in it.
    disturbed: bool,
}

/// The highest rate up to `most` that passes, less than `resolution` below one that does
/// not; `passes` tells what rate was reached in truth. `None` if none passes.
fn halve(most: f64, resolution: f64, mut passes: impl FnMut(f64) -> Option<f64>) -> Option<f64> {
    if let Some(rate) = passes(most) {
        return Some(rate);
    }
    let (mut good, mut bad, mut reached) = (0.0, most, None);
    while bad - good > resolution.max(most * 1e-6) {
        let middle = (good + bad) / 2.0;
        match passes(middle) {
            Some(rate) => (good, reached) = (middle, Some(rate)),
            None => bad = middle,
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_finds_the_limit() {
        for limit in [3.0, 5.0, 77.7, 99.9] {
            let found = halve(100.0, 0.5, |rate| (rate <= limit).then_some(rate)).unwrap();
            assert!(found <= limit && limit - found <= 0.5, "{found} for {limit}");
        }
    }

    #[test]
    fn the_highest_rate_is_tried_first_and_none_may_pass() {
        let mut tried = Vec::new();
        let found = halve(100.0, 1.0, |rate| {
            tried.push(rate);
            Some(98.0)
        });
        assert_eq!((found, tried), (Some(98.0), vec![100.0]));
        assert_eq!(halve(100.0, 1.0, |_| None), None);
    }
}
