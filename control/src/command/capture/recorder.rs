//! From the dataplane's stream to the output, within the limits.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use api::{CaptureFrame, CaptureStatistics, CapturedPacket, Capturing};

use super::output::Output;
use super::pcapng::{self, Blocks};

/// How often the limits are looked at when nothing comes.
const TICK: Duration = Duration::from_millis(100);
/// How long the dataplane may take to send what it has copied.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read at a time.
const READ: usize = 256 * 1024;

/// Bytes that a file has room for at its end.
const STATISTICS: usize = 512;

/// Why a capture ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By Ctrl-C or SIGTERM.
    Interrupted,
    /// There are as many packets as wanted.
    Count,
    /// The time is over.
    Duration,
    /// The only file is as large as it may be.
    FileSize,
    /// The dataplane has ended it.
    Dataplane,
    /// The output takes no more.
    Output(io::Error),
}

/// When a capture ends by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) packets: Option<u64>,
    pub(super) duration: Option<Duration>,
}

/// What was captured.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) ended: Ended,
    /// Packets that were written, by side; of a ring also those of files that were removed.
    pub(super) written: [u64; 2],
    /// What was seen on each side.
    pub(super) seen: [CaptureStatistics; 2],
}

/// A capture that is being written.
pub(super) struct Recorder<'r, 'w> {
    capturing: &'r Capturing,
    filter: &'r str,
    limits: Limits,
    output: &'r mut Output<'w>,
    blocks: Blocks,
    started: Instant,
    /// When the file was begun, in nanoseconds since 1970.
    file_start: u64,
    /// Packets in the file, by side.
    in_file: [u64; 2],
    written: [u64; 2],
    seen: [CaptureStatistics; 2],
}

impl<'r, 'w> Recorder<'r, 'w> {
    pub(super) fn new(
        capturing: &'r Capturing,
        filter: &'r str,
        limits: Limits,
        output: &'r mut Output<'w>,
    ) -> io::Result<Self> {
        let blocks = Blocks::begin(capturing, filter)?;
        Ok(Recorder {
            capturing,
            filter,
            limits,
            output,
            blocks,
            started: Instant::now(),
            file_start: now(),
            in_file: [0; 2],
            written: [0; 2],
            seen: [CaptureStatistics::default(); 2],
        })
    }

    /// Writes what comes until something ends it.
    pub(super) fn record(mut self, stream: &UnixStream, interrupted: &AtomicBool) -> Recorded {
        let ended = self.follow(stream, interrupted).unwrap_or_else(|ended| ended);
        // Of a full disk the file keeps what it has; there may be room for these few bytes.
        let closed = self.close_file();
        let ended = match (ended, closed) {
            (Ended::Output(error), _) | (_, Err(error)) => Ended::Output(error),
            (ended, Ok(())) => ended,
        };
        Recorded { ended, written: self.written, seen: self.seen }
    }

    /// Either way it says why it ended; an error ends it without the rest.
    fn follow(&mut self, stream: &UnixStream, interrupted: &AtomicBool) -> Result<Ended, Ended> {
        // The head is there even if no packet ever comes.
        self.flush()?;
        let mut frames = Frames::new(stream);
        loop {
            if let Some(ended) = self.limit(interrupted) {
                return self.take_the_rest(&mut frames, ended);
            }
            while let Some(frame) = frames.next() {
                match frame {
                    CaptureFrame::Packet(packet) => {
                        if let Some(ended) = self.packet(&packet)? {
                            return self.take_the_rest(&mut frames, ended);
                        }
                    }
                    CaptureFrame::Statistics(seen) => self.seen = seen,
                    CaptureFrame::End(seen) => {
                        self.seen = seen;
                        self.flush()?;
                        return Ok(Ended::Dataplane);
                    }
                }
            }
            self.flush()?;
            if self.output.is_abandoned() {
                return Err(Ended::Output(ErrorKind::BrokenPipe.into()));
            }
            if !frames.read() {
                return Ok(Ended::Dataplane);
            }
        }
    }

    fn limit(&self, interrupted: &AtomicBool) -> Option<Ended> {
        if interrupted.load(Ordering::Relaxed) {
            return Some(Ended::Interrupted);
        }
        let is_over = self.limits.duration.is_some_and(|most| self.started.elapsed() >= most);
        is_over.then_some(Ended::Duration)
    }

    /// Has the dataplane end, and takes what it had copied until then, as far as that is wanted.
    fn take_the_rest(&mut self, frames: &mut Frames<'_>, ended: Ended) -> Result<Ended, Ended> {
        // Without it there is nothing to wait for.
        let mut goes_on = frames.stream.shutdown(Shutdown::Write).is_ok();
        let deadline = Instant::now() + PATIENCE;
        let mut is_wanted = matches!(ended, Ended::Interrupted | Ended::Duration);
        while goes_on && Instant::now() < deadline {
            while let Some(frame) = frames.next() {
                match frame {
                    CaptureFrame::Packet(packet) if is_wanted => {
                        is_wanted = self.packet(&packet)?.is_none();
                    }
                    CaptureFrame::Packet(_) => {}
                    CaptureFrame::Statistics(seen) => self.seen = seen,
                    CaptureFrame::End(seen) => {
                        self.seen = seen;
                        goes_on = false;
                    }
                }
            }
            goes_on = goes_on && frames.read();
        }
        self.flush()?;
        Ok(ended)
    }

    /// Adds a packet; what ended with it.
    fn packet(&mut self, packet: &CapturedPacket) -> Result<Option<Ended>, Ended> {
        let before = self.blocks.len();
        self.blocks.packet(packet).map_err(Ended::Output)?;
        if self.output.is_full(self.blocks.len() + STATISTICS)
            && !self.begin_next(before, packet)?
        {
            return Ok(Some(Ended::FileSize));
        }
        let side = pcapng::index(packet.side) as usize;
        for counts in [&mut self.in_file, &mut self.written] {
            if let Some(count) = counts.get_mut(side) {
                *count += 1;
            }
        }
        let enough =
            self.limits.packets.is_some_and(|most| self.written.iter().sum::<u64>() >= most);
        Ok(enough.then_some(Ended::Count))
    }

    /// The packet is one too many for the file: it is the first of the next, if there is one.
    fn begin_next(&mut self, before: usize, packet: &CapturedPacket) -> Result<bool, Ended> {
        self.blocks.truncate(before);
        self.close_file().map_err(Ended::Output)?;
        if !self.output.next().map_err(Ended::Output)? {
            return Ok(false);
        }
        self.blocks = Blocks::begin(self.capturing, self.filter).map_err(Ended::Output)?;
        self.blocks.packet(packet).map_err(Ended::Output)?;
        (self.file_start, self.in_file) = (now(), [0; 2]);
        Ok(true)
    }

    /// Ends a file with its statistics.
    fn close_file(&mut self) -> io::Result<()> {
        // A file that is closed already gets no second ones.
        if self.file_start == 0 {
            return Ok(());
        }
        self.write()?;
        self.blocks.statistics(&self.seen, &self.in_file, [self.file_start, now()])?;
        self.file_start = 0;
        self.write()
    }

    fn flush(&mut self) -> Result<(), Ended> {
        self.write().map_err(Ended::Output)
    }

    fn write(&mut self) -> io::Result<()> {
        if self.blocks.len() == 0 {
            return Ok(());
        }
        let result = self.output.write(self.blocks.bytes());
        // What could not be written once is not written at all: it would come twice.
        self.blocks.clear();
        result
    }
}

/// The frames of the stream as they come.
struct Frames<'s> {
    stream: &'s UnixStream,
    bytes: Vec<u8>,
    /// Bytes of it that were taken.
    taken: usize,
}

impl<'s> Frames<'s> {
    fn new(stream: &'s UnixStream) -> Self {
        Frames { stream, bytes: Vec::new(), taken: 0 }
    }

    /// The next frame that has come whole. What is no frame ends the stream.
    fn next(&mut self) -> Option<CaptureFrame> {
        let mut rest = self.bytes.get(self.taken..)?;
        let before = rest.len();
        let frame = match CaptureFrame::take(&mut rest) {
            Ok(frame) => frame,
            Err(_) => {
                // The next read finds its end.
                let _ = self.stream.shutdown(Shutdown::Both);
                None
            }
        };
        self.taken += before - rest.len();
        frame
    }

    /// Waits for more for a moment; false when the stream has ended.
    fn read(&mut self) -> bool {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let there = self.bytes.len();
        self.bytes.resize(there + READ, 0);
        let place = self.bytes.get_mut(there..).unwrap_or_default();
        let waits = self.stream.set_read_timeout(Some(TICK));
        let read = waits.and_then(|()| (&mut &*self.stream).read(place));
        self.bytes.truncate(there + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(count) => count > 0,
            Err(error) => matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ),
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
