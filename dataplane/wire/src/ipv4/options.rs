//! IPv4 options: which of them a router passes on.
//!
//! RFC 7126 has advice for each. The options that it says to drop by default are listed here. A
//! router takes no notice of the others, unknown ones among them (RFC 1812 section 4.2.2.6).

const END: u8 = 0;
const NO_OPERATION: u8 = 1;

/// The options that are dropped, by type, in the order of RFC 7126 section 4.
const DROPPED: [(u8, &str); 18] = [
    (131, "loose source and record route"),
    (137, "strict source and record route"),
    (7, "record route"),
    (136, "stream identifier"),
    (68, "internet timestamp"),
    (11, "probe MTU"),
    (12, "reply MTU"),
    (82, "traceroute"),
    (142, "experimental access control"),
    (145, "extended internet protocol"),
    (147, "address extension"),
    (149, "sender directed multi-destination delivery"),
    (151, "dynamic packet state"),
    (152, "upstream multicast packet"),
    (30, "experiment of RFC 3692"),
    (94, "experiment of RFC 3692"),
    (158, "experiment of RFC 3692"),
    (222, "experiment of RFC 3692"),
];

/// True if a packet with these options may be forwarded: none of them is to be dropped, and
/// their lengths fit.
pub fn may_be_forwarded(mut options: &[u8]) -> bool {
    loop {
        match options {
            [] | [END, ..] => return true,
            [NO_OPERATION, rest @ ..] => options = rest,
            [kind, length, ..] if *length >= 2 && !is_dropped(*kind) => {
                let Some(rest) = options.get(usize::from(*length)..) else { return false };
                options = rest;
            }
            _ => return false,
        }
    }
}

fn is_dropped(kind: u8) -> bool {
    DROPPED.iter().any(|(dropped, _)| *dropped == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_dropped_wherever_it_stands() {
        for (kind, name) in DROPPED {
            assert!(!may_be_forwarded(&[kind, 4, 4, 0]), "{name}");
            assert!(!may_be_forwarded(&[1, 0x94, 4, 0, 0, kind, 3, 4]), "{name}");
            // Behind the end of the list stands nothing.
            assert!(may_be_forwarded(&[1, 0, kind, 4]), "{name}");
        }
    }

    #[test]
    fn security_labels_router_alert_quick_start_and_unknown_options_go_on() {
        for kind in [130, 133, 134, 148, 25, 99, 255] {
            assert!(may_be_forwarded(&[kind, 4, 0, 0]), "{kind}");
            assert!(may_be_forwarded(&[1, 1, kind, 2]), "{kind}");
        }
        assert!(may_be_forwarded(&[]) && may_be_forwarded(&[1, 1, 1, 0]));
    }

    #[test]
    fn options_whose_lengths_do_not_fit_are_not_forwarded() {
        for options in [&[148, 1, 0, 0][..], &[148, 0, 0, 0], &[148, 5, 0, 0], &[1, 1, 1, 148]] {
            assert!(!may_be_forwarded(options), "{options:?}");
        }
    }
}
