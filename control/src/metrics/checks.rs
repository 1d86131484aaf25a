//! What health checks found.

use std::time::UNIX_EPOCH;

use super::catalogue as all;
use super::page::Page;
use crate::health::{CheckReport, Health, Report};

/// Writes how each check of each server is.
pub fn write(health: &Health, page: &mut Page) {
    let reports = health.reports();
    let checks: Vec<_> = reports.iter().flat_map(checks).collect();
    let each = || checks.iter().map(|(labels, check)| (labels.clone(), *check));
    let up = each().map(|(labels, check)| (labels, f64::from(u8::from(check.operational.is_up()))));
    page.gauges(all::CHECK_UP, up);
    let last = || each().filter_map(|(labels, check)| Some((labels, check.last.as_ref()?)));
    let durations = last().map(|(labels, last)| (labels, last.duration.as_secs_f64()));
    page.gauges(all::CHECK_DURATION, durations);
    let ends = last().map(|(labels, last)| {
        let since = last.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        (labels, since.as_secs_f64())
    });
    page.gauges(all::CHECK_LAST, ends);
    page.counters(all::CHECK_FAILURES, each().map(|(labels, check)| (labels, check.failures)));
    page.counters(all::CHECK_LATE, each().map(|(labels, check)| (labels, check.late)));
    // Of the codes that it could have ended with, only the one: the others would be most of the
    // series of a server.
    let results = last().map(|([service, server, check], last)| {
        ([service, server, check, last.code.name().to_owned()], 1.0)
    });
    page.gauges(all::CHECK_RESULT, results);
}

/// Writes the numbers of all checks together.
pub fn write_totals(health: &Health, page: &mut Page) {
    let totals = health.totals();
    page.gauge(all::CHECKS, totals.checks as f64);
    page.counter(all::CHECKS_BEGUN, totals.begun);
    page.counter(all::CHECKS_LATE, totals.late);
    page.counter(all::CHECKS_VOIDED, totals.voided);
    page.flag(all::CHECKS_VOID, totals.is_void);
}

fn server(report: &Report) -> [String; 2] {
    [report.service.clone(), api::server_name(&report.server.into())]
}

/// The checks of a server with their labels: of two of a kind, the second is `http-2`.
fn checks(report: &Report) -> Vec<([String; 3], &CheckReport)> {
    let name = |index: usize, check: &CheckReport| {
        let before = report.checks.iter().take(index);
        match before.filter(|other| other.kind == check.kind).count() {
            0 => check.kind.to_owned(),
            more => format!("{}-{}", check.kind, more + 1),
        }
    };
    let [service, server] = server(report);
    let checks = report.checks.iter().enumerate();
    checks.map(|(i, check)| ([service.clone(), server.clone(), name(i, check)], check)).collect()
}
