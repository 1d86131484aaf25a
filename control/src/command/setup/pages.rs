//! How many hugepages, and on which NUMA nodes.

use host::hugepages::{self, Hugepages};
use host::{Host, memory};

use super::action::Action;
use super::boot;
use super::wishes::Wishes;
use crate::command::needs;

const MEBIBYTE: u64 = 1024;
/// KiB of a page where the machine does not say.
const USUAL: u64 = 2048;
/// MiB that a machine gets at the least, and the step above.
const LEAST: u64 = 512;
const STEP: u64 = 256;
/// The step in which less than that is offered to a small machine.
const SMALL_STEP: u64 = 64;

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
        let mut nodes: Vec<u16> = wishes.nics.iter().filter_map(|nic| nic.node).collect();
        nodes.sort();
        nodes.dedup();
        let known: Vec<u16> = there.iter().map(|pages| pages.node).collect();
        nodes.retain(|node| known.is_empty() || known.contains(node));
        if nodes.is_empty() {
            nodes.push(known.first().copied().unwrap_or(0));
        }
        let number = nodes.len() as u64;
        let has_nodes = known.iter().any(|node| Some(node) != known.first());
        let pages = |mebibytes: u64| (mebibytes * MEBIBYTE).div_ceil(kibibytes);
        let share = |node: u16| match wishes.hugepages {
            Some(Amount::Pages(wanted)) => wanted.div_ceil(number),
            Some(Amount::Mebibytes(mebibytes)) => pages(mebibytes).div_ceil(number),
            None => {
                let room = Room::of(wishes, host, node, kibibytes, has_nodes);
                let default = default(wishes).div_ceil(number);
                let fits = room.map_or(default, |room| room.fits() / SMALL_STEP * SMALL_STEP);
                let needed = needed(wishes).0.div_ceil(number);
                let default = pages(default.min(fits.max(needed)));
                // What was asked for once is not taken back by a run that does not mention it.
                let earlier = earlier(host, node, kibibytes, number);
                default.max(earlier).max(has(&there, node, kibibytes).unwrap_or(0))
            }
        };
        let nodes = nodes.into_iter().map(|node| (node, share(node))).collect();
        Wanted { kibibytes, nodes, has_nodes }
    }

    /// Where the pages would leave too little memory for everything else: at the next start, the
    /// kernel takes them before anything runs.
    pub(super) fn problems(&self, wishes: &Wishes, host: &Host) -> Vec<String> {
        let there = hugepages::all(host).unwrap_or_default();
        let number = self.nodes.len() as u64;
        let problem = |(node, pages): &(u16, u64)| {
            let room = Room::of(wishes, host, *node, self.kibibytes, self.has_nodes)?;
            let mebibytes = pages.saturating_mul(self.kibibytes) / MEBIBYTE;
            let has_them = has(&there, *node, self.kibibytes).is_some_and(|has| has >= *pages);
            if has_them || mebibytes <= room.fits() {
                return None;
            }
            let needed = needed(wishes).0.div_ceil(number);
            let remedy = if room.fits() >= needed {
                format!("ask for at most --hugepages {}M", room.fits() * number)
            } else {
                "give the machine more memory, or make node.connections and node.mbufs smaller in \
                 the configuration"
                    .to_owned()
            };
            Some(format!(
                "{mebibytes} MiB of hugepages are too many for NUMA node {node}, which has {} MiB: \
                 {} MiB are for everything else, {} MiB for the dataplane's tables{}; {remedy}",
                room.total,
                room.reserve(),
                room.ordinary,
                match room.others {
                    0 => String::new(),
                    others => format!(", {others} MiB are hugepages of another size"),
                }
            ))
        };
        self.nodes.iter().filter_map(problem).collect()
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
        let few = self.nodes.iter().filter(|(node, wanted)| {
            has(&there, *node, self.kibibytes).is_some_and(|has| has < *wanted)
        });
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

/// The memory of a NUMA node in MiB, and what is not for hugepages of ours.
struct Room {
    total: u64,
    ordinary: u64,
    others: u64,
}

impl Room {
    /// `None` where the machine does not say, as an image does not.
    fn of(
        wishes: &Wishes,
        host: &Host,
        node: u16,
        kibibytes: u64,
        has_nodes: bool,
    ) -> Option<Self> {
        let whole = || memory::mebibytes(host, "MemTotal").ok().filter(|_| !has_nodes);
        let total = memory::of_node(host, node).ok().or_else(whole)?;
        let there = hugepages::all(host).unwrap_or_default();
        let others = there.iter().filter(|of| of.node == node && of.kibibytes != kibibytes);
        let others = others.map(Hugepages::total_mebibytes).sum();
        Some(Room { total, ordinary: needed(wishes).1, others })
    }

    /// A quarter, 1 GiB at the least, but never more than half of a small machine.
    fn reserve(&self) -> u64 {
        (self.total / 4).max(1024).min(self.total / 2)
    }

    fn fits(&self) -> u64 {
        self.total.saturating_sub(self.reserve() + self.ordinary + self.others)
    }
}

/// MiB of hugepages and of ordinary memory that the configuration takes.
fn needed(wishes: &Wishes) -> (u64, u64) {
    let of = |config| (needs::hugepages(config), needs::ordinary(config));
    wishes.config.as_ref().map_or_else(|| needs::of_a_first(wishes.workers.len()), of)
}

/// Pages of the size that the node has now.
fn has(there: &[Hugepages], node: u16, kibibytes: u64) -> Option<u64> {
    let of = there.iter().find(|pages| pages.node == node && pages.kibibytes == kibibytes);
    of.map(|pages| pages.total)
}

/// Pages of a node that an earlier run has asked for at every start.
fn earlier(host: &Host, node: u16, kibibytes: u64, nodes: u64) -> u64 {
    let Some(text) = boot::pages(host, kibibytes) else { return 0 };
    if let Ok(pages) = text.parse::<u64>() {
        return pages.div_ceil(nodes);
    }
    let of_node = text.split(',').find_map(|part| {
        let (number, pages) = part.split_once(':')?;
        (number.parse() == Ok(node)).then(|| pages.parse().ok())?
    });
    of_node.unwrap_or(0)
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
    let (needed, _) = needed(wishes);
    (needed + needed / 2).next_multiple_of(STEP).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_quarter_and_less_on_small_machines() {
        let fits = |total| {
            let room = Room { total, ordinary: 191, others: 0 };
            (room.reserve(), room.fits())
        };
        assert_eq!(fits(970), (485, 294));
        assert_eq!(fits(2048), (1024, 833));
        assert_eq!(fits(16_000), (4000, 11_809));
        assert_eq!(fits(300), (150, 0));
    }

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
