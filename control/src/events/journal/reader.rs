//! Reads the history, also while it is written.

use std::path::Path;
use std::vec;

use api::Event;

use super::segment::{Place, Segment};

/// The events of a history in the order of their numbers, segment by segment.
#[derive(Debug)]
pub struct Reader {
    /// Those that are still to be read, the oldest last.
    places: Vec<Place>,
    events: vec::IntoIter<Event>,
    damaged: u64,
}

impl Reader {
    /// Reads events with numbers above `after` and below `before`; some others may be among them.
    /// A folder that cannot be read has none.
    #[must_use]
    pub fn new(folder: &Path, after: u64, before: u64) -> Self {
        let mut places = Place::all(folder).unwrap_or_default();
        // The last one that begins at or before the next number has it, if it is there.
        let begin = places.partition_point(|place| place.first <= after.saturating_add(1));
        places.drain(..begin.saturating_sub(1));
        places.retain(|place| place.first < before);
        places.reverse();
        Reader { places, events: Vec::new().into_iter(), damaged: 0 }
    }

    /// Records that could not be read so far.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

impl Iterator for Reader {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.next() {
                return Some(event);
            }
            // One that is gone was too old meanwhile.
            let segment = Segment::read(&self.places.pop()?.path).unwrap_or_default();
            self.damaged += segment.damaged;
            self.events = segment.events.into_iter();
        }
    }
}
