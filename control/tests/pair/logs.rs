//! A log that nobody reads any more.

use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::machine::{Both, throughout, wait};

/// A standard error that takes no byte more, and the end that nobody reads.
fn stuck() -> (Stdio, UnixStream) {
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(error) = writer.write(&[b'x'; 100]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    writer.set_nonblocking(false).unwrap();
    (Stdio::from(OwnedFd::from(writer)), reader)
}

#[test]
fn it_stops_neither_heartbeats_nor_the_end() {
    let mut both = Both::with("grace = \"200ms\"");
    let (stderr, _reader) = stuck();
    both.a.start_binary(stderr);
    // Its addresses are none of this host's: it says so again and again, to nobody.
    wait("the metrics are served", || both.a.metrics().contains("tandem_ready"));
    let ticks = |text: &str| {
        let name = "tandem_control_tick_lateness_seconds_count ";
        text.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok()).unwrap()
    };
    let before = ticks(&both.a.metrics());
    throughout(Duration::from_millis(300), "it answers", || both.a.pair().own.name == "a");
    assert!(ticks(&both.a.metrics()) > before + 5, "its ticks come");
    let began = Instant::now();
    both.a.signal(Signal::TERM);
    assert_eq!(both.a.ended(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn the_last_words_are_written_before_an_end_in_error() {
    let mut both = Both::new();
    std::fs::remove_file(both.a.folder.join("peer.key")).unwrap();
    let output = both.a.run_binary();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ERROR") && said.contains("head -c 32 /dev/urandom"), "{said}");
}
