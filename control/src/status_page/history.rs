//! What was, so that the page has a past when it is opened: each second of ten minutes, and each
//! minute of a day. About 100 kB.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};

const SECONDS: usize = 600;
const MINUTES: usize = 1440;

/// The machine at one moment. Rates are by the second.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Sample {
    /// In seconds since 1970.
    pub at: u64,
    /// Connections that exist.
    pub connections: f64,
    /// Connections that are opened.
    pub opened: f64,
    /// Bits that come in from the public side.
    pub bits_in: f64,
    /// Bits that go out to the public side.
    pub bits_out: f64,
    /// Packets that are dropped.
    pub dropped: f64,
}

impl Sample {
    /// In the order of [`NAMES`].
    fn values(&self) -> [f64; 5] {
        [self.connections, self.opened, self.bits_in, self.bits_out, self.dropped]
    }
}

const NAMES: [&str; 5] = ["connections", "opened", "bits_in", "bits_out", "dropped"];

/// The samples of the last ten minutes and of the last day.
#[derive(Debug, Default)]
pub(super) struct History {
    seconds: VecDeque<Sample>,
    minutes: VecDeque<Sample>,
    /// The sum of the samples of the minute that runs, and how many they are.
    minute: (Sample, u32),
}

impl History {
    pub(super) fn add(&mut self, sample: Sample) {
        push(&mut self.seconds, sample, SECONDS);
        let (sum, count) = &mut self.minute;
        if *count > 0 && sum.at / 60 != sample.at / 60 {
            let whole = mean(*sum, *count);
            push(&mut self.minutes, whole, MINUTES);
            (*sum, *count) = (Sample::default(), 0);
        }
        sum.at = sample.at;
        sum.connections += sample.connections;
        sum.opened += sample.opened;
        sum.bits_in += sample.bits_in;
        sum.bits_out += sample.bits_out;
        sum.dropped += sample.dropped;
        *count += 1;
    }
}

fn push(list: &mut VecDeque<Sample>, sample: Sample, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(sample);
}

fn mean(sum: Sample, count: u32) -> Sample {
    let by = f64::from(count.max(1));
    Sample {
        at: sum.at / 60 * 60,
        connections: sum.connections / by,
        opened: sum.opened / by,
        bits_in: sum.bits_in / by,
        bits_out: sum.bits_out / by,
        dropped: sum.dropped / by,
    }
}

/// As columns, which take half the room of rows: `{"seconds": {"at": [..], "connections": ..}}`.
impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("seconds", &Columns(&self.seconds))?;
        map.serialize_entry("minutes", &Columns(&self.minutes))?;
        map.end()
    }
}

struct Columns<'h>(&'h VecDeque<Sample>);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1 + NAMES.len()))?;
        map.serialize_entry("at", &self.0.iter().map(|sample| sample.at).collect::<Vec<_>>())?;
        for (place, name) in NAMES.into_iter().enumerate() {
            let value = |sample: &Sample| {
                sample.values().get(place).map_or(0.0, |v| super::rates::readable(*v))
            };
            map.serialize_entry(name, &self.0.iter().map(value).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_means_and_nothing_grows_for_ever() {
        let mut history = History::default();
        for at in 0..90_000_u64 {
            history.add(Sample { at, connections: (at / 60) as f64, ..Sample::default() });
        }
        assert_eq!((history.seconds.len(), history.minutes.len()), (SECONDS, MINUTES));
        let last = history.minutes.back().unwrap();
        assert_eq!((last.at, last.connections), (89_880, 1498.0));
        let text = serde_json::to_string(&history).unwrap();
        assert!(text.len() < 150_000, "{} bytes", text.len());
        assert!(text.starts_with("{\"seconds\":{\"at\":[89400,"), "{}", &text[..60]);
    }
}
