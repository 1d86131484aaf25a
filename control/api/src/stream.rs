//! Connection sync: the frames of the stream from the active dataplane to the standby one.
//!
//! A client of the dataplane's socket that asks [`crate::Request::Sync`] and is answered
//! [`crate::Response::Syncing`] speaks these binary frames from then on, in both
//! directions, until either end closes. The control processes carry them between the
//! machines, and need not understand them.
//!
//! ```text
//!   exporting dataplane                                importing dataplane
//!     Begin (session, workers, seed)  ------------------>  new generation
//!     Persistence (clients and their servers)  --------->  installed
//!     Events (worker, connections put and closed)  ----->  installed in order
//!     Tally (worker, number, count, digest)  ----------->  compared at that point
//!     Mark (number)  ----------------------------------->
//!     <--------------------  Applied (events installed), Compared, Marked
//! ```
//!
//! A frame is its length (4 bytes, big-endian, of what follows), its kind (1 byte) and its
//! body; numbers in bodies are little-endian. A `Begin` starts over: what was not put
//! again by the time that every worker's tally says `complete` is removed.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

/// The version of these frames and of the events in them.
pub const STREAM_VERSION: u16 = 3;
/// The size of one event in bytes.
pub const EVENT: usize = 32;
/// The most events in a frame.
pub const EVENTS: usize = 1024;
/// Bytes of one persistent client.
pub const CLIENT: usize = 40;
/// The most persistent clients in a frame.
pub const CLIENTS: usize = 800;
/// The most bytes of a frame behind its length.
pub const LIMIT: usize = 1 + 8 + EVENTS * EVENT;

/// Which end of a stream the dataplane is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The dataplane writes its connections to the stream.
    Export,
    /// The dataplane installs the peer's connections from the stream.
    Import,
}

/// A frame of the stream. The first five kinds come from the exporter, the others from the
/// importer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// A session begins: all connections follow, then what happens to them.
    Begin {
        /// The number of the session, which grows with every beginning.
        session: u64,
        /// How many workers the exporter has.
        workers: u16,
        /// The seed by which the exporter shares connections out among its workers, for
        /// information. What counts is the worker that an event's frame names.
        seed: u64,
        /// The [`STREAM_VERSION`] of the exporter.
        version: u16,
    },
    /// What happened on one worker, in order; each event has [`EVENT`] bytes.
    Events {
        /// The exporter's worker on which it happened, counted from 0.
        worker: u16,
        /// The events, the oldest first.
        events: Vec<[u8; EVENT]>,
    },
    /// Persistent clients, and the servers that they keep; each client has [`CLIENT`] bytes. All
    /// of them are sent before the first tally that says `complete`.
    Persistence {
        /// The clients, in any order.
        clients: Vec<[u8; CLIENT]>,
    },
    /// What one worker has, at this point of its events.
    Tally {
        /// The exporter's worker, counted from 0.
        worker: u16,
        /// The number of the tally, which the importer repeats in `Compared`.
        number: u64,
        /// How many connections the worker has.
        count: u64,
        /// The sum of a hash of each of those connections.
        digest: u64,
        /// True when all connections of the worker have been sent since `Begin`.
        complete: bool,
    },
    /// The importer is to answer `Marked` when everything before this frame is installed.
    Mark {
        /// The number of the mark, which the importer repeats in `Marked`.
        number: u64,
    },
    /// How many events the importer has installed since `Begin`.
    Applied {
        /// The number of events.
        events: u64,
        /// The session that they belong to.
        session: u64,
    },
    /// The importer's result for one tally.
    Compared {
        /// The exporter's worker that the tally is about.
        worker: u16,
        /// The number of the tally.
        number: u64,
        /// How many connections of that worker the importer has.
        count: u64,
        /// The importer's sum of a hash of each of them.
        digest: u64,
        /// True when count and digest are the exporter's.
        equal: bool,
    },
    /// Everything before the mark is installed at the importer.
    Marked {
        /// The number of the mark.
        number: u64,
    },
}

const BEGIN: u8 = 1;
const EVENTS_KIND: u8 = 2;
const TALLY: u8 = 3;
const MARK: u8 = 4;
const PERSISTENCE: u8 = 5;
const APPLIED: u8 = 16;
const COMPARED: u8 = 17;
const MARKED: u8 = 18;

impl Frame {
    /// Appends the frame, its length before it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 4]);
        match self {
            Frame::Begin { session, workers, seed, version } => {
                out.push(BEGIN);
                out.extend(session.to_le_bytes());
                out.extend(seed.to_le_bytes());
                out.extend(workers.to_le_bytes());
                out.extend(version.to_le_bytes());
            }
            Frame::Events { worker, events } => {
                out.push(EVENTS_KIND);
                out.extend(worker.to_le_bytes());
                out.extend_from_slice(events.as_flattened());
            }
            Frame::Persistence { clients } => {
                out.push(PERSISTENCE);
                out.extend_from_slice(clients.as_flattened());
            }
            Frame::Tally { worker, number, count, digest, complete } => {
                out.push(TALLY);
                out.extend(worker.to_le_bytes());
                for word in [number, count, digest] {
                    out.extend(word.to_le_bytes());
                }
                out.push(u8::from(*complete));
            }
            Frame::Mark { number } => {
                out.push(MARK);
                out.extend(number.to_le_bytes());
            }
            Frame::Applied { events, session } => {
                out.push(APPLIED);
                out.extend(events.to_le_bytes());
                out.extend(session.to_le_bytes());
            }
            Frame::Compared { worker, number, count, digest, equal } => {
                out.push(COMPARED);
                out.extend(worker.to_le_bytes());
                for word in [number, count, digest] {
                    out.extend(word.to_le_bytes());
                }
                out.push(u8::from(*equal));
            }
            Frame::Marked { number } => {
                out.push(MARKED);
                out.extend(number.to_le_bytes());
            }
        }
        let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// The length that a frame's first four bytes say.
    ///
    /// # Errors
    /// Fails when no frame has this length: the rest of the stream cannot be read.
    pub fn length(header: [u8; 4]) -> io::Result<usize> {
        match usize::try_from(u32::from_be_bytes(header)) {
            Ok(length) if (1..=LIMIT).contains(&length) => Ok(length),
            _ => Err(malformed("a sync frame of a length that none has")),
        }
    }

    /// Reads a frame from the bytes that follow its length.
    ///
    /// # Errors
    /// Fails when the bytes are not exactly one frame.
    pub fn read(body: &[u8]) -> io::Result<Frame> {
        let (&kind, rest) = body.split_first().ok_or_else(|| malformed("an empty sync frame"))?;
        let mut rest = Reader(rest);
        let frame = match kind {
            BEGIN => Frame::Begin {
                session: rest.word()?,
                seed: rest.word()?,
                workers: rest.short()?,
                version: rest.short()?,
            },
            EVENTS_KIND => {
                let worker = rest.short()?;
                let mut events = Vec::with_capacity(rest.0.len() / EVENT);
                while !rest.0.is_empty() {
                    events.push(rest.take()?);
                }
                Frame::Events { worker, events }
            }
            PERSISTENCE => {
                let mut clients = Vec::with_capacity(rest.0.len() / CLIENT);
                while !rest.0.is_empty() {
                    clients.push(rest.take()?);
                }
                Frame::Persistence { clients }
            }
            TALLY => Frame::Tally {
                worker: rest.short()?,
                number: rest.word()?,
                count: rest.word()?,
                digest: rest.word()?,
                complete: rest.flag()?,
            },
            MARK => Frame::Mark { number: rest.word()? },
            APPLIED => Frame::Applied { events: rest.word()?, session: rest.word()? },
            COMPARED => Frame::Compared {
                worker: rest.short()?,
                number: rest.word()?,
                count: rest.word()?,
                digest: rest.word()?,
                equal: rest.flag()?,
            },
            MARKED => Frame::Marked { number: rest.word()? },
            _ => return Err(malformed("a sync frame of an unknown kind")),
        };
        if rest.0.is_empty() { Ok(frame) } else { Err(malformed("a sync frame that is too long")) }
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| malformed("a sync frame that is too short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn word(&mut self) -> io::Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn short(&mut self) -> io::Result<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn flag(&mut self) -> io::Result<bool> {
        self.take::<1>().map(|[byte]| byte != 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn examples() -> Vec<Frame> {
        let (worker, number, count, digest) = (3, 1 << 40, 7, u64::MAX - 1);
        vec![
            Frame::Begin { session: 9, workers: 2, seed: 77, version: STREAM_VERSION },
            Frame::Events { worker, events: vec![[1; EVENT], [2; EVENT]] },
            Frame::Events { worker, events: vec![[5; EVENT]; EVENTS] },
            Frame::Persistence { clients: vec![[7; CLIENT]; CLIENTS] },
            Frame::Tally { worker, number, count, digest, complete: true },
            Frame::Mark { number },
            Frame::Applied { events: 5, session: 9 },
            Frame::Compared { worker, number, count, digest, equal: false },
            Frame::Marked { number },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        for frame in examples() {
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            let (header, body) = bytes.split_first_chunk().unwrap();
            assert_eq!(Frame::length(*header).unwrap(), body.len());
            assert_eq!(Frame::read(body).unwrap(), frame);
        }
    }

    #[test]
    fn cut_and_lengthened_frames_are_refused() {
        for frame in examples() {
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            let body = &bytes[4..];
            assert!(Frame::read(&body[..body.len() - 1]).is_err(), "{frame:?}");
            assert!(Frame::read(&[body, &[0]].concat()).is_err(), "{frame:?}");
        }
        assert!(Frame::read(&[]).is_err());
        assert!(Frame::read(&[99, 0]).is_err());
        assert!(Frame::length([0; 4]).is_err());
        assert!(Frame::length([255; 4]).is_err());
    }
}
