//! The ways that packets have taken, and how many took each: thousands of packets in a few lines.

use std::collections::BTreeMap;
use std::io::{self, Write};

use api::{Journey, TraceStage};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::Table;
use crate::output::units::count;

/// A way, and how many packets took it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(super) struct Way {
    packets: u64,
    /// The stages, with what came out at each.
    way: String,
}

/// Packets by their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(BTreeMap<String, u64>);

impl Paths {
    pub(super) fn add(&mut self, journey: &Journey) {
        *self.0.entry(path(journey)).or_default() += 1;
    }

    /// The ways, most packets first.
    pub(super) fn sorted(&self) -> Vec<Way> {
        let way = |(way, &packets): (&String, &u64)| Way { packets, way: way.clone() };
        let mut all: Vec<_> = self.0.iter().map(way).collect();
        all.sort_by_key(|way| core::cmp::Reverse(way.packets));
        all
    }

    pub(super) fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "No packet was followed.");
        }
        let mut table = Table::new([">PACKETS", "WAY"]);
        for Way { packets, way } in self.sorted() {
            table.row([count(packets), way]);
        }
        table.write(out)
    }
}

/// What is the same of all packets that took one way.
fn path(journey: &Journey) -> String {
    let steps = journey.steps.iter().filter(|step| {
        !matches!(step.stage, TraceStage::Key | TraceStage::Rewritten | TraceStage::NextHop)
            || step.outcome == "neighbour_failed"
    });
    let words = steps.map(|step| {
        let whose = step.service.as_deref().filter(|_| step.stage == TraceStage::Decided);
        let what = match (whose, step.outcome.as_str()) {
            (Some(service), outcome) => format!("({service}: {outcome})"),
            (None, "") => String::new(),
            (None, outcome) => format!("({outcome})"),
        };
        let side = match (step.stage, step.side) {
            (TraceStage::Arrived, Some(side)) => format!("{side} "),
            _ => String::new(),
        };
        format!("{side}{}{what}", step.stage.name())
    });
    words.collect::<Vec<_>>().join(" > ")
}

#[cfg(test)]
mod tests {
    use api::{Side, Step};

    use super::*;

    fn journey(outcome: &str) -> Journey {
        let arrived = Step {
            side: Some(Side::Public),
            ..Step::new(TraceStage::Arrived, "queue", "from the public NIC")
        };
        let decided = Step {
            service: Some("web".to_owned()),
            ..Step::new(TraceStage::Decided, outcome, "chosen")
        };
        let key = Step::new(TraceStage::Key, "tcp", "each its own");
        Journey { time_micros: 0, core: 1, packet: None, steps: vec![arrived, key, decided] }
    }

    #[test]
    fn packets_of_one_way_are_one_line_and_the_most_come_first() {
        let mut paths = Paths::default();
        for outcome in ["wlc", "persistence", "persistence"] {
            paths.add(&journey(outcome));
        }
        let mut out = Vec::new();
        paths.show(&mut out).unwrap();
        let expected = "PACKETS  WAY\n      \
                        2  public arrived(queue) > decided(web: persistence)\n      \
                        1  public arrived(queue) > decided(web: wlc)\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
