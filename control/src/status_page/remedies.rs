//! What to do about dropped packets, by reason. docs/counters.md says what each reason means.

/// The remedies, in the order of docs/counters.md.
const REMEDIES: [(&str, &str); 48] = [
    (
        "other_station",
        "Usual on a port that mirrors or floods. If it grows fast, look at the switch: it does not know where this address is.",
    ),
    (
        "ether_type",
        "Usual for IPv6 and protocols of switches. Nothing to do, unless a neighbour of a routing daemon is missing: see kernel_multicast.",
    ),
    ("vlan", "Have the switch send this port untagged frames, or set the NIC's VLAN on the host."),
    (
        "truncated",
        "Look for a broken NIC, cable or sender: tandem capture shows them, ethtool -S the NIC's errors.",
    ),
    (
        "ip_header",
        "Look for a broken NIC, cable or sender; a virtual host with checksum offload sends unfinished headers: ethtool -K DEVICE tx off there.",
    ),
    (
        "icmp_checksum",
        "Look for a broken sender, or a virtual host with checksum offload: ethtool -K DEVICE tx off there.",
    ),
    (
        "martian",
        "Spoofed or misconfigured senders. Filter them upstream (RFC 2827) if there are many.",
    ),
    ("ip_option", "Nothing to do: no program needs these options, and scanners send them."),
    (
        "protocol",
        "What is neither TCP, UDP nor ICMP has to go around this machine, as on a real address.",
    ),
    (
        "not_for_us",
        "Somebody routes other networks here. Look at the routes upstream, or add a [[public.route]] if they belong here.",
    ),
    (
        "no_service",
        "Usual from scanners. If clients complain, compare their port with listen in the configuration.",
    ),
    (
        "no_connection",
        "Usual after a restart, or behind an asymmetric path. If it grows: tandem status shows whether connection sync is complete.",
    ),
    (
        "overload",
        "More arrives than the workers serve: add workers, or limit sources with [sources].",
    ),
    (
        "no_server",
        "Bring a server back: tandem services says why each is out, tandem enable takes one in.",
    ),
    (
        "server_down",
        "Ends by itself as clients open new connections. tandem services says why the server is down.",
    ),
    ("killed", "Nothing to do: an operator has ended the connection, and its ends are told."),
    ("server_full", "Add servers, or raise max_connections of the servers or the service."),
    (
        "not_masqueraded",
        "Add a [[masquerade]] rule with this host's network in source, if it may reach the Internet.",
    ),
    (
        "spoofed",
        "Somebody pretends to be inside. Filter it upstream (RFC 2827); look for a loop between the two sides.",
    ),
    ("table_full", "Raise node.connections, or limit who takes most of them: tandem sources."),
    ("ports_exhausted", "Add floating addresses to [[masquerade]], or widen its ports."),
    (
        "masquerade_full",
        "Raise max_connections of the [[masquerade]] rule; tandem sources shows which hosts have most.",
    ),
    (
        "source_connections",
        "tandem sources shows who. Raise the limit in [sources], or allow the source, if it may.",
    ),
    ("source_half_open", "Usual for a scanner or a SYN flood. tandem sources shows who."),
    (
        "source_rate",
        "tandem sources shows who. Raise new_per_second in [sources], or allow the source, if it may.",
    ),
    ("tuple_taken", "Seldom, and no harm: the server tries again from another port."),
    ("icmp_unrelated", "Usual from scanners and old connections. Nothing to do."),
    ("icmp_type", "Nothing to do: what paths need is translated."),
    ("ttl_expired", "Usual for traceroute. If it grows fast, look for a routing loop."),
    (
        "too_big",
        "Usual while senders learn the MTU. If connections hang, set mss_clamp, or let ICMP through on the way.",
    ),
    ("no_route", "Add a gateway or a route to the side where the destination is."),
    ("neighbour_queue", "The neighbour answers ARP too slowly or not at all: tandem neighbours."),
    (
        "neighbour_failed",
        "The next hop or server is off, or in another VLAN: tandem neighbours says which.",
    ),
    ("neighbour_table", "Too many hosts on one link. Put a router between them, or scan less."),
    ("fragment_early", "Usual in a flood of fragments. Have senders use a smaller MTU."),
    (
        "fragment_expired",
        "Fragments are lost on the way: look for loss upstream, have senders use a smaller MTU.",
    ),
    ("fragment_invalid", "An attack, or a broken sender. Nothing to do here."),
    (
        "fragment_table",
        "A flood of fragments. Have senders use a smaller MTU; filter fragments upstream if nobody needs them.",
    ),
    ("fragment_to_router", "Nothing to do: somebody tests the router with fragments."),
    ("segments", "The NIC joins frames: switch LRO off on it, or on its host."),
    ("no_buffer", "Raise node.mbufs; tandem counters shows how many are in use."),
    (
        "transmit_full",
        "The link is slower than what goes out: look at its speed, or raise tx_descriptors.",
    ),
    (
        "handoff_full",
        "One worker has too much: tandem status shows which is busy. Add workers; a NIC with RSS by address spreads better.",
    ),
    (
        "housekeeping_full",
        "Somebody floods this machine's own addresses; punt_*_dropped in tandem counters says with what. Filter it upstream.",
    ),
    (
        "kernel_full",
        "A program on this machine reads too slowly, or somebody floods it: ss -m shows which.",
    ),
    (
        "standby",
        "Usual on a standby machine for a moment after a change. If it lasts: the switch or a host has an old ARP entry.",
    ),
    (
        "kernel_address",
        "Nothing listens on this machine's real address. Nothing to do, unless SSH does not answer.",
    ),
    ("other", "tandem counters shows the reason; docs/counters.md says what it means."),
];

/// What to do about this reason.
#[must_use]
pub fn remedy(reason: &str) -> &'static str {
    let of = |name: &str| REMEDIES.iter().find(|(one, _)| *one == name).map(|(_, text)| *text);
    of(reason).or_else(|| of("other")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = include_str!("../../../docs/counters.md");

    #[test]
    fn every_reason_has_a_remedy_and_no_other_has() {
        let section = REFERENCE.split("## Dropped packets").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let mut documented: Vec<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
        documented.push("other");
        let known: Vec<_> = REMEDIES.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(known, documented);
        assert_ne!(remedy("table_full"), remedy("other"));
        assert_eq!(remedy("of_a_later_release"), remedy("other"));
    }
}
