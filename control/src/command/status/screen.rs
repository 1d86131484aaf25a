//! One screen that says what is wrong first, what to type, and how the machine is.

use std::io::{self, Write};

use api::{Administrative, Nic, Pair, Status, SyncLink, SyncState};

use super::known::Known;
use super::trouble::{State, Trouble};
use super::verdict::Verdict;
use crate::command::rates::Rates;
use crate::output::colour::Colour;
use crate::output::date;
use crate::output::units::{bytes, count, permille, plural, rate, seconds};
use crate::output::wrap::{cut, wrap};

/// What the screen is for.
#[derive(Clone, Copy, Default)]
pub(in crate::command) struct Layout {
    /// Columns and rows; none: lines are as long, and as many, as they are.
    pub(in crate::command) size: Option<(u16, u16)>,
    pub(in crate::command) has_colours: bool,
}

/// Where the second column of the numbers begins.
const LABEL: usize = 13;

/// Writes the screen; with rates where two samples are at hand.
pub(in crate::command) fn show(
    known: &Known,
    verdict: &Verdict,
    rates: Option<&Rates>,
    layout: Layout,
    out: &mut dyn Write,
) -> io::Result<()> {
    lines(known, verdict, rates, layout).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The lines of the screen. The last row stays free for the shell's prompt.
pub(in crate::command) fn lines(
    known: &Known,
    verdict: &Verdict,
    rates: Option<&Rates>,
    layout: Layout,
) -> Vec<String> {
    let width = layout.size.map_or(usize::MAX, |(columns, _)| usize::from(columns));
    let numbers: Vec<String> =
        numbers(known, rates).into_iter().map(|line| cut(&line, width)).collect();
    // The verdict, a blank line above the numbers, and the row of the prompt.
    let room = layout
        .size
        .map_or(usize::MAX, |(_, rows)| usize::from(rows).saturating_sub(numbers.len() + 3).max(4));
    let paint =
        |text: &str, state| if layout.has_colours { painted(text, state) } else { text.to_owned() };
    let head = format!("{}: {}", verdict.state.word(), verdict.summary);
    let mut lines = vec![paint(&cut(&head, width), verdict.state)];
    let troubles = &verdict.troubles;
    lines.extend(told(troubles, width, room).into_iter().map(|(line, state)| match state {
        Some(state) => paint(&line, state),
        None => line,
    }));
    if !numbers.is_empty() {
        lines.push(String::new());
    }
    lines.extend(numbers);
    lines
}

fn painted(text: &str, state: State) -> String {
    match state {
        State::Well => Colour::Green.paint(text),
        State::Degraded => Colour::Yellow.paint(text),
        State::Broken => Colour::Red.paint(text),
    }
}

/// The troubles in so many lines, and how many more there are. Lines of what to type have no state.
fn told(troubles: &[Trouble], width: usize, room: usize) -> Vec<(String, Option<State>)> {
    let mut lines: Vec<(String, Option<State>)> = Vec::new();
    for (place, trouble) in troubles.iter().enumerate() {
        let one = one(trouble, width);
        let is_last = place + 1 == troubles.len();
        let left = room.saturating_sub(lines.len());
        // One line is kept for the number of those that are left out.
        if one.len() + usize::from(!is_last) > left {
            let mut shown = place;
            if place == 0 {
                lines.extend(one.into_iter().take(left.saturating_sub(1)));
                shown = 1;
            }
            let more = troubles.len() - shown;
            if more > 0 {
                lines.push((
                    format!("and {}: tandem status --full", plural(more, "more trouble")),
                    None,
                ));
            }
            return lines;
        }
        lines.extend(one);
    }
    lines
}

fn one(trouble: &Trouble, width: usize) -> Vec<(String, Option<State>)> {
    let what = wrap(&format!("* {}", trouble.what), width, 2);
    let mut lines: Vec<_> = what.into_iter().map(|line| (line, Some(trouble.state))).collect();
    for remedy in &trouble.remedy {
        let line = match remedy.strip_prefix("# ") {
            Some(words) => format!("    {words}"),
            None => format!("    $ {remedy}"),
        };
        lines.extend(wrap(&line, width, 6).into_iter().map(|line| (line, None)));
    }
    lines
}

/// How the machine is, a line each.
fn numbers(known: &Known, rates: Option<&Rates>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |label: &str, text: String| lines.push(format!("{label:<LABEL$}{text}"));
    if let Some(pair) = known.pair.pair() {
        add("machines", machines(pair));
        add("heartbeats", heartbeats(pair));
        add("sync", sync(pair));
        if let Some(change) = &pair.last_change {
            add(
                "last change",
                format!("{} since {}: {}", change.to, date::utc(change.at), change.why),
            );
        }
    }
    if let Ok(status) = &known.status {
        status.nics.iter().for_each(|nic| add(&nic.side.to_string(), link(nic, rates)));
        add("connections", connections(status, rates));
        if let Some(servers) = servers(known) {
            add("servers", servers);
        }
        if let Some(drops) = drops(known, rates) {
            add("dropped", drops);
        }
        add("running", running(status));
    }
    lines
}

fn machines(pair: &Pair) -> String {
    let is_heard = pair.paths.iter().any(|path| path.up);
    let one = |member: &api::Member, is_known: bool| {
        let ready = match (is_known, member.ready) {
            (false, _) => "silent",
            (true, true) => "ready",
            (true, false) => "not ready",
        };
        format!("{} {}, {ready}", member.name, member.role)
    };
    let own = one(&pair.own, true);
    let peer = pair.peer.as_ref().map(|peer| one(peer, is_heard && pair.not_understood.is_none()));
    format!("{own}; {}", peer.as_deref().unwrap_or("the peer was not heard yet"))
}

fn heartbeats(pair: &Pair) -> String {
    let up = pair.paths.iter().filter(|path| path.up).count();
    let silence = pair.silence_millis.map(|millis| format!(", the last {millis} ms ago"));
    format!(
        "{up} of {} up{}",
        plural(pair.paths.len(), "path"),
        silence.filter(|_| up > 0).unwrap_or_default()
    )
}

fn sync(pair: &Pair) -> String {
    let sync = &pair.sync;
    let state = match sync.dataplane.state {
        SyncState::Off => "the dataplane has not joined yet",
        SyncState::Bulk => "all connections are being copied",
        SyncState::Following => "in sync",
    };
    let path = sync.path.as_deref().unwrap_or("?");
    match sync.link {
        SyncLink::Down => "down".to_owned(),
        SyncLink::Sending => {
            format!("to {path}: {state}, {} not confirmed yet", plural_events(sync.dataplane.lag))
        }
        SyncLink::Receiving => format!("from {path}: {state}"),
    }
}

fn plural_events(number: u64) -> String {
    plural(usize::try_from(number).unwrap_or(usize::MAX), "event")
}

fn link(nic: &Nic, rates: Option<&Rates>) -> String {
    let state = match (nic.state, nic.link_up, nic.speed_mbps) {
        (api::NicState::Removed, ..) => "removed".to_owned(),
        (api::NicState::Reset, ..) => "reset".to_owned(),
        (_, false, _) => "down".to_owned(),
        (_, true, Some(speed)) if speed >= 1000 => format!("up {} Gb/s", f64::from(speed) / 1000.0),
        (_, true, Some(speed)) => format!("up {speed} Mb/s"),
        (_, true, None) => "up".to_owned(),
    };
    let counters = &nic.counters;
    let traffic = match rates.and_then(|rates| rates.nics.iter().find(|one| one.side == nic.side)) {
        Some(now) => format!(
            "in {} pkt/s {}bit/s, out {} pkt/s {}bit/s",
            rate(now.rx_packets),
            rate(now.rx_bits),
            rate(now.tx_packets),
            rate(now.tx_bits)
        ),
        None => format!("in {}, out {}", bytes(counters.rx_bytes), bytes(counters.tx_bytes)),
    };
    let lost = counters.rx_missed + counters.rx_no_buffer + counters.rx_errors + counters.tx_errors;
    let lost = if lost > 0 { format!(", {} lost or damaged", count(lost)) } else { String::new() };
    format!("{state}, {} {}, {traffic}{lost}", nic.address, nic.floating.join(" "))
        .replace(" , ", ", ")
}

fn connections(status: &Status, rates: Option<&Rates>) -> String {
    let taken: u64 = status.workers.iter().map(|worker| worker.connections).sum();
    let new = rates.map_or(String::new(), |rates| {
        let new: f64 = rates.services.iter().map(|service| service.traffic.connections).sum();
        format!(", {} new/s", rate(new))
    });
    let busiest = status.workers.iter().max_by_key(|worker| worker.busy_permille);
    let busiest = busiest.map_or(String::new(), |worker| {
        format!(
            ", busiest of {} {}",
            plural(status.workers.len(), "worker"),
            permille(worker.busy_permille)
        )
    });
    format!("{} of {}{new}{busiest}", count(taken), count(status.connections_limit))
}

fn servers(known: &Known) -> Option<String> {
    let services = &known.services.as_ref()?.services;
    let Some(pools) = &known.pools else {
        let servers: usize = services.iter().map(|service| service.servers.len()).sum();
        let of = plural(services.len(), "service");
        return Some(format!("{} in {of}; nobody checks them", plural(servers, "server")));
    };
    let all: Vec<_> =
        pools.pools.iter().flat_map(|pool| &pool.servers).filter(|one| !one.sorry).collect();
    let out = all.iter().filter(|one| one.administrative != Administrative::Ready).count();
    let down = all.iter().filter(|one| one.operational.is_down()).count();
    let mut text = format!(
        "{} of {} up in {}",
        all.len() - down,
        all.len(),
        plural(pools.pools.len(), "service")
    );
    if out > 0 {
        text.push_str(&format!("; {out} drained or in maintenance"));
    }
    Some(text)
}

fn drops(known: &Known, rates: Option<&Rates>) -> Option<String> {
    let counters = known.counters.as_ref()?;
    let all: u64 = counters.drops.iter().map(|reason| reason.packets).sum();
    let most = counters.drops.iter().max_by_key(|reason| reason.packets);
    let most = most.filter(|reason| reason.packets > 0);
    let most = most.map_or(String::new(), |reason| format!(", most for {}", reason.name));
    let now = rates.map_or(String::new(), |rates| {
        let now: f64 = rates.drops.iter().map(|reason| reason.packets).sum();
        format!("{} pkt/s, ", rate(now))
    });
    Some(format!("{now}{} packets since the start{most}", count(all)))
}

fn running(status: &Status) -> String {
    let api::Configuration { generation, loaded_at, .. } = status.configuration;
    format!(
        "{} for {}, configuration {generation} of {}",
        status.version,
        seconds(status.uptime_seconds),
        date::utc(loaded_at)
    )
}
