//! What services and masquerade rules are sure of, judged against the room of the machine.

use crate::document::{At, Report};
use crate::read::Raw;

pub(super) fn judge(raw: &Raw, report: &Report<'_>) {
    let services =
        raw.services.iter().map(|one| ("service", &one.reserved, one.limit.most.as_ref()));
    let rules = raw.masquerade.iter().map(|one| ("masquerade", &one.reserved, one.most.as_ref()));
    let Some(room) = raw.node.as_ref().map(|raw| raw.node.connections) else { return };
    let mut sum = 0u64;
    for (section, reserved, most) in services.chain(rules) {
        let Some(reserved) = reserved else { continue };
        judge_one(section, reserved, most, report);
        let before = sum;
        sum += u64::from(reserved.value);
        // Each worker has its part of half of the room for sure; the other half is lent.
        let half = u64::from(room / 2);
        if before <= half && sum > half {
            report.error(
                &reserved.span,
                format!(
                    "{section}.reserved_connections: {sum} connections are reserved up to here, and \
                     half of node.connections, {half}, can be"
                ),
                format!("reserve less, or write node.connections = {}", sum * 2),
            );
        }
    }
}

fn judge_one(section: &str, reserved: &At<u32>, most: Option<&At<u32>>, report: &Report<'_>) {
    let Some(most) = most.filter(|most| reserved.value > most.value) else { return };
    report.error(
        &reserved.span,
        format!(
            "{section}.reserved_connections is {}, above max_connections, {}",
            reserved.value, most.value
        ),
        format!("write at most {}: there can't be more", most.value),
    );
}
