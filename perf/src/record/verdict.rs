//! Faster, slower or the same: the figures of two records.

use serde::{Deserialize, Serialize};

use super::{Better, Figure, Record, Settings};
use crate::statistics::{Difference, mann_whitney};

/// Samples that lie so far apart by chance are not told from those that differ.
const SIGNIFICANT: f64 = 0.01;
/// Changes below are of no account.
const NOTICEABLE: f64 = 0.01;

/// What has become of a figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Faster,
    Slower,
    /// Not told apart, or by less than one per cent.
    Same,
    /// There are so few samples that no difference would count.
    TooFew,
    /// More than before, of a figure that is not better either way.
    Higher,
    /// Less, of such a figure.
    Lower,
}

impl core::fmt::Display for Verdict {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::Same => "the same",
            Verdict::TooFew => "too few samples",
            Verdict::Higher => "higher",
            Verdict::Lower => "lower",
        })
    }
}

/// A figure of both records.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    pub unit: String,
    /// By how much, and how surely.
    #[serde(flatten)]
    pub difference: Difference,
    /// What to make of it.
    pub verdict: Verdict,
}

/// Why a record says nothing about a run of this command with these settings.
pub(super) fn obstacle(record: &Record, command: &str, settings: &Settings) -> Option<String> {
    if record.command != command {
        let before = &record.command;
        return Some(format!(
            "this is a record of tandem-perf {before}, and cannot be compared with {command}"
        ));
    }
    let names: std::collections::BTreeSet<&String> =
        record.settings.keys().chain(settings.keys()).collect();
    let text = |settings: &Settings, name: &String| {
        settings.get(name).map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    let different: Vec<String> = names
        .into_iter()
        .filter(|&name| record.settings.get(name) != settings.get(name))
        .map(|name| {
            format!("{name} {}, now {}", text(&record.settings, name), text(settings, name))
        })
        .collect();
    let told = different.join("; ");
    (!different.is_empty()).then(|| {
        format!("the record is of other settings ({told}); run with those, or record a new one")
    })
}

/// The changes of all figures that are in both and have a ratio.
pub(super) fn changes(now: &[Figure], before: &[Figure]) -> Vec<Change> {
    now.iter()
        .filter_map(|figure| {
            let is_same = |other: &&Figure| other.name == figure.name && other.unit == figure.unit;
            let before = before.iter().find(is_same)?;
            let difference = Difference::of(&figure.samples, &before.samples)?;
            let verdict = judge(figure, before, &difference);
            let (name, unit) = (figure.name.clone(), figure.unit.clone());
            Some(Change { name, unit, difference, verdict })
        })
        .collect()
}

fn judge(now: &Figure, before: &Figure, difference: &Difference) -> Verdict {
    if least_p(now.samples.len(), before.samples.len()) >= SIGNIFICANT {
        return Verdict::TooFew;
    }
    let Difference { p, ratio, .. } = *difference;
    if p >= SIGNIFICANT || (ratio - 1.0).abs() < NOTICEABLE {
        return Verdict::Same;
    }
    match (now.better, ratio > 1.0) {
        (Better::Higher, true) | (Better::Lower, false) => Verdict::Faster,
        (Better::Higher, false) | (Better::Lower, true) => Verdict::Slower,
        (Better::Neither, true) => Verdict::Higher,
        (Better::Neither, false) => Verdict::Lower,
    }
}

/// What the test says of so many samples that are entirely apart.
fn least_p(now: usize, before: usize) -> f64 {
    let numbers = |range: core::ops::Range<usize>| range.map(|n| n as f64).collect::<Vec<_>>();
    mann_whitney(&numbers(0..now), &numbers(now..now + before))
}

#[cfg(test)]
mod tests {
    use super::super::Each;
    use super::*;

    fn figure(better: Better, samples: &[f64]) -> Figure {
        Figure::new("tandem", "Mpps", better, Each::Round, samples.to_vec())
    }

    fn verdict(better: Better, now: &[f64], before: &[f64]) -> Verdict {
        let changes = changes(&[figure(better, now)], &[figure(better, before)]);
        changes.first().unwrap().verdict
    }

    const BEFORE: [f64; 6] = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5];

    #[test]
    fn a_clear_difference_is_told_by_its_direction() {
        let more = BEFORE.map(|value| value * 1.2);
        assert_eq!(verdict(Better::Higher, &more, &BEFORE), Verdict::Faster);
        assert_eq!(verdict(Better::Higher, &BEFORE, &more), Verdict::Slower);
        assert_eq!(verdict(Better::Lower, &more, &BEFORE), Verdict::Slower);
        assert_eq!(verdict(Better::Lower, &BEFORE, &more), Verdict::Faster);
        assert_eq!(verdict(Better::Neither, &more, &BEFORE), Verdict::Higher);
    }

    #[test]
    fn noise_and_trifles_are_the_same() {
        let shuffled = [10.05, 10.45, 10.15, 10.25, 10.35, 10.6];
        assert_eq!(verdict(Better::Higher, &shuffled, &BEFORE), Verdict::Same);
        let steady = [100.0, 100.01, 100.02, 100.03, 100.04, 100.05];
        let trifle = steady.map(|value| value + 0.5);
        assert_eq!(verdict(Better::Higher, &trifle, &steady), Verdict::Same);
    }

    #[test]
    fn few_samples_tell_nothing() {
        let more = [20.0, 20.1, 20.2];
        assert_eq!(verdict(Better::Higher, &more, &BEFORE[..3]), Verdict::TooFew);
        assert_eq!(verdict(Better::Higher, &[20.0; 5], &BEFORE), Verdict::Faster);
    }

    #[test]
    fn figures_without_a_ratio_are_left_out() {
        let around_zero = figure(Better::Lower, &[-0.1, 0.0, 0.2]);
        assert!(
            changes(core::slice::from_ref(&around_zero), &[figure(Better::Lower, &BEFORE)])
                .is_empty()
        );
        assert!(changes(&[figure(Better::Lower, &BEFORE)], &[around_zero]).is_empty());
    }

    #[test]
    fn figures_that_were_not_there_are_left_out() {
        let new = Figure { name: "other".to_owned(), ..figure(Better::Higher, &BEFORE) };
        assert!(changes(&[new], &[figure(Better::Higher, &BEFORE)]).is_empty());
    }
}
