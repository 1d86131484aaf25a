//! The log, which must not make anybody wait: whoever reads it may be slow or hang, and a
//! heartbeat that is late because of a log line costs the role.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use config::LogLevel;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written; further ones are lost.
const LINES: usize = 4096;

/// Writes lines on a thread of its own, until it is ended.
#[derive(Debug)]
pub struct Log {
    lines: SyncSender<Option<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
}

/// Takes one line at a time.
#[derive(Clone, Debug)]
pub struct Lines(SyncSender<Option<Vec<u8>>>);

impl Log {
    /// Begins to log what is at least as severe.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(level: LogLevel) -> io::Result<Self> {
        let (lines, receiver) = sync_channel(LINES);
        let writer = std::thread::Builder::new()
            .name("tandem-log".to_owned())
            .spawn(move || write(&receiver, &mut io::stderr()))?;
        tracing_subscriber::fmt()
            .with_max_level(severity(level))
            .with_writer(Lines(lines.clone()))
            .with_ansi(io::stderr().is_terminal())
            .init();
        Ok(Log { lines, writer: Some(writer) })
    }
}

impl Drop for Log {
    /// What waits is written first.
    fn drop(&mut self) {
        let _ = self.lines.send(None);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write(lines: &Receiver<Option<Vec<u8>>>, out: &mut impl Write) {
    while let Ok(Some(line)) = lines.recv() {
        // There is nobody to tell that the log cannot be written.
        let _ = out.write_all(&line);
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
        let _ = self.0.try_send(Some(line.to_vec()));
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
    use super::*;

    #[test]
    fn a_log_that_nobody_reads_makes_nobody_wait() {
        let (sender, receiver) = sync_channel(2);
        let mut lines = Lines(sender.clone());
        for line in ["one\n", "two\n", "lost\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        let writer = std::thread::spawn(move || {
            let mut out = Vec::new();
            write(&receiver, &mut out);
            out
        });
        sender.send(None).unwrap();
        assert_eq!(writer.join().unwrap(), b"one\ntwo\n");
    }
}
