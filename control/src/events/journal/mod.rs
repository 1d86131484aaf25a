//! The history of events on disk.
//!
//! It is a few files in the folder `events` of the machine's state, each of a bounded size; when the
//! newest one is full the next is begun and the oldest removed. Every record has a checksum, and is
//! on disk ([`File::sync_data`]) before the next batch. What a power cut has left unfinished at the
//! end is cut off at the next start; damage in the middle costs the damaged records only.

mod reader;
mod record;
mod segment;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::Event;

pub use self::reader::Reader;
use self::segment::{Header, Place, Segment};
use super::Totals;
use super::hub::RECENT;

/// The version of the files' format.
const VERSION: u32 = 1;

/// The folder of the history in the folder of a machine's state.
#[must_use]
pub fn folder_in(state: &Path) -> PathBuf {
    state.join("events")
}

/// How much of the past is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A file takes no more events when it has so many bytes.
    pub bytes: u64,
    /// So many files are kept.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 20 MB, or some 40,000 events.
        Limits { bytes: 2_000_000, files: 10 }
    }
}

/// Writes the history.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    limits: Limits,
    newest: Option<Newest>,
}

/// The file that takes events.
#[derive(Debug)]
struct Newest {
    file: File,
    /// Its good bytes.
    length: u64,
}

/// What a history said when it was opened.
#[derive(Debug, Default)]
pub struct Opened {
    pub totals: Totals,
    /// The newest events, the oldest of them first.
    pub newest: Vec<Event>,
    /// Bytes of an unfinished record that were cut off.
    pub cut: u64,
    /// Damaged records in the files that were read.
    pub damaged: u64,
}

impl Journal {
    /// Opens a history, or begins one.
    ///
    /// # Errors
    /// When its folder or newest file cannot be used.
    pub fn open(folder: &Path, limits: Limits) -> io::Result<(Self, Opened)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut opened = Opened::default();
        let places = Place::all(folder)?;
        let newest = match places.last() {
            Some(place) => Some(reopen(place, &mut opened)?),
            None => None,
        };
        take_in(&places, &mut opened);
        Ok((Journal { folder: folder.to_owned(), limits, newest }, opened))
    }

    /// Adds events, which are on disk then. `totals` is what was counted up to now.
    ///
    /// # Errors
    /// When they may not be on disk; none of them is in the history then.
    pub fn append(
        &mut self,
        events: &[Arc<Event>],
        totals: impl FnOnce() -> Totals,
    ) -> io::Result<()> {
        let Some(first) = events.first() else { return Ok(()) };
        let mut lines = Vec::new();
        for event in events {
            lines.extend(record::line(&**event)?);
        }
        let is_full = |newest: &Newest| newest.length + lines.len() as u64 > self.limits.bytes;
        let mut newest = match self.newest.take() {
            Some(newest) if !is_full(&newest) => newest,
            _ => self.begin(first.number, totals())?,
        };
        let added = newest.file.write_all(&lines).and_then(|()| newest.file.sync_data());
        match added {
            Ok(()) => newest.length += lines.len() as u64,
            // Half a record in the middle would be damage.
            Err(_) => newest.file.set_len(newest.length)?,
        }
        self.newest = Some(newest);
        added
    }

    fn begin(&self, first: u64, totals: Totals) -> io::Result<Newest> {
        let place = Place::new(&self.folder, first);
        let header = record::line(&Header { segment: VERSION, totals })?;
        let draft = place.path.with_extension("new");
        let mut file = File::create(&draft)?;
        file.write_all(&header)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&draft, &place.path)?;
        let file = append_to(&place.path)?;
        File::open(&self.folder)?.sync_all()?;
        self.remove_oldest();
        Ok(Newest { file, length: header.len() as u64 })
    }

    /// What cannot be removed is tried again with the next file.
    fn remove_oldest(&self) {
        let places = Place::all(&self.folder).unwrap_or_default();
        let many = places.len().saturating_sub(self.limits.files.max(1));
        for place in places.into_iter().take(many) {
            if let Err(error) = fs::remove_file(&place.path) {
                tracing::warn!("{} cannot be removed: {error}", place.path.display());
            }
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).mode(0o600).open(path)
}

/// Opens the newest file, without what is unfinished at its end.
fn reopen(place: &Place, opened: &mut Opened) -> io::Result<Newest> {
    let segment = Segment::read(&place.path)?;
    let file = append_to(&place.path)?;
    if segment.good < segment.length {
        opened.cut = segment.length - segment.good;
        file.set_len(segment.good)?;
        file.sync_all()?;
    }
    Ok(Newest { file, length: segment.good })
}

/// The totals, from the last file with a good beginning and the events behind it; and the newest
/// events.
fn take_in(places: &[Place], opened: &mut Opened) {
    let mut segments = Vec::new();
    let mut count = 0;
    let mut has_totals = false;
    for place in places.iter().rev() {
        let segment = Segment::read(&place.path).unwrap_or_default();
        count += segment.events.len();
        has_totals |= segment.header.is_some();
        segments.push(segment);
        if has_totals && count >= RECENT {
            break;
        }
    }
    // The newest good beginning: what is before it is counted there.
    let from = segments.iter().position(|segment| segment.header.is_some());
    let from = from.unwrap_or(segments.len().saturating_sub(1));
    for (place, segment) in segments.iter_mut().enumerate().rev() {
        if place == from {
            opened.totals = segment.header.take().unwrap_or_default().totals;
        }
        if place <= from {
            segment.events.iter().for_each(|event| opened.totals.count(event));
        }
        opened.damaged += segment.damaged;
        opened.newest.append(&mut segment.events);
    }
    let last = opened.newest.last().map_or(0, |event| event.number);
    opened.totals.last = opened.totals.last.max(last);
    let many = opened.newest.len().saturating_sub(RECENT);
    opened.newest.drain(..many);
}

#[cfg(test)]
mod tests;
