//! `[timeouts]`.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::document::{Table, duration, value};
use crate::model::timeouts::{ConnectionTimeouts, Timeouts};
use crate::schema;

const RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);

pub(super) fn read(table: Option<Table<'_>>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let Some(table) = table else { return timeouts };
    if let Some(service) = table.table("service", &schema::SERVICE_TIMEOUTS) {
        read_connection(&service, &mut timeouts.service);
    }
    if let Some(masquerade) = table.table("masquerade", &schema::MASQUERADE_TIMEOUTS) {
        read_connection(&masquerade, &mut timeouts.masquerade);
        warn_of_short(&masquerade, &timeouts.masquerade);
    }
    read_one(&table, "fragment", &mut timeouts.fragment);
    timeouts
}

fn read_connection(table: &Table<'_>, timeouts: &mut ConnectionTimeouts) {
    for (key, timeout) in fields(timeouts) {
        read_one(table, key, timeout);
    }
}

fn read_one(table: &Table<'_>, key: &'static str, timeout: &mut Duration) {
    let Some(given) = table.optional(key, value::time(RANGE)) else { return };
    if given.value.subsec_nanos() != 0 {
        table.report.error(
            &given.span,
            format!("{} has a fraction of a second", table.path(key)),
            "write whole seconds, as in \"30s\"",
        );
    }
    *timeout = given.value;
}

/// Every timeout by its key.
fn fields(timeouts: &mut ConnectionTimeouts) -> [(&'static str, &mut Duration); 14] {
    let ConnectionTimeouts { tcp, udp, udp_unreplied, icmp } = timeouts;
    [
        ("none", &mut tcp.none),
        ("established", &mut tcp.established),
        ("syn_sent", &mut tcp.syn_sent),
        ("syn_recv", &mut tcp.syn_recv),
        ("fin_wait", &mut tcp.fin_wait),
        ("time_wait", &mut tcp.time_wait),
        ("close", &mut tcp.close),
        ("close_wait", &mut tcp.close_wait),
        ("last_ack", &mut tcp.last_ack),
        ("listen", &mut tcp.listen),
        ("synack", &mut tcp.synack),
        ("udp", udp),
        ("udp_unreplied", udp_unreplied),
        ("icmp", icmp),
    ]
}

/// Masquerading below what the RFCs ask for cuts connections that are still wanted.
fn warn_of_short(table: &Table<'_>, given: &ConnectionTimeouts) {
    let least = [
        ("established", given.tcp.established, 7440, "RFC 5382"),
        ("syn_sent", given.tcp.syn_sent, 240, "RFC 5382"),
        ("syn_recv", given.tcp.syn_recv, 240, "RFC 5382"),
        ("fin_wait", given.tcp.fin_wait, 240, "RFC 5382"),
        ("time_wait", given.tcp.time_wait, 240, "RFC 5382"),
        ("close_wait", given.tcp.close_wait, 240, "RFC 5382"),
        ("last_ack", given.tcp.last_ack, 240, "RFC 5382"),
        ("udp", given.udp, 120, "RFC 4787"),
        ("udp_unreplied", given.udp_unreplied, 120, "RFC 4787"),
        ("icmp", given.icmp, 60, "RFC 5508"),
    ];
    for (key, given, least, source) in least {
        let least = Duration::from_secs(least);
        if given < least {
            let what = format!("{} is shorter than {source} asks for", table.path(key));
            let remedy = format!(
                "connections still in use may be cut; {} or longer is safe",
                duration::display(least)
            );
            table.report.warning(&table.span_of(key), what, remedy);
        }
    }
}
