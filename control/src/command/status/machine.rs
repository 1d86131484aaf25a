//! What can be wrong with the machine itself: dataplane, NICs, table, buffers, configuration.

use api::{Counters, Nic, NicState, Role, Status};

use super::known::{Cause, Known, KnownPair, Silence};
use super::trouble::Trouble;
use crate::command::rates::{NicRates, Rates};
use crate::output::date;
use crate::output::units::{count, rate};

/// A table that is this full, in per cent, has little room for a flood.
const FULL: u64 = 90;
const LOG: &str = "journalctl -u tandem-dataplane -n 50";

pub(super) fn troubles(known: &Known) -> Vec<Trouble> {
    let mut found = Vec::new();
    match &known.status {
        Err(silence) => found.push(no_answer(silence)),
        Ok(status) => {
            found.extend(alone_on_standby(status, &known.pair));
            found.extend(releases(status, &known.pair));
            found.extend(status.nics.iter().filter_map(|nic| of_nic(nic, &known.pair)));
            found.extend(table(status));
        }
    }
    found.extend(known.counters.iter().flat_map(buffers));
    found.extend(to_be_confirmed(known));
    found
}

/// Packets that are lost just now before a worker has seen them.
pub(super) fn losses(rates: &Rates) -> Vec<Trouble> {
    let losing = rates.nics.iter().filter(|nic| nic.rx_lost > 0.0);
    let trouble = |nic: &NicRates| {
        let what = format!("the {} NIC loses {} packets/s", nic.side, rate(nic.rx_lost));
        Trouble::degraded(
            what,
            &[
                "tandem top --by workers",
                "# a worker that is busy all the time: add cores to node.workers",
            ],
        )
    };
    losing.map(trouble).collect()
}

fn no_answer(silence: &Silence) -> Trouble {
    let remedy: &[&str] = match silence.cause {
        Cause::NotRunning => &["systemctl start tandem-dataplane", LOG, "tandem doctor"],
        Cause::Release => RELEASES,
        Cause::Permission | Cause::Other => {
            &[LOG, "# if it hangs, and the peer is ready: systemctl restart tandem-dataplane"]
        }
    };
    Trouble::broken(silence.words.as_str(), remedy)
}

const RELEASES: &[&str] = &[
    "dpkg -l 'tandem*'",
    "# the releases of the packages have to be the same",
    "systemctl restart tandem-dataplane",
];

/// Without a pair there is nobody else who could be active.
fn alone_on_standby(status: &Status, pair: &KnownPair) -> Option<Trouble> {
    let remedy: &[&str] = match pair {
        KnownPair::Pair(_) => return None,
        KnownPair::Alone(_) => &["systemctl restart tandem-control tandem-dataplane"],
        KnownPair::Silent(_) => &["systemctl start tandem-control"],
    };
    let what = format!("this machine is {}", status.role);
    (status.role != Role::Active).then(|| Trouble::broken(what, remedy))
}

fn releases(status: &Status, pair: &KnownPair) -> Option<Trouble> {
    let control = &pair.pair()?.version;
    (*control != status.version && !control.is_empty() && !status.version.is_empty()).then(|| {
        let what =
            format!("tandem-dataplane is release {}, tandem-control {control}", status.version);
        Trouble::degraded(
            what,
            &[
                "dpkg -l 'tandem*'",
                "# the upgrade is not finished: restart the older one, the standby machine's first",
            ],
        )
    })
}

fn of_nic(nic: &Nic, pair: &KnownPair) -> Option<Trouble> {
    let (what, remedy): (&str, [&str; 2]) = match (nic.state, nic.link_up) {
        (NicState::Removed, _) => {
            ("NIC was removed", ["tandem doctor", "systemctl restart tandem-dataplane"])
        }
        (NicState::Reset, _) => {
            ("NIC was reset", ["systemctl restart tandem-dataplane", "tandem doctor"])
        }
        (NicState::Present, false) => {
            ("link is down", ["# look at its cable and at the switch's port", "tandem doctor"])
        }
        (NicState::Present, true) => return None,
    };
    let what = format!("the {} {what}", nic.side);
    // What keeps the machine from being ready is said there.
    let is_obstacle = pair.pair().is_some_and(|pair| pair.own.obstacles.contains(&what));
    (!is_obstacle).then(|| Trouble::degraded(what, &remedy))
}

fn table(status: &Status) -> Option<Trouble> {
    let taken: u64 = status.workers.iter().map(|worker| worker.connections).sum();
    let limit = status.connections_limit;
    let percent = taken.saturating_mul(100) / limit.max(1);
    (limit > 0 && percent >= FULL).then(|| {
        let what = format!(
            "the table of connections is {percent} % full: {} of {}",
            count(taken),
            count(limit)
        );
        Trouble::degraded(
            what,
            &[
                "tandem sources",
                "# one source has most: limit it in [sources]; else raise node.connections on both",
            ],
        )
    })
}

fn buffers(counters: &Counters) -> Vec<Trouble> {
    let is_low = |one: &&api::MempoolUse| one.size > 0 && one.in_use >= one.size / 100 * 95;
    let low = counters.mempools.iter().filter(is_low);
    let trouble = |one: &api::MempoolUse| {
        let what = format!(
            "packet buffers run out ({}): {} of {} are in use",
            one.name,
            count(one.in_use),
            count(one.size)
        );
        Trouble::degraded(what, &["tandem counters", "# raise the buffers in [node]"])
    };
    low.map(trouble).collect()
}

fn to_be_confirmed(known: &Known) -> Option<Trouble> {
    let newest = known.versions.as_ref()?.versions.first()?;
    let until = newest.confirm_by?;
    let what = format!(
        "version {} of the configuration is taken back at {} unless it is confirmed",
        newest.number,
        date::utc(until / 1000)
    );
    Some(Trouble::degraded(what, &["tandem config confirm", "tandem config diff"]))
}
