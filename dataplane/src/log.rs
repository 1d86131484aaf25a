//! The log, which must not make anybody wait: whoever reads it may be slow or hang, and a
//! main core that waits answers no ARP.
//!
//! Lines go through a queue of fixed size to a thread that writes them to stderr: our own,
//! DPDK's, and those of a panic. When the queue is full they are lost, counted, and their
//! number is told as soon as there is room again.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use config::LogLevel;
use dpdk::log::Severity;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const LINES: usize = 1024;
/// How long the end of the process waits for lines to be written.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Between looks for room in the queue at the end.
const PAUSE: Duration = Duration::from_millis(1);

static LOST: AtomicU64 = AtomicU64::new(0);

/// Lines of the log that were lost so far, in this process.
pub fn lost_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// What is in the queue: a line, or a request to say when it has come so far.
#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The log of the process. When it is dropped, what waits is written first, unless that
/// takes longer than 200 ms.
#[derive(Debug)]
pub struct Log {
    lines: Lines,
}

/// Takes one line at a time.
#[derive(Clone, Debug)]
pub struct Lines {
    queue: SyncSender<Entry>,
    lost: &'static AtomicU64,
}

impl Log {
    /// Begins to log what is at least as severe. Once in a process.
    ///
    /// # Errors
    ///
    /// When there is no thread for it.
    pub fn start(level: LogLevel) -> io::Result<Self> {
        let (lines, receiver) = Lines::new(LINES, &LOST);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(&receiver, &mut io::stderr(), &LOST))?;
        tracing_subscriber::fmt()
            .with_max_level(severity(level))
            .with_writer(lines.clone())
            .with_ansi(io::stderr().is_terminal())
            .init();
        let last = lines.clone();
        std::panic::set_hook(Box::new(move |fault| {
            tracing::error!("{fault}");
            // The process may be aborted next.
            last.flush(LAST_WORDS);
        }));
        dpdk::log::redirect(from_dpdk);
        Ok(Log { lines })
    }

    /// Says why the process ends, without time and level: somebody may have started it by
    /// hand.
    pub fn last_words(self, words: &str) {
        self.lines.push(format!("{words}\n").into_bytes());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush(LAST_WORDS);
    }
}

impl Lines {
    fn new(room: usize, lost: &'static AtomicU64) -> (Self, Receiver<Entry>) {
        let (queue, receiver) = sync_channel(room);
        (Lines { queue, lost }, receiver)
    }

    fn push(&self, line: Vec<u8>) {
        if self.queue.try_send(Entry::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything before has been written, or for so long. False if it was
    /// not.
    fn flush(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let (done, written) = sync_channel(1);
        while self.queue.try_send(Entry::Flush(done.clone())).is_err() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        written.recv_timeout(left).is_ok()
    }
}

fn write(entries: &Receiver<Entry>, out: &mut impl Write, lost: &AtomicU64) {
    let mut told = 0;
    while let Ok(entry) = entries.recv() {
        match entry {
            // There is nobody to tell that the log cannot be written.
            Entry::Line(line) => drop(out.write_all(&line)),
            // Whoever asked may be gone.
            Entry::Flush(done) => drop(done.try_send(())),
        }
        let all = lost.load(Ordering::Relaxed);
        if all != told {
            let _ = writeln!(out, "{} lines of the log were lost: nobody read them", all - told);
            told = all;
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
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn from_dpdk(severity: Severity, line: &str) {
    match severity {
        Severity::Error => tracing::error!("DPDK: {line}"),
        Severity::Warning => tracing::warn!("DPDK: {line}"),
        Severity::Info => tracing::info!("DPDK: {line}"),
        Severity::Debug => tracing::debug!("DPDK: {line}"),
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
    use super::*;

    #[test]
    fn a_log_that_nobody_reads_makes_nobody_wait() {
        static LOST: AtomicU64 = AtomicU64::new(0);
        let (lines, receiver) = Lines::new(2, &LOST);
        for line in ["one\n", "two\n", "lost\n", "lost\n"] {
            lines.push(line.as_bytes().to_vec());
        }
        assert_eq!(LOST.load(Ordering::Relaxed), 2);
        let before = Instant::now();
        assert!(!lines.flush(Duration::from_millis(20)), "nothing was written");
        assert!(before.elapsed() < Duration::from_secs(5));
        drop(lines);
        let mut out = Vec::new();
        write(&receiver, &mut out, &LOST);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "one\n2 lines of the log were lost: nobody read them\ntwo\n");
    }

    #[test]
    fn what_was_said_before_a_flush_is_written_after_it() {
        static LOST: AtomicU64 = AtomicU64::new(0);
        let (lines, receiver) = Lines::new(8, &LOST);
        let (reader, mut out) = std::os::unix::net::UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || write(&receiver, &mut out, &LOST));
        lines.push(b"last words\n".to_vec());
        assert!(lines.flush(Duration::from_secs(30)));
        drop(lines);
        writer.join().unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "last words\n");
    }
}
