//! A packet's way as a person reads it: a line for the packet, and one for each step.

use std::io::{self, Write};

use api::{Journey, Step, TraceStage};

use crate::output::colour::{self, Colour};
use crate::output::date;

/// Columns of a stage's name.
const STAGE: usize = 10;

pub(super) fn journey(journey: &Journey, out: &mut dyn Write) -> io::Result<()> {
    let what = match &journey.packet {
        Some(packet) => packet.to_string(),
        None => "no IPv4 packet".to_owned(),
    };
    writeln!(out, "{}  core {}  {what}", time(journey.time_micros), journey.core)?;
    steps(&journey.steps, out)?;
    writeln!(out)
}

/// The steps, one below the other.
pub(in crate::command) fn steps(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    for step in steps {
        let line = format!("  {:<STAGE$}  {}", step.stage.name(), step.text);
        match step.stage {
            TraceStage::Dropped if colour::are_wanted() => {
                writeln!(out, "{}", Colour::Red.paint(&line))?;
            }
            _ => writeln!(out, "{line}")?,
        }
        if let Some(remedy) = &step.remedy {
            writeln!(out, "  {:<STAGE$}  what to do: {remedy}", "")?;
        }
    }
    Ok(())
}

/// The time of day, in UTC, as traces on other machines have it.
fn time(micros: u64) -> String {
    let whole = date::utc(micros / 1_000_000);
    let of_day = whole.split(' ').nth(1).unwrap_or_default();
    format!("{of_day}.{:06}", micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_a_line_and_each_step_one_below_it() {
        let shown = Journey {
            time_micros: 1_772_366_400_000_123,
            core: 2,
            packet: None,
            steps: vec![
                Step::new(TraceStage::NextHop, "resolved", "10.0.0.11 at 52:54:00:00:00:01"),
                Step {
                    remedy: Some("raise it".to_owned()),
                    ..Step::new(TraceStage::Dropped, "table_full", "table_full: it is full.")
                },
            ],
        };
        let mut out = Vec::new();
        journey(&shown, &mut out).unwrap();
        let expected = "12:00:00.000123  core 2  no IPv4 packet\n  \
                          next hop    10.0.0.11 at 52:54:00:00:00:01\n  \
                          dropped     table_full: it is full.\n              \
                          what to do: raise it\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
