//! Groups of services whose clients keep their servers.

use std::collections::HashMap;

use crate::document::{At, Report, duration};
use crate::read::{RawPersist, RawService};

/// All services of a group remember a client alike: it has one entry.
pub(super) fn judge(services: &[RawService], report: &Report<'_>) {
    let mut groups: HashMap<&str, Vec<&At<RawPersist>>> = HashMap::new();
    for one in services.iter().filter_map(|service| service.persist.as_ref()) {
        let Some(group) = &one.value.group else { continue };
        let of_group = groups.entry(&group.value).or_default();
        if let Some(first) = of_group.first() {
            judge_alike(one, first, &group.value, report);
        }
        of_group.push(one);
    }
    for of_group in groups.values() {
        let [one] = &of_group[..] else { continue };
        let Some(group) = &one.value.group else { continue };
        report.warning(
            &group.span,
            format!("service.persist.group is \"{}\", and no other service is in it", group.value),
            "give it to the services that are to share their clients' servers, or take it out",
        );
    }
}

fn judge_alike(one: &At<RawPersist>, first: &At<RawPersist>, group: &str, report: &Report<'_>) {
    let line = report.line(&first.span, &one.span);
    let (here, there) = (&one.value.persist, &first.value.persist);
    let differs = |key: &str, here: String, there: String| {
        if here != there {
            report.error(
                &one.span,
                format!(
                    "service.persist.{key} is {here}, and {there} in the same group \"{group}\" on \
                     {line}"
                ),
                format!("give all services of a group the same {key}, or another group"),
            );
        }
    };
    differs("prefix", here.prefix.to_string(), there.prefix.to_string());
    let time = |time| format!("\"{}\"", duration::display(time));
    differs("timeout", time(here.timeout), time(there.timeout));
}
