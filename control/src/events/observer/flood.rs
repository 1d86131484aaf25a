//! Floods by class: packets that come faster than the dataplane lets them.

use core::time::Duration;
use std::collections::BTreeMap;

use api::EventSeverity::{self, Alarm, Warning};
use api::{Counters, EventKind};
use tokio::time::Instant;

use self::Counted::{Dropped, Policed};
use super::{drops, growth, total};
use crate::events::Draft;

/// A flood is over when there was none for so long.
const QUIET: Duration = Duration::from_secs(10);

/// Where the packets of a class are counted.
enum Counted {
    /// By the workers, which let so much of it to the main core.
    Policed(&'static str),
    /// As dropped for this reason.
    Dropped(&'static str),
}

/// What comes in floods.
struct Class {
    name: &'static str,
    counted: Counted,
    /// Packets dropped in a second from which on it is a flood.
    rate: u64,
    severity: EventSeverity,
    /// What it is, and what it does.
    words: &'static str,
}

const fn class(
    name: &'static str,
    counted: Counted,
    rate: u64,
    severity: EventSeverity,
    words: &'static str,
) -> Class {
    Class { name, counted, rate, severity, words }
}

const CLASSES: [Class; 14] = [
    class(
        "peer",
        Policed("punt_peer_dropped"),
        10,
        Alarm,
        "heartbeats and connection sync of the peer are dropped",
    ),
    class(
        "neighbour",
        Policed("punt_neighbour_dropped"),
        50,
        Alarm,
        "ARP of next hops that are in use is dropped",
    ),
    class(
        "check",
        Policed("punt_check_dropped"),
        50,
        Alarm,
        "answers to health checks are dropped",
    ),
    class(
        "management",
        Policed("punt_management_dropped"),
        100,
        Warning,
        "TCP to node.management_ports is dropped",
    ),
    class("arp", Policed("punt_arp_dropped"), 100, Warning, "ARP of other stations is dropped"),
    class(
        "kernel",
        Policed("punt_kernel_dropped"),
        100,
        Warning,
        "packets to real addresses of this machine are dropped",
    ),
    class(
        "unresolved",
        Policed("punt_unresolved_dropped"),
        100,
        Warning,
        "packets to next hops that do not answer ARP are dropped",
    ),
    class(
        "no_service",
        Dropped("no_service"),
        1000,
        Warning,
        "packets come to floating addresses where no service listens",
    ),
    class(
        "no_connection",
        Dropped("no_connection"),
        1000,
        Warning,
        "packets come in the middle of connections that are not known",
    ),
    class(
        "spoofed",
        Dropped("spoofed"),
        1000,
        Warning,
        "packets come from the public side with private or local sources",
    ),
    class(
        "overload",
        Dropped("overload"),
        100,
        Alarm,
        "workers have no time for all new connections",
    ),
    class(
        "source_connections",
        Dropped("source_connections"),
        10,
        Warning,
        "sources have as many connections as [sources] allows",
    ),
    class(
        "source_half_open",
        Dropped("source_half_open"),
        10,
        Warning,
        "sources have as many half-open connections as [sources] allows",
    ),
    class(
        "source_rate",
        Dropped("source_rate"),
        10,
        Warning,
        "sources open connections faster than [sources] allows",
    ),
];

/// Which floods there are.
#[derive(Default)]
pub(super) struct Floods {
    counted: BTreeMap<&'static str, u64>,
    looked: Option<Instant>,
    /// Of each class that floods.
    under_way: BTreeMap<&'static str, Flood>,
}

/// One that is under way.
struct Flood {
    since: Instant,
    /// When there was last as much as makes a flood.
    last: Instant,
    dropped: u64,
}

impl Floods {
    /// What begins, and what is over.
    pub(super) fn follow(&mut self, counters: &Counters, now: Instant) -> Vec<Draft> {
        let passed = self.looked.replace(now).map_or(0.0, |before| (now - before).as_secs_f64());
        let mut drafts = Vec::new();
        for class in &CLASSES {
            let count = match class.counted {
                Policed(name) => total(counters, name),
                Dropped(reason) => drops(counters, reason),
            };
            let dropped = growth(&mut self.counted, class.name, count);
            let is_flood = dropped > 0 && dropped as f64 >= class.rate as f64 * passed;
            drafts.extend(self.follow_class(class, dropped, is_flood, passed, now));
        }
        drafts
    }

    fn follow_class(
        &mut self,
        class: &Class,
        dropped: u64,
        is_flood: bool,
        passed: f64,
        now: Instant,
    ) -> Option<Draft> {
        let Some(flood) = self.under_way.get_mut(class.name) else {
            if is_flood {
                self.under_way.insert(class.name, Flood { since: now, last: now, dropped });
            }
            return is_flood.then(|| begun(class, dropped, passed));
        };
        flood.dropped += dropped;
        if is_flood {
            flood.last = now;
        }
        if now - flood.last < QUIET {
            return None;
        }
        let flood = self.under_way.remove(class.name)?;
        Some(over(class, &flood))
    }
}

fn begun(class: &Class, dropped: u64, passed: f64) -> Draft {
    let rate = (dropped as f64 / passed.max(0.001)).round();
    let what = format!("a flood of the class {}: {}", class.name, class.words);
    Draft::new(EventKind::FloodBegun, what)
        .why(format!("{rate} packets a second are dropped"))
        .severity(class.severity)
        .field("class", class.name)
        .field("dropped_per_second", rate)
}

fn over(class: &Class, flood: &Flood) -> Draft {
    let lasted = (flood.last - flood.since).as_secs();
    let what = format!("the flood of the class {} is over, after {lasted} s", class.name);
    Draft::new(EventKind::FloodOver, what)
        .why(format!("{} packets were dropped", flood.dropped))
        .field("class", class.name)
        .field("dropped", flood.dropped)
        .field("lasted", lasted)
}

#[cfg(test)]
mod tests {
    use api::{DropCount, WorkerCounters};

    use super::*;

    fn counters(kernel: u64, no_service: u64) -> Counters {
        let worker = |part: u64| WorkerCounters {
            core: 1,
            counters: [("punt_kernel_dropped".to_owned(), part)].into(),
        };
        let drop =
            DropCount { name: "no_service".to_owned(), packets: no_service, ..Default::default() };
        let workers = vec![worker(kernel / 2), worker(kernel - kernel / 2)];
        Counters { workers, drops: vec![drop], ..Counters::default() }
    }

    /// The drafts after each second of these counters.
    fn told(counted: &[(u64, u64)]) -> Vec<(usize, String)> {
        let (mut floods, start) = (Floods::default(), Instant::now());
        let mut told = Vec::new();
        for (second, &(kernel, no_service)) in counted.iter().enumerate() {
            let now = start + Duration::from_secs(second as u64);
            for draft in floods.follow(&counters(kernel, no_service), now) {
                let event = draft.event("a");
                let class = event.field("class").unwrap_or_default().to_owned();
                told.push((second, format!("{} {class}", event.kind)));
            }
        }
        told
    }

    #[test]
    fn a_flood_is_told_when_it_begins_and_when_it_is_over() {
        let mut counted = vec![(1_000_000, 5), (1_000_000, 5), (1_000_500, 500)];
        // A pause that is no end, and then one that is.
        counted.extend([(1_000_500, 500); 5]);
        counted.extend([(1_001_000, 500); 15]);
        assert_eq!(
            told(&counted),
            [(2, "flood.begun kernel".to_owned()), (18, "flood.over kernel".to_owned())]
        );
    }

    #[test]
    fn what_is_within_bounds_is_no_flood() {
        let few: Vec<_> = (0..50).map(|second| (second * 99, second * 999)).collect();
        assert_eq!(told(&few), []);
    }
}
