//! `tandem trace` follows packets through the stages of the dataplane.

mod paths;
mod show;

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, Write};
use std::sync::Arc;

use api::{Trace, TraceCounts, TracePage, TracePoint};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use self::paths::{Paths, Way};
pub(super) use self::show::steps;
use super::Context;
use crate::error::Error;
use crate::output::units::{count, plural};
use crate::packet_filter;

pub(super) const HELP: &str = "\
The filter is written as for tcpdump (man pcap-filter); without one, every packet matches. It ends by
itself after --count packets or --seconds, and with Ctrl-C. It may take a twentieth of a worker's time;
packets that come while that is spent are not looked at, and how many they were is said at the end.

With --json each packet is an object on a line of its own, and the last line has the counts.

Examples:
  tandem trace host 203.0.113.9 and tcp port 443      what becomes of this client's packets
  tandem trace --at before udp port 53                what arrives; a narrow filter costs least so
  tandem trace --dropped                              what is dropped, why, and what to do
  tandem trace --dropped=no_server --count 1          the next one of this reason (tandem counters)
  tandem trace --paths --seconds 10                   which ways packets take, and how many each
  tandem trace --one-in 100 tcp port 80               a sample";

/// Where the filter looks at packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum At {
    /// As they arrive, before any translation
    Before,
    /// As they leave, after it
    After,
    /// At both
    Either,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Selects packets, in the syntax of tcpdump
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// Where the filter looks at packets
    #[arg(long, value_enum, default_value_t = At::Either)]
    at: At,
    /// End after so many packets
    #[arg(short, long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(Trace::LONGEST)))]
    seconds: u32,
    /// Follow one of so many packets that match
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    one_in: u32,
    /// Show only packets that are dropped, or dropped for this reason
    #[arg(long, value_name = "REASON", num_args = 0..=1, require_equals = true)]
    dropped: Option<Option<String>>,
    /// Show the ways that packets take, with how many took each, instead of the packets
    #[arg(long)]
    paths: bool,
}

impl Arguments {
    fn trace(&self) -> Result<Trace, Error> {
        let filter = packet_filter::compile(&self.filter.join(" "))
            .map_err(|error| Error::Usage(error.to_string()))?;
        Ok(Trace {
            filter,
            point: match self.at {
                At::Before => TracePoint::Before,
                At::After => TracePoint::After,
                At::Either => TracePoint::Either,
            },
            one_in: self.one_in,
            dropped: self.dropped.is_some(),
            reason: self.dropped.clone().flatten(),
            packets: self.count,
            seconds: self.seconds,
        })
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let trace = arguments.trace()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    // The counts are shown when it is ended by hand, too.
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))?;
    let mut client = context.client()?;
    let mut page = client.trace(trace)?;
    writeln!(io::stderr(), "{}", announcement(arguments))?;
    let mut paths = Paths::default();
    let mut shown = 0;
    loop {
        for journey in &page.journeys {
            shown += 1;
            match (arguments.paths, context.json) {
                (true, _) => paths.add(journey),
                (false, true) => context.line(journey)?,
                (false, false) => show::journey(journey, context.out)?,
            }
        }
        context.out.flush()?;
        if !page.running && page.journeys.is_empty() || interrupted.load(Ordering::Relaxed) {
            break;
        }
        page = client.trace_next()?;
    }
    finish(arguments, &page, &paths, shown, context)
}

fn announcement(arguments: &Arguments) -> String {
    let which = match arguments.filter.is_empty() {
        true => "all packets".to_owned(),
        false => format!("packets that match: {}", arguments.filter.join(" ")),
    };
    let (packets, seconds) = (count(arguments.count), arguments.seconds);
    format!("Following {which} (until {packets} packets, {seconds} s, or Ctrl-C)")
}

/// What comes last.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    /// What was looked at.
    counts: TraceCounts,
    /// The ways that packets took, where those were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<Way>>,
}

fn finish(
    arguments: &Arguments,
    page: &TracePage,
    paths: &Paths,
    shown: usize,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    if context.json {
        let paths = arguments.paths.then(|| paths.sorted());
        context.schema = "trace-summary";
        return context.line(&Summary { counts: page.counts, paths });
    }
    if arguments.paths {
        paths.show(context.out)?;
    }
    context.out.flush()?;
    writeln!(io::stderr(), "{}", sums(shown, &page.counts))?;
    Ok(())
}

/// What was looked at, and what was missed.
fn sums(shown: usize, counts: &TraceCounts) -> String {
    let TraceCounts { examined, matched, not_examined, lost } = *counts;
    let mut text = format!(
        "{} followed; {} looked at, {} matched",
        plural(shown, "packet"),
        count(examined),
        count(matched)
    );
    if not_examined > 0 {
        text.push_str(&format!(
            "\n{} came while the time that a trace may take was spent, and were not looked at: \
             --at before with a narrow filter looks at more",
            count(not_examined)
        ));
    }
    if lost > 0 {
        text.push_str(&format!(
            "\n{} matched and are not shown, as they came faster than they are read: narrow the \
             filter, or use --one-in",
            count(lost)
        ));
    }
    text
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

    fn trace(words: &str) -> Result<Trace, Error> {
        let words = core::iter::once("trace").chain(words.split(' '));
        Line::try_parse_from(words).unwrap().arguments.trace()
    }

    #[test]
    fn the_words_of_a_filter_need_no_quotes() {
        let asked = trace("--one-in 10 --at after tcp port 80 and host 203.0.113.9").unwrap();
        assert_eq!(asked.filter.expression, "tcp port 80 and host 203.0.113.9");
        assert_eq!((asked.one_in, asked.point, asked.dropped), (10, TracePoint::After, false));
    }

    #[test]
    fn drops_are_asked_for_with_and_without_a_reason() {
        let any = trace("--dropped udp").unwrap();
        assert_eq!((any.dropped, any.reason.as_deref()), (true, None));
        assert_eq!(any.filter.expression, "udp");
        let one = trace("--dropped=no_server udp").unwrap();
        assert_eq!((one.dropped, one.reason.as_deref()), (true, Some("no_server")));
    }

    #[test]
    fn a_wrong_filter_is_a_mistake_on_the_command_line() {
        let error = trace("tcp prot 80").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("tcp prot 80"), "{error}");
    }

    #[test]
    fn what_was_missed_is_said() {
        let counts = TraceCounts { examined: 2000, matched: 20, not_examined: 0, lost: 0 };
        assert_eq!(sums(1, &counts), "1 packet followed; 2,000 looked at, 20 matched");
        let all = sums(1, &TraceCounts { not_examined: 7, lost: 9, ..counts });
        assert!(all.contains("7 came while") && all.contains("9 matched and"), "{all}");
    }
}
