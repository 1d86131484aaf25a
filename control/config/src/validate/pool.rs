//! The rules of a service's servers as a whole, judged against its servers.

use crate::document::Report;
use crate::model::pool::{PoolRules, WhenAllDown};
use crate::read::{RawPool, RawService};

pub(super) fn judge(service: &RawService, report: &Report<'_>) {
    let pool = &service.pool;
    let rules = rules(pool);
    if let Some(hysteresis) = &pool.hysteresis {
        if rules.hysteresis > 0 && rules.hysteresis >= rules.quorum {
            report.error(
                &hysteresis.span,
                format!(
                    "service.hysteresis is {}, and service.quorum is {}",
                    rules.hysteresis, rules.quorum
                ),
                "write a hysteresis that is less than the quorum, or the quorum is never lost",
            );
        }
    }
    judge_reachable(service, rules, report);
    if let Some(chosen) = &pool.when_all_down {
        judge_all_down(service, chosen.value, &chosen.span, report);
    }
}

/// A quorum that the servers cannot reach sends every client to the sorry servers.
fn judge_reachable(service: &RawService, rules: PoolRules, report: &Report<'_>) {
    let (Some(quorum), Some(servers)) = (&service.pool.quorum, &service.servers) else { return };
    let all: u32 = servers.value.iter().map(|server| u32::from(server.weight)).sum();
    let needed = rules.quorum.saturating_add(rules.hysteresis);
    if needed > all {
        report.warning(
            &quorum.span,
            format!(
                "service.quorum and hysteresis need a weight of {needed}, and the servers have \
                 {all} together"
            ),
            "write a smaller quorum: it is the sum of the weights of the servers that are up",
        );
    }
}

fn judge_all_down(
    service: &RawService,
    chosen: WhenAllDown,
    span: &crate::document::Span,
    report: &Report<'_>,
) {
    match (chosen, has_sorry(service)) {
        (WhenAllDown::Sorry, false) => report.error(
            span,
            "service.when_all_down is \"sorry\", and the service has no sorry server",
            "add one, or write \"keep\" or \"refuse\"",
        ),
        (WhenAllDown::Refuse, true) => report.error(
            span,
            "service.when_all_down is \"refuse\", and the service has sorry servers",
            "write \"sorry\" or \"keep\", or leave the sorry servers out",
        ),
        _ => {}
    }
}

fn has_sorry(service: &RawService) -> bool {
    service.sorry.as_ref().is_some_and(|sorry| !sorry.value.is_empty())
}

/// The rules with their defaults.
pub(super) fn rules(raw: &RawPool) -> PoolRules {
    let default = PoolRules::default();
    PoolRules {
        slow_start: raw.slow_start.as_ref().map_or(default.slow_start, |at| at.value),
        panic: raw.panic.as_ref().map_or(default.panic, |at| at.value),
        when_all_down: raw.when_all_down.as_ref().map(|at| at.value),
        quorum: raw.quorum.as_ref().map_or(default.quorum, |at| at.value),
        hysteresis: raw.hysteresis.as_ref().map_or(default.hysteresis, |at| at.value),
    }
}
