//! `check` and `agent` of a service or a server.

mod http;
mod kind;

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::document::duration::display;
use crate::document::{At, Table, value};
use crate::model::check::{Agent, Check, Start};
use crate::schema;

/// The most checks of one server.
const MOST: usize = 8;

const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// Also those that follow a failure.
const FAST_TIMES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
const HOLDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

const STARTS: &[(&str, Start)] =
    &[("up", Start::Up), ("down", Start::Down), ("checked", Start::Checked)];

/// The checks of a service or a server; None when it names none.
pub(super) fn read_all(table: &Table<'_>) -> Option<At<Vec<Check>>> {
    let tables = table.one_or_more_tables("check", &schema::CHECK)?;
    if tables.value.len() > MOST {
        table.report.error(
            &tables.span,
            format!("{} has {} checks", table.path("check"), tables.value.len()),
            format!("a server takes {MOST} at most"),
        );
    }
    let checks = tables.value.iter().filter_map(read).collect();
    Some(At { value: checks, span: tables.span })
}

/// The agent of a service or a server.
pub(super) fn read_agent(table: &Table<'_>) -> Option<Agent> {
    let table = table.table("agent", &schema::AGENT)?;
    let port = table.required("port", value::integer(1..=65_535));
    let interval = table.optional("interval", value::time(TIMES));
    let send = table.optional("send", value::bytes);
    Some(Agent {
        port: port?.value,
        interval: interval.map_or(Check::INTERVAL, |at| at.value),
        send: send.map_or(Vec::new(), |at| at.value),
    })
}

fn read(table: &Table<'_>) -> Option<Check> {
    let mut check = Check::new(kind::read(table)?);
    check.address = table.optional("address", value::address).map(|at| at.value);
    check.port = table.optional("port", value::integer(1..=65_535)).map(|at| at.value);
    read_times(table, &mut check);
    if let Some(fall) = table.optional("fall", value::integer(1..=100)) {
        check.fall = fall.value;
    }
    if let Some(rise) = table.optional("rise", value::integer(1..=100)) {
        check.rise = rise.value;
    }
    if let Some(start) = table.optional("start", value::choice(STARTS)) {
        check.start = start.value;
    }
    if let Some(hold) = table.optional("hold_max", value::time(HOLDS)) {
        check.hold_max = hold.value;
    }
    Some(check)
}

fn read_times(table: &Table<'_>, check: &mut Check) {
    if let Some(interval) = table.optional("interval", value::time(TIMES)) {
        check.interval = interval.value;
        check.timeout = check.timeout.min(check.interval);
    }
    check.fast = check.interval / 4;
    check.down = check.interval;
    if let Some(fast) = table.optional("fast", value::time_or_zero(FAST_TIMES)) {
        if fast.value > check.interval {
            table.report.error(
                &fast.span,
                "service.check.fast is longer than the interval",
                format!(
                    "write at most the interval, {}, or leave it out for a quarter of it",
                    display(check.interval)
                ),
            );
        }
        if !fast.value.is_zero() {
            check.fast = fast.value;
        }
    }
    if let Some(down) = table.optional("down", value::time(TIMES)) {
        check.down = down.value;
    }
    if let Some(timeout) = table.optional("timeout", value::time(TIMES)) {
        if timeout.value > check.interval {
            table.report.error(
                &timeout.span,
                "service.check.timeout is longer than the interval",
                "write at most the interval, so that checks don't overlap",
            );
        }
        check.timeout = timeout.value;
    }
}
