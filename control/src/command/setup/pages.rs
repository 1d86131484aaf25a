//! How many hugepages, and on which NUMA nodes.

use host::Host;
use host::hugepages::{self, Hugepages};

use super::action::Action;
use super::wishes::Wishes;
use crate::command::needs;

const MEBIBYTE: u64 = 1024;
/// KiB of a page where the machine does not say.
const USUAL: u64 = 2048;
/// MiB that a machine gets at the least, and the step above.
const LEAST: u64 = 512;
const STEP: u64 = 256;

/// What `--hugepages` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Amount {
    Mebibytes(u64),
    Pages(u64),
}

/// `1G`, `512M`, `1024` pages.
pub(super) fn parse(text: &str) -> Result<Amount, String> {
    let hint = || format!("{text} is no size such as 1G or 512M, nor a number of pages");
    let lower = text.to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = lower.strip_prefix(digits).unwrap_or_default();
    let number: u64 = digits.parse().map_err(|_| hint())?;
    let amount = match unit {
        "" => Amount::Pages(number),
        "m" | "mb" | "mib" => Amount::Mebibytes(number),
        "g" | "gb" | "gib" => Amount::Mebibytes(number.checked_mul(1024).ok_or_else(hint)?),
        _ => return Err(hint()),
    };
    // A page has a size in the megabytes: more than that is a slip of the finger.
    if number == 0 || number > 1 << 24 { Err(hint()) } else { Ok(amount) }
}

/// Pages of one size, by NUMA node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) kibibytes: u64,
    pub(super) nodes: Vec<(u16, u64)>,
    /// The machine has more than one node.
    pub(super) has_nodes: bool,
}

impl Wanted {
    pub(super) fn of(wishes: &Wishes, host: &Host) -> Self {
        let there = hugepages::all(host).unwrap_or_default();
        let kibibytes = size(&there);
        let pages = match wishes.hugepages {
            Some(Amount::Pages(pages)) => pages,
            Some(Amount::Mebibytes(mebibytes)) => (mebibytes * MEBIBYTE).div_ceil(kibibytes),
            None => (default(wishes) * MEBIBYTE).div_ceil(kibibytes),
        };
        let mut nodes: Vec<u16> = wishes.nics.iter().filter_map(|nic| nic.node).collect();
        nodes.sort();
        nodes.dedup();
        let known: Vec<u16> = there.iter().map(|pages| pages.node).collect();
        nodes.retain(|node| known.is_empty() || known.contains(node));
        if nodes.is_empty() {
            nodes.push(known.first().copied().unwrap_or(0));
        }
        let share = pages.div_ceil(nodes.len() as u64);
        Wanted {
            kibibytes,
            nodes: nodes.into_iter().map(|node| (node, share)).collect(),
            has_nodes: known.iter().any(|node| Some(node) != known.first()),
        }
    }

    /// The words of the kernel's command line.
    pub(super) fn arguments(&self) -> Vec<String> {
        let size = match self.kibibytes {
            kibibytes if kibibytes >= 1024 * 1024 => format!("{}G", kibibytes / (1024 * 1024)),
            kibibytes => format!("{}M", kibibytes / 1024),
        };
        let list = self.nodes.iter().map(|(node, pages)| format!("{node}:{pages}"));
        let total: u64 = self.nodes.iter().map(|(_, pages)| pages).sum();
        let count =
            if self.has_nodes { list.collect::<Vec<_>>().join(",") } else { total.to_string() };
        vec![format!("hugepagesz={size}"), format!("hugepages={count}")]
    }

    /// The pages that the running kernel has too few of.
    pub(super) fn actions(&self, host: &Host) -> Vec<Action> {
        let there = hugepages::all(host).unwrap_or_default();
        let has = |node: u16| {
            let on_node =
                |pages: &&Hugepages| pages.node == node && pages.kibibytes == self.kibibytes;
            there.iter().find(on_node).map(|pages| pages.total)
        };
        let few =
            self.nodes.iter().filter(|(node, wanted)| has(*node).is_some_and(|has| has < *wanted));
        few.map(|(node, wanted)| Action::Set {
            path: hugepages::counter(host, *node, self.kibibytes),
            value: wanted.to_string(),
            why: format!(
                "hugepages on NUMA node {node}: {} MiB for packet buffers",
                wanted * self.kibibytes / MEBIBYTE
            ),
        })
        .collect()
    }
}

/// Small pages come in any number; a machine without them gets the smallest that it has.
fn size(there: &[Hugepages]) -> u64 {
    let sizes = || there.iter().map(|pages| pages.kibibytes);
    if there.is_empty() || sizes().any(|size| size == USUAL) {
        USUAL
    } else {
        sizes().min().unwrap_or(USUAL).max(1)
    }
}

/// MiB for a configuration, with half as much again: for larger MTUs and drivers' own needs.
fn default(wishes: &Wishes) -> u64 {
    let needed = wishes.config.as_ref().map_or(0, needs::hugepages);
    (needed + needed / 2).next_multiple_of(STEP).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers() {
        assert_eq!(parse("1G"), Ok(Amount::Mebibytes(1024)));
        assert_eq!(parse("512MiB"), Ok(Amount::Mebibytes(512)));
        assert_eq!(parse("512"), Ok(Amount::Pages(512)));
        for wrong in ["", "G", "0", "1T", "-1", "1.5G", "99999999999", "18446744073709551615g"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_machine_with_nodes_names_them() {
        let wanted = Wanted { kibibytes: 2048, nodes: vec![(1, 256)], has_nodes: true };
        assert_eq!(wanted.arguments(), ["hugepagesz=2M", "hugepages=1:256"]);
        let wanted = Wanted { kibibytes: 1 << 20, nodes: vec![(0, 2)], has_nodes: false };
        assert_eq!(wanted.arguments(), ["hugepagesz=1G", "hugepages=2"]);
    }
}
