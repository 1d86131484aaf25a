//! What the command line of `tandem capture` says.

use core::time::Duration;
use std::path::PathBuf;

use api::capture::{LEAST_SNAP_LENGTH, MOST_SNAP_LENGTH};
use api::{Capture, CapturePoint, Side};
use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::packet_filter;

pub(in crate::command) const HELP: &str = "\
FILTER is written as for tcpdump (man pcap-filter). A packet is captured when it matches as it is \
received or as it is sent, and then both are: before and after translation, with the same packet \
number. Every packet has a comment: what became of it (for a dropped one the reason, as in tandem \
counters), its worker and its connection. Forwarding never waits for a capture: packets that are \
not taken fast enough are missing in the file, counted in its statistics and told at the end.

It ends with Ctrl-C, at --count or --duration, when its only file has --file-size bytes, and when \
the disk is full: what was written until then stays readable.

Examples:
  tandem capture -w /tmp/web.pcapng tcp port 80 and host 203.0.113.9
  tandem capture -w /tmp/dropped.pcapng --at dropped --duration 30s
  tandem capture -w /var/tmp/ring.pcapng --files 10 --file-size 100M --snap-length 128
  ssh router tandem capture -w - icmp | wireshark -k -i -";

/// The size of a file where none is given.
const FILE_SIZE: u64 = 1_000_000_000;
/// A file that is smaller would hold little more than its own header.
const LEAST_FILE_SIZE: u64 = 100_000;

#[derive(Clone, Debug, Args)]
pub(in crate::command) struct Arguments {
    /// Which packets, such as: tcp port 80 and host 203.0.113.9
    filter: Vec<String>,

    /// Write this file, in pcapng; - is standard output. No file is overwritten
    #[arg(short = 'w', long, value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Capture on this side only
    #[arg(long, value_enum, value_name = "SIDE")]
    side: Option<SideName>,

    /// Capture at these points only: as packets are received, as they are sent, or those that are
    /// dropped
    #[arg(long, value_enum, value_name = "POINT", value_delimiter = ',')]
    at: Vec<Point>,

    /// End after so many packets
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// End after this time, such as 30s or 10m
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) duration: Option<Duration>,

    /// Keep so many bytes of each packet; all unless this is given
    #[arg(
        short = 's',
        long,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u32).range(LEAST_SNAP_LENGTH as i64..=MOST_SNAP_LENGTH as i64)
    )]
    snap_length: Option<u32>,

    /// The largest size of a file, such as 100M; 1G unless this is given
    #[arg(long, value_name = "SIZE", value_parser = size)]
    file_size: Option<u64>,

    /// Write a ring of so many files: FILE-00001 and so on, of which the oldest is removed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(super) files: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum SideName {
    Public,
    Private,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Point {
    Received,
    Sent,
    Dropped,
}

impl Arguments {
    pub(super) fn is_standard_output(&self) -> bool {
        self.output.as_os_str() == "-"
    }

    /// What contradicts itself.
    pub(super) fn check(&self, json: bool) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::Usage(text.to_owned()));
        match (self.is_standard_output(), json) {
            (true, true) => {
                wrong("--json and the capture cannot both go to standard output; name a file")
            }
            (true, false) if self.files.is_some() || self.file_size.is_some() => {
                wrong("--files and --file-size are about files, and - is none")
            }
            _ => Ok(()),
        }
    }

    /// The largest size of a file.
    pub(super) fn largest_file(&self) -> u64 {
        self.file_size.unwrap_or(FILE_SIZE)
    }

    /// What the dataplane is asked for.
    pub(super) fn order(&self) -> Result<Capture, Error> {
        let expression = self.filter.join(" ");
        let filter = match expression.trim() {
            "" => None,
            text => Some(
                packet_filter::compile(text).map_err(|error| Error::Usage(error.to_string()))?,
            ),
        };
        let side = self.side.map(|side| match side {
            SideName::Public => Side::Public,
            SideName::Private => Side::Private,
        });
        let at = self.at.iter().map(|point| match point {
            Point::Received => CapturePoint::Received,
            Point::Sent => CapturePoint::Sent,
            Point::Dropped => CapturePoint::Dropped,
        });
        Ok(Capture { filter, side, at: at.collect(), snap_length: self.snap_length.unwrap_or(0) })
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = config::parse_duration(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "write a time such as 30s, 10m or 2h".to_owned())
}

/// A size in bytes, by thousands: `200000`, `100k`, `100M`, `2G`.
fn size(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.get(..text.len() - 1), 1_000),
        Some(b'M') => (text.get(..text.len() - 1), 1_000_000),
        Some(b'G') => (text.get(..text.len() - 1), 1_000_000_000),
        _ => (Some(text), 1),
    };
    let bytes = number
        .and_then(|number| number.parse::<u64>().ok())
        .and_then(|number| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes >= LEAST_FILE_SIZE => Ok(bytes),
        Some(_) => Err(format!("write {LEAST_FILE_SIZE} bytes at the least, such as 100k")),
        None => Err("write a size such as 100M or 2G".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        Line::try_parse_from(["capture"].into_iter().chain(words.split_whitespace()))
            .map(|line| line.arguments)
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("100M"), Ok(100_000_000));
        assert_eq!(size("2G"), Ok(2_000_000_000));
        assert_eq!(size("700000"), Ok(700_000));
        for wrong in ["", "M", "1", "12X", "-5M", "99999999999G", "5é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_words_of_a_filter_need_no_quotes() {
        let line = "-w x.pcapng --at sent,dropped tcp port 80 and host 203.0.113.9 -c 5";
        let order = parse(line).unwrap().order().unwrap();
        assert_eq!(order.filter.unwrap().expression, "tcp port 80 and host 203.0.113.9");
        assert_eq!(order.at, [CapturePoint::Sent, CapturePoint::Dropped]);
        assert_eq!(parse("-w x").unwrap().order().unwrap().filter, None);
    }

    #[test]
    fn a_filter_that_is_none_is_a_mistake_of_the_command_line() {
        let error = parse("-w x tcp prot 80").unwrap().order().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("tcp prot 80"), "{error}");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(parse("-w - --files 3").unwrap().check(false).is_err());
        assert!(parse("-w -").unwrap().check(true).is_err());
        assert!(parse("-w -").unwrap().check(false).is_ok());
        assert!(parse("-w x --files 3").unwrap().check(true).is_ok());
        for wrong in ["tcp", "-w x -c 0", "-w x -s 10", "-w x --files 1", "-w x --duration 0s"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
