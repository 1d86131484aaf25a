//! `tandem capture`: packets as they are received and as they are sent, in a file for Wireshark.
//!
//! ```text
//!   dataplane --stream--> recorder.rs: limits --> pcapng.rs: blocks --> output.rs: files
//! ```
//!
//! The dataplane copies and selects; what is written, how much of it and where is decided here, with the
//! rights of whoever runs the command.

mod arguments;
mod output;
mod pcapng;
mod recorder;

use core::sync::atomic::AtomicBool;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use api::Capturing;
use schemars::JsonSchema;
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Context;
use crate::error::Error;
use crate::output::units::{count, plural};
use output::{Files, Output};
use recorder::{Ended, Limits, Recorded, Recorder};

pub(super) use arguments::{Arguments, HELP};

/// What was captured, as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Summary {
    /// Packets that were written.
    packets: u64,
    /// Packets that were wanted and are missing.
    lost: u64,
    /// Packets that were looked at.
    seen: u64,
    /// Why it ended: interrupted, count, duration, file_size, dataplane.
    ended: &'static str,
    /// The files that are there, the oldest first.
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    arguments.check(context.json)?;
    let is_stream = arguments.is_standard_output();
    if is_stream && io::stdout().is_terminal() {
        let message = "standard output is a terminal, which cannot show packets; write a file, or \
                       pipe it: tandem capture -w - | wireshark -k -i -";
        return Err(Error::Usage(message.to_owned()));
    }
    let order = arguments.order()?;
    let filter = order.filter.as_ref().map(|filter| filter.expression.clone()).unwrap_or_default();
    // From now on Ctrl-C ends the capture and not the command.
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let (capturing, stream) = context.client()?.capture(order)?;
    // Afterwards: where the capture cannot begin, there is no empty file.
    let mut output = match is_stream {
        true => Output::Stream(&mut *context.out),
        false => {
            let (name, largest) = (&arguments.output, arguments.largest_file());
            Output::Files(Files::create(name, largest, arguments.files)?)
        }
    };
    if !context.json {
        // A command that cannot say so captures all the same.
        let _ = writeln!(io::stderr(), "{}", begins(&capturing));
    }
    let limits = Limits { packets: arguments.count, duration: arguments.duration };
    let recorder = Recorder::new(&capturing, &filter, limits, &mut output)?;
    let recorded = recorder.record(&stream, &interrupted);
    let files = output.paths();
    end(recorded, files, is_stream, context)
}

fn begins(capturing: &Capturing) -> String {
    let nics = capturing.nics.iter().map(|nic| format!("{} ({})", nic.side, nic.device));
    let nics = nics.collect::<Vec<_>>().join(" and ");
    format!("Capturing on {}: {nics}. Ctrl-C ends it.", capturing.node)
}

/// Says what was captured.
fn end(
    recorded: Recorded,
    files: Vec<PathBuf>,
    is_stream: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let Recorded { ended, written, seen } = recorded;
    let sum = |of: fn(&api::CaptureStatistics) -> u64| seen.iter().map(of).sum();
    let summary = Summary {
        packets: written.iter().sum(),
        lost: sum(|side| side.lost),
        seen: sum(|side| side.seen),
        ended: word(&ended),
        files,
    };
    if context.json {
        context.answer(&summary, |_, _| Ok(()))?;
    } else if is_stream {
        // Standard output has the packets.
        let _ = tell(&summary, &mut io::stderr());
    } else {
        tell(&summary, context.out)?;
    }
    match ended {
        Ended::Interrupted | Ended::Count | Ended::Duration | Ended::FileSize => Ok(()),
        Ended::Dataplane => Err(Error::Capture(
            "tandem-dataplane has ended the capture; look at: journalctl -u tandem-dataplane"
                .to_owned(),
        )),
        // Whoever read standard output has enough.
        Ended::Output(error) if is_stream => Err(Error::Output(error)),
        Ended::Output(error) if error.kind() == io::ErrorKind::StorageFull => {
            Err(Error::Capture(format!(
                "the disk is full, so the capture has ended: {error}; what is in the file can be read. \
                 Make room, or write a ring with --files and --file-size"
            )))
        }
        Ended::Output(error) => Err(Error::Capture(format!(
            "the file takes no more, so the capture has ended: {error}"
        ))),
    }
}

fn word(ended: &Ended) -> &'static str {
    match ended {
        Ended::Interrupted => "interrupted",
        Ended::Count => "count",
        Ended::Duration => "duration",
        Ended::FileSize => "file_size",
        Ended::Dataplane => "dataplane",
        Ended::Output(_) => "output",
    }
}

fn tell(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let Summary { packets, lost, seen, ended, files } = summary;
    let captured = plural(usize::try_from(*packets).unwrap_or(usize::MAX), "packet");
    write!(out, "{captured} captured, of {} that were looked at", count(*seen))?;
    match &files[..] {
        [] => writeln!(out, ".")?,
        [file] => writeln!(out, ", in {}.", file.display())?,
        [first, .., last] => {
            writeln!(out, "; the last of them are in {} to {}.", first.display(), last.display())?;
        }
    }
    if *ended == "file_size" {
        writeln!(
            out,
            "It ended as the file has its largest size; --file-size allows more, --files writes a ring."
        )?;
    }
    if *lost > 0 {
        let packets = plural(usize::try_from(*lost).unwrap_or(usize::MAX), "packet");
        writeln!(
            out,
            "{packets} more could not be copied or written fast enough and are missing; a narrower \
             filter or --snap-length 128 helps. Forwarding did not wait for them."
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lost: u64, files: &[&str]) -> String {
        let files = files.iter().map(PathBuf::from).collect();
        let summary = Summary { packets: 1234, lost, seen: 9999, ended: "count", files };
        let mut out = Vec::new();
        tell(&summary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_was_captured_is_told_in_a_line_and_what_is_missing_in_another() {
        let line = "1,234 packets captured, of 9,999 that were looked at, in x.pcapng.\n";
        assert_eq!(told(0, &["x.pcapng"]), line);
        assert!(told(0, &["x-3", "x-4", "x-5"]).contains("in x-3 to x-5."));
        assert!(told(7, &[]).contains("7 packets more could not be copied"));
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_reader_that_has_enough_is_none() {
        let end = |kind: io::ErrorKind, is_stream| {
            let recorded = Recorded {
                ended: Ended::Output(kind.into()),
                written: [0; 2],
                seen: Default::default(),
            };
            let (socket, mut out) = (PathBuf::new(), Vec::new());
            let mut context =
                Context { json: false, socket: &socket, out: &mut out, schema: "capture" };
            super::end(recorded, Vec::new(), is_stream, &mut context).unwrap_err()
        };
        let full = end(io::ErrorKind::StorageFull, false);
        assert_eq!(full.exit_code(), 1);
        assert!(full.to_string().contains("the disk is full"), "{full}");
        assert_eq!(end(io::ErrorKind::BrokenPipe, true).exit_code(), 0);
    }
}
