//! A file of the history. Its first record says what was counted before it, the others are events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use api::Event;
use serde::{Deserialize, Serialize};

use super::record::{self, LONGEST};
use crate::events::Totals;

/// What the name of a segment's file ends with.
const ENDING: &str = ".events";

/// The first record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of the format, 1.
    pub segment: u32,
    /// What happened before.
    pub totals: Totals,
}

/// A segment's file, named by the number of its first event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    pub first: u64,
    pub path: PathBuf,
}

impl Place {
    pub(super) fn new(folder: &Path, first: u64) -> Self {
        Place { first, path: folder.join(format!("{first:020}{ENDING}")) }
    }

    /// The segments of a folder, the oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let number = name.and_then(|name| name.strip_suffix(ENDING));
            if let Some(first) = number.and_then(|number| number.parse().ok()) {
                all.push(Place { first, path });
            }
        }
        all.sort();
        Ok(all)
    }
}

/// What is in a segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub header: Option<Header>,
    pub events: Vec<Event>,
    /// Where the last good record ends, in bytes.
    pub good: u64,
    /// How long the file is, in bytes.
    pub length: u64,
    /// Bad records that good ones follow.
    pub damaged: u64,
}

impl Segment {
    /// Reads a segment as far as it is good. What a writer is about to add is not there yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut found, mut bad) = (Segment::default(), 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A file without lines is not taken into memory.
            let most = LONGEST as u64 + 1;
            let length = file.by_ref().take(most).read_until(b'\n', &mut line)? as u64;
            if length == 0 {
                return Ok(found);
            }
            found.length += length;
            if found.take(&line) {
                found.damaged += core::mem::take(&mut bad);
                found.good = found.length;
            } else {
                bad += 1;
            }
        }
    }

    /// True for a record that is good.
    fn take(&mut self, line: &[u8]) -> bool {
        let Some(line) = line.strip_suffix(b"\n") else { return false };
        if self.good == 0 {
            if let Some(header) = record::read::<Header>(line) {
                self.header = Some(header);
                return true;
            }
        }
        let event = record::read::<Event>(line).filter(|event| event.number > 0);
        let is_good = event.is_some();
        self.events.extend(event);
        is_good
    }
}
