//! The log, which must not make anybody wait: whoever reads it may be slow or hang, and a
//! heartbeat that is late because of a log line costs the role.
//!
//! ```text
//!   any thread -- queue, try only --> tandem-log -- write --> standard error
//!                    |                     |
//!                    '- full: counted      '- says how many were lost, once it goes on
//! ```

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use config::LogLevel;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written; further ones are lost.
const LINES: usize = 4096;
/// How long an ending process waits for the last lines to be written.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Between two attempts to put a last word into a queue that is full.
const PAUSE: Duration = Duration::from_millis(1);

/// The lines that this process has lost; there is one log for the whole process.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many lines were lost since the start, because they were not taken quickly enough.
#[must_use]
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// What the writing thread is given.
enum Item {
    Line(Vec<u8>),
    /// Everything before is to be written, then answered.
    Flush(SyncSender<()>),
}

/// The log of the process. Lines are written by a thread of its own; when this is dropped
/// what waits is written first, as far as that takes no longer than 200 ms.
#[derive(Debug)]
pub struct Log(Lines);

/// Takes one line at a time, and never waits.
#[derive(Clone, Debug)]
pub struct Lines(SyncSender<Item>);

impl Log {
    /// Begins to log what is at least as severe.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(level: LogLevel) -> io::Result<Self> {
        let lines = Lines::to(io::stderr())?;
        tracing_subscriber::fmt()
            .with_max_level(severity(level))
            .with_writer(lines.clone())
            .with_ansi(io::stderr().is_terminal())
            .init();
        Ok(Log(lines))
    }

    /// Lets another thread write lines while the process ends.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.0.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Lines {
    fn to(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, receiver) = sync_channel(LINES);
        let told = lost();
        let writer = std::thread::Builder::new().name("tandem-log".to_owned());
        writer.spawn(move || write(&receiver, &mut out, told))?;
        Ok(Lines(lines))
    }

    /// Waits until everything that was said is written, for 200 ms at the most: who reads
    /// the log may have stopped, and must not keep the process from its end.
    pub fn finish(&self) {
        let until = Instant::now() + LAST_WORDS;
        let (written, is_written) = sync_channel(1);
        let mut flush = Item::Flush(written);
        while let Err(TrySendError::Full(unsent)) = self.0.try_send(flush) {
            if Instant::now() >= until {
                return;
            }
            flush = unsent;
            std::thread::sleep(PAUSE);
        }
        let _ = is_written.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn write(lines: &Receiver<Item>, out: &mut impl Write, mut told: u64) {
    while let Ok(item) = lines.recv() {
        // There is nobody to tell that the log cannot be written.
        match item {
            Item::Line(line) => drop(out.write_all(&line)),
            Item::Flush(written) => drop(written.send(())),
        }
        let lost = lost();
        if lost > told {
            let _ = writeln!(
                out,
                "tandem-control: {} lines of this log were lost: they were not read quickly enough",
                lost - told
            );
            told = lost;
        }
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Lines;

    fn make_writer(&'l self) -> Lines {
        self.clone()
    }
}

impl Write for Lines {
    /// An event is written at once, and whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Item::Line(line.to_vec())).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn severity(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_log_that_nobody_reads_makes_nobody_wait() {
        let (out, mut reader) = UnixStream::pair().unwrap();
        let mut lines = Lines::to(out).unwrap();
        let (began, before) = (Instant::now(), lost());
        // The socket takes some, the queue some more.
        let line = [b'x'; 999];
        let count = 3 * LINES;
        (0..count).for_each(|_| lines.write_all(&[&line[..], b"\n"].concat()).unwrap());
        let missing = lost() - before;
        assert!(missing > 0);
        assert!(began.elapsed() < Duration::from_secs(5));
        let began = Instant::now();
        lines.finish();
        assert!(began.elapsed() < LAST_WORDS * 3, "{:?}", began.elapsed());

        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        drop(lines);
        let text = reading.join().unwrap().unwrap();
        let written = text.lines().filter(|line| line.starts_with('x')).count();
        assert_eq!(written as u64 + missing, count as u64, "each is written or counted");
        let told = text.lines().filter_map(|line| {
            line.strip_prefix("tandem-control: ")?.split_once(" lines")?.0.parse::<u64>().ok()
        });
        assert_eq!(told.sum::<u64>(), missing);
    }

    #[test]
    fn the_last_words_are_written() {
        let (out, mut reader) = UnixStream::pair().unwrap();
        let mut lines = Lines::to(out).unwrap();
        (0..100).for_each(|n| lines.write_all(format!("line {n}\n").as_bytes()).unwrap());
        lines.finish();
        // Without waiting: they are there.
        reader.set_nonblocking(true).unwrap();
        let mut text = vec![0; 10_000];
        let length = reader.read(&mut text).unwrap();
        assert!(text[..length].ends_with(b"line 99\n"));
    }
}
